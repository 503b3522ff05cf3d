// Python for a page: start it, run cells in it, stop it. README.md says how to use it.

const HERE = new URL(".", import.meta.url);

export class Engine {
  #worker = null;
  #module = null;
  #snapshot = null;
  #ready = null;
  #queue = Promise.resolve();
  #runs = new Map();
  #count = 0;
  #life = 0; // which worker this is: what was asked of an earlier one is not asked of this one

  // onprogress is called with { step, loaded, total } while the files come, with { step, name, number, of } while
  // packages are imported, and with { step } at the other steps of the start.
  constructor({ onprogress = () => {} } = {}) {
    this.onprogress = onprogress;
  }

  // Resolves, once cells can be run, to { seconds, restored, memory }; rejects with an Error to be shown.
  start() {
    this.#ready ??= this.#begin().catch((error) => {
      this.#end("Python could not be started.");
      throw error;
    });
    return this.#ready;
  }

  async #begin() {
    const life = ++this.#life;
    const response = await fetch(new URL("engine.json", HERE), { cache: "no-cache" });
    if (!response.ok) throw new Error(`engine.json could not be loaded: ${response.status} ${response.statusText}`);
    const manifest = await response.json();
    if (life !== this.#life) throw new Error("stopped while it started");
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL("worker.js", HERE), { type: "module" });
      this.#worker = worker;
      worker.onerror = (event) => reject(new Error(event.message || "the script for Python could not be loaded"));
      worker.onmessage = ({ data }) => {
        if (data.type === "progress") this.onprogress(data);
        else if (data.type === "failed") reject(new Error(data.message));
        else if (data.type === "ready") {
          this.#module = data.module;
          this.#snapshot = data.snapshot ?? this.#snapshot;
          resolve({ seconds: data.seconds, restored: data.restored, memory: data.memory });
        } else this.#hear(data);
      };
      this.#abandon = reject;
      worker.postMessage({ type: "start", base: HERE.href, ...manifest, module: this.#module, snapshot: this.#snapshot });
    });
  }

  #abandon = () => {};

  #hear({ type, number, output, ended, seconds, memory }) {
    const run = this.#runs.get(number);
    if (type === "output") {
      if (output.kind === "error") run.ok = false;
      if (output.kind === "text" && run.outputs.at(-1)?.kind === "text" && run.outputs.at(-1).stream === output.stream)
        run.outputs.at(-1).text += output.text;
      else run.outputs.push({ ...output });
      run.onoutput(output);
    } else if (type === "done") {
      this.#runs.delete(number);
      if (ended) this.#end(ended);
      run.resolve({ ok: run.ok && !ended, ended: ended ?? null, outputs: run.outputs, seconds, memory });
    }
  }

  // Run one cell, after those that were asked for before. Starts Python where that is not done. Resolves to
  // { ok, ended, outputs, seconds, memory }; `ended` says why the session is over, else it is null. `onoutput` is
  // called with each output as it comes.
  run(source, { name = "cell", onoutput = () => {}, onstart = () => {} } = {}) {
    const asked = this.#life;
    const turn = this.#queue.then(async () => {
      if (asked && asked !== this.#life) return { ok: false, ended: STOPPED, outputs: [], seconds: 0, memory: 0 };
      await this.start();
      onstart();
      return new Promise((resolve) => {
        const number = ++this.#count;
        this.#runs.set(number, { resolve, onoutput, outputs: [], ok: true });
        this.#worker.postMessage({ type: "run", number, source, name });
      });
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }

  // Put a file where cells find it: a name is in their folder, as "mine.csv" is for pd.read_csv("mine.csv").
  async write(path, bytes) {
    await this.start();
    this.#worker.postMessage({ type: "write", path, bytes });
  }

  // Break off what runs and forget what is queued. The next start, or run, brings back the session as it was after
  // the imports.
  stop() {
    this.#end(STOPPED);
  }

  get started() {
    return this.#ready !== null;
  }

  #end(reason) {
    this.#life++;
    this.#worker?.terminate();
    this.#abandon(new Error(reason));
    this.#worker = this.#ready = null;
    this.#queue = Promise.resolve();
    for (const run of this.#runs.values())
      run.resolve({ ok: false, ended: reason, outputs: run.outputs, seconds: 0, memory: 0 });
    this.#runs.clear();
  }
}

export const STOPPED = "Stopped.";
