// The engine itself: CPython with the scientific packages in one WebAssembly file, on the files of files.js.
// Another build of Python takes its place by another file with the same `start`, and by another support.js.

import { Tree } from "./files.js";
import { Wasi } from "./wasi.js";

const LIBRARY = "/usr/local/lib/python315.zip"; // baked in; a folder serves as well as the zip
const HOME = "/home/reader";
const ENVIRONMENT = {
  HOME,
  TMPDIR: "/tmp",
  PWD: `${HOME}/notebooks`,
  PYTHONTZPATH: "",
  PYTHONDONTWRITEBYTECODE: "1",
  NO_COLOR: "1",
  MPLBACKEND: "agg",
};
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Start Python, or bring a session back.
//
//   files      { python, library, course }: Blobs, compressed with gzip
//   module     of an earlier start, so that nothing is compiled again; or null
//   snapshot   of an earlier session, or null
//   emit       called with every message of the runner, and with { kind: "text", stream, text }
//   step       called with (name) when a step begins
export async function start({ files, module, snapshot, emit, step }) {
  if (!module) {
    step("compile");
    const unpacked = files.python.stream().pipeThrough(new DecompressionStream("gzip"));
    module = await WebAssembly.compileStreaming(new Response(unpacked, { headers: { "content-type": "application/wasm" } }));
  }
  step("unpack");
  const tree = new Tree();
  await mount(tree, LIBRARY, files.library);
  await mount(tree, HOME, files.course);
  ["/tmp", `${HOME}/notebooks`].forEach((path) => tree.folder(path));
  tree.device("/dev/page", lines((line) => emit(JSON.parse(line))));
  const texts = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const wasi = new Wasi({
    tree,
    args: ["python", `${HOME}/live`, HOME],
    environment: ENVIRONMENT,
    write: (stream, bytes) => emit({ kind: "text", stream, text: texts[stream].decode(bytes, { stream: true }) }),
  });
  const instance = await WebAssembly.instantiate(module, {
    wasi_snapshot_preview1: wasi.imports,
    host: { call: () => -1 },
  });
  const { memory, turn, host_alloc, _initialize } = instance.exports;
  wasi.memory = memory;
  if (snapshot) {
    step("restore");
    const [made, bytes] = await opened(snapshot);
    const missing = bytes.length - memory.buffer.byteLength;
    if (missing > 0) memory.grow(missing / 65536);
    new Uint8Array(memory.buffer).set(bytes);
    tree.makeAgain(made);
  } else {
    step("start");
    _initialize();
  }

  // Run Python source in __main__; whether the session still lives.
  function execute(source) {
    const bytes = encoder.encode(source);
    const at = host_alloc(bytes.length);
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
    const status = turn(at, bytes.length);
    return status >= 0 && status < 256;
  }

  return {
    module,
    run(request) {
      tree.write("/tmp/request.json", encoder.encode(JSON.stringify(request)));
      return execute("import runner; runner.answer('/tmp/request.json')");
    },
    write: (path, bytes) => tree.write(path.startsWith("/") ? path : `${HOME}/notebooks/${path}`, bytes),
    memory: () => memory.buffer.byteLength,
    snapshot() {
      if (wasi.anyFileOpen) throw new Error("a file is open, so the session cannot be kept");
      return closed(tree.made(), memory.buffer);
    },
  };
}

// A bundle is the length of its list of contents, the list as JSON, [[path, size], ...], and the files one by one.
async function mount(tree, folder, blob) {
  const stream = blob.stream().pipeThrough(new DecompressionStream("gzip"));
  const [files] = contents(await new Response(stream).arrayBuffer());
  for (const [path, bytes] of files) tree.mount(`${folder}/${path}`, bytes);
}

// The files of a bundle, [path, bytes] or [path, null] for a folder, and where they end.
function contents(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  let at = 4 + length;
  const files = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length))).map(([path, size]) => {
    at += size ?? 0;
    return [path, size === null ? null : new Uint8Array(buffer, at - size, size)];
  });
  return [files, at];
}

// A session as one Blob: what it has written to files, in the form of a bundle, and its memory.
function closed(made, memory) {
  const list = encoder.encode(JSON.stringify(made.map(([path, bytes]) => [path, bytes && bytes.length])));
  return new Blob([new Uint32Array([list.length]), list, ...made.map(([, bytes]) => bytes ?? ""), memory]);
}

async function opened(snapshot) {
  const buffer = await snapshot.arrayBuffer();
  const [made, at] = contents(buffer);
  return [made, new Uint8Array(buffer, at)];
}

// Bytes that come in pieces, handed on line by line.
function lines(use) {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    rest += decoder.decode(bytes, { stream: true });
    const found = rest.split("\n");
    rest = found.pop();
    found.forEach(use);
  };
}
