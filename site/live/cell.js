// A code cell of a lesson: its editor, its buttons, what it shows.

import { button, element } from "./dom.js";
import { editor } from "./editor.js";
import { said, shown } from "./output.js";

const STATES = { fresh: "", waiting: "waiting", running: "running ...", ran: "", failed: "stopped at an error", ended: "" };

export class Cell {
  // `page` has: run(cell, goOn), runAbove(cell), changed(cell), engine
  constructor(box, number, kept, page) {
    this.box = box;
    this.number = number;
    this.page = page;
    this.state = "fresh";
    const stored = box.querySelector('div[class*="highlight-python"]');
    this.original = stored.querySelector("pre").textContent.replace(/\n$/, "");
    this.editor = editor(kept ?? this.original, `Code of cell ${number}`, {
      onchange: () => this.changed(),
      onrun: (goOn) => page.run(this, goOn),
    });
    stored.after(this.editor.element);
    stored.hidden = true;
    this.outputs = [...box.querySelectorAll(":scope > :is(.output, .seen)")];
    this.place = element("div", { className: "outputs" }, ...this.outputs);
    this.status = element("span", { className: "state" });
    this.back = button("Original code", () => this.restore(), { hidden: this.source === this.original });
    this.tools = element("div", { className: "tools" },
      button("Run", () => page.run(this, false)), button("Run all above", () => page.runAbove(this)), this.back, this.status);
    for (const one of this.tools.querySelectorAll("button")) one.append(element("span", { className: "unseen", textContent: ` (cell ${number})` }));
    for (const note of box.querySelectorAll(".differs")) note.hidden = false; // from differences.py
    box.append(this.tools, this.place);
    box.classList.add("is-live");
  }

  get source() {
    return this.editor.field.value;
  }

  get isChanged() {
    return this.source !== this.original;
  }

  changed() {
    this.back.hidden = !this.isChanged;
    if (this.state === "ran") this.show("fresh");
    this.page.changed(this);
  }

  restore() {
    this.editor.set(this.original);
    this.changed();
    this.editor.field.focus();
  }

  show(state, words = STATES[state]) {
    this.state = state;
    this.box.dataset.state = state;
    this.status.textContent = words;
  }

  // Run, and resolve to whether the cell came to its end. What was stored stays until something new comes.
  async run() {
    this.show("waiting");
    let began = false;
    let last = null;
    const fresh = () => {
      if (!began) this.place.replaceChildren();
      began = true;
    };
    const result = await this.page.engine.run(this.source, {
      name: `cell ${this.number}`,
      onstart: () => this.show("running"),
      onoutput: (output) => {
        if (output.kind === "verdict") return this.page.judged(output);
        fresh();
        if (output.kind === "text" && last?.stream === output.stream) return last.box.add(output.text);
        const box = shown(output);
        last = output.kind === "text" ? { stream: output.stream, box } : null;
        if (box) this.place.append(box);
      },
    }).catch((error) => ({ ok: false, ended: error.message, outputs: [] }));
    if (result.ended) {
      this.show("ended", result.ended);
      return result;
    }
    fresh();
    window.reachable(); // of site.js: a wide table scrolls in itself, and by keyboard
    this.show(result.ok ? "ran" : "failed", result.ok ? `ran in ${time(result.seconds)}` : STATES.failed);
    const error = result.outputs.find((output) => output.kind === "error");
    if (error?.name === "NameError" && this.page.unrunAbove(this).length) this.place.append(element("p", { className: "hint" },
      "Cells above have not been run yet; what is missing may be made there. ", button("Run all above, then this cell", () => this.page.runAbove(this, true))));
    return result;
  }
}

// All that a cell has shown, in words: for a screen reader, so not without end.
export function inWords({ outputs }) {
  const words = outputs.map(said).join("\n").trim();
  return words.length > 600 ? `${words.slice(0, 600)} ... and more.` : words;
}

function time(seconds) {
  return seconds < 0.95 ? `${Math.max(0.1, seconds).toFixed(1)} s` : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}
