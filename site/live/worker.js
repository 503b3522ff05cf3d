// Runs Python beside the page. README.md has the messages.

import { start } from "./python.js";

let python = null;
let current = null; // the number of the cell that runs

onmessage = async ({ data }) => {
  try {
    await ACTIONS[data.type](data);
  } catch (error) {
    postMessage({ type: "failed", message: error.message });
  }
};

const ACTIONS = {
  async start({ base, version, files, module, snapshot }) {
    const began = performance.now();
    const store = await openStore();
    await forget(store, [sessionUrl(version), ...Object.values(files).map(({ file }) => new URL(file, base).href)]);
    const kept = snapshot ?? (await fromStore(store, version));
    const blobs = await download(base, files, store, module ? ["library", "course"] : Object.keys(files));
    python = await start({ files: blobs, module, snapshot: kept, emit, step });
    let made = null;
    if (!kept) step("import");
    const trouble = run({ do: kept ? "wake" : "prepare" });
    if (trouble) throw new Error(trouble);
    if (!kept) {
      made = python.snapshot();
      if (await keep(store, sessionUrl(version), made)) made = null; // then there is no need to hold it in memory
    }
    tell.flush();
    postMessage({
      type: "ready", module: python.module, snapshot: made, restored: Boolean(kept), memory: python.memory(),
      seconds: (performance.now() - began) / 1000,
    });
  },

  run({ number, source, name }) {
    current = number;
    const began = performance.now();
    const reason = run({ do: "cell", source, name });
    tell.flush();
    postMessage({ type: "done", number, ended: reason, seconds: (performance.now() - began) / 1000, memory: python.memory() });
    current = null;
  },

  write({ path, bytes }) {
    python.write(path, bytes);
  },
};

let broken = null; // what went wrong in the runner itself

// Null, or why the session has ended.
function run(request) {
  try {
    if (!python.run(request)) return "Python has ended, as the code told it to.";
    return broken;
  } catch (error) {
    if (error instanceof RangeError || error.name === "InternalError") return "The code called itself too deeply for Python to go on.";
    if (/memory|alloc/i.test(error.message)) return "There is no more memory.";
    return error.code === undefined ? `Python broke off (${error.message}).` : "Python has ended, as the code told it to.";
  }
}

function step(name) {
  postMessage({ type: "progress", step: name });
}

// Text comes in small pieces. Each is told at once, since what is printed before a long computation is to be seen
// while it lasts; but where a loop prints without end, they are gathered, so that the page keeps up.
const AT_ONCE = 50, WITHIN = 100; // pieces, milliseconds
const tell = {
  text: null,
  count: 0,
  since: 0,
  flush() {
    if (this.text) postMessage({ type: "output", number: current, output: this.text });
    this.text = null;
  },
  add(output) {
    if (this.text && this.text.stream !== output.stream) this.flush();
    if (this.text) this.text.text += output.text;
    else this.text = { ...output };
    const time = performance.now();
    if (time - this.since > WITHIN) {
      this.since = time;
      this.count = 0;
    }
    this.count += 1;
    if (this.count <= AT_ONCE) this.flush();
  },
};

function emit(output) {
  if (output.kind === "text") return tell.add(output);
  tell.flush();
  if (output.kind === "broken") broken = output.message;
  else if (output.kind === "importing") postMessage({ type: "progress", step: "import", ...output });
  else postMessage({ type: "output", number: current, output });
}

// ---- files ------------------------------------------------------------------------------------------------

const STORE = "course-live";

// The browser's store of what pages keep. It is missing where the address is not https or localhost.
async function openStore() {
  try {
    return await caches.open(STORE);
  } catch {
    return null;
  }
}

async function download(base, files, store, wanted) {
  const urls = Object.fromEntries(wanted.map((name) => [name, new URL(files[name].file, base).href]));
  const total = wanted.reduce((sum, name) => sum + files[name].bytes, 0);
  const loaded = {};
  const report = () => postMessage({
    type: "progress", step: "download", total, loaded: Object.values(loaded).reduce((sum, n) => sum + n, 0),
  });
  const blobs = {};
  await Promise.all(wanted.map(async (name) => {
    const url = urls[name];
    const stored = await store?.match(url);
    if (stored) {
      blobs[name] = await stored.blob();
      loaded[name] = files[name].bytes;
      return report();
    }
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${files[name].file} could not be loaded: ${response.status} ${response.statusText}`);
    const pieces = [];
    loaded[name] = 0;
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      loaded[name] += value.length;
      report();
    }
    blobs[name] = new Blob(pieces);
    if (blobs[name].size !== files[name].bytes) throw new Error(`${files[name].file} came incomplete: load the page again`);
    await keep(store, url, blobs[name]);
  }));
  return blobs;
}

async function keep(store, url, blob) {
  try {
    await store?.put(url, new Response(blob));
    return Boolean(store);
  } catch {
    return false; // no room: the next visit downloads again
  }
}

// What an earlier version of the site has left.
async function forget(store, urls) {
  for (const request of (await store?.keys()) ?? [])
    if (!urls.includes(request.url)) await store.delete(request);
}

// ---- the session after the imports ---------------------------------------------------------------------------

const sessionUrl = (version) => new URL(`session-${version}`, import.meta.url).href;

async function fromStore(store, version) {
  return (await store?.match(sessionUrl(version)))?.blob();
}
