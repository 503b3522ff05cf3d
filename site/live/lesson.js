// A lesson that is run on its page: the bar above it, its cells, and the session that they share.

import { Cell, inWords } from "./cell.js";
import { button, element } from "./dom.js";
import { Engine, STOPPED } from "./engine.js";
import { inWords as loadingInWords, share } from "./loading.js";
import { judged, showSolved } from "./page.js";
import { answers, forget, setAnswer } from "./progress.js";

export function begin(box, lesson) {
  return new Session(box, lesson);
}

class Session {
  constructor(box, lesson) {
    this.lesson = lesson;
    this.engine = new Engine({ onprogress: (progress) => this.progress(progress) });
    const kept = answers(lesson.name);
    this.cells = lesson.cells.map((cell, i) => new Cell(cell, i + 1, kept[cell.dataset.cell], this));
    this.makeBar(box);
    this.start();
    this.cells[0].editor.field.focus({ preventScroll: true });
  }

  makeBar(box) {
    this.said = element("p", { className: "unseen", role: "status" });
    this.state = element("span", { className: "state" });
    this.bar = element("progress", { max: 1, value: 0, ariaLabel: "Python is being loaded" });
    this.buttons = {
      all: button("Run all", () => this.runCells(this.cells)),
      stop: button("Stop", () => this.stop(), { disabled: true }),
      restart: button("Restart", () => this.restart()),
      over: button("Start over", () => this.startOver()),
    };
    this.buttons.restart.title = "A fresh Python: the code stays, the variables go";
    this.buttons.over.title = "The lesson as it was: what you wrote here and the ticks of its exercises go";
    box.replaceChildren(
      element("div", { className: "row" }, this.state, this.bar),
      element("div", { className: "row" }, ...Object.values(this.buttons)),
    );
    box.classList.add("is-live");
    box.after(this.said, element("p", { className: "live-keys" }, element("kbd", { textContent: "Shift" }), " + ", element("kbd", { textContent: "Enter" }),
        " runs a cell and goes to the next, ", element("kbd", { textContent: "Ctrl" }), " + ", element("kbd", { textContent: "Enter" }), " runs it and stays."));
  }

  // ---- the start -----------------------------------------------------------------------------------------------

  async start() {
    this.bar.hidden = false;
    this.bar.value = 0;
    this.tell("Loading Python", "Python is being loaded.");
    try {
      const { seconds } = await this.engine.start();
      this.tell("Python is ready.", `Python is ready. It took ${seconds.toFixed(0)} s.`);
    } catch (error) {
      if (error.message !== STOPPED) this.tell(`Python could not be started: ${error.message} `, null, button("Try again", () => this.start()));
    }
    this.bar.hidden = true;
  }

  progress(progress) {
    this.state.textContent = loadingInWords(progress);
    this.bar.value = Math.max(this.bar.value, share(progress));
  }

  tell(words, aloud = words, ...more) {
    this.state.replaceChildren(words, ...more);
    this.said.textContent = aloud ?? words;
  }

  // ---- cells ---------------------------------------------------------------------------------------------------

  unrunAbove(cell) {
    return this.cells.slice(0, cell.number - 1).filter(({ state }) => state !== "ran");
  }

  async run(cell, goOn) {
    const next = goOn && this.cells[cell.number];
    if (next) {
      if (next.box.closest("details")) next.box.closest("details").open = true;
      next.editor.field.focus();
    }
    await this.runCells([cell]);
  }

  runAbove(cell, andIt = false) {
    return this.runCells([...this.unrunAbove(cell), ...(andIt ? [cell] : [])]);
  }

  // One after the other; an error ends it, as in a notebook.
  async runCells(cells) {
    this.busy(1);
    for (const cell of cells.slice(1)) cell.show("waiting");
    for (const [i, cell] of cells.entries()) {
      const result = await cell.run();
      this.said.textContent = `Cell ${cell.number}: ${result.ended ?? (inWords(result) || "done")}`;
      if (result.ok) continue;
      cells.slice(i + 1).filter(({ state }) => state === "waiting").forEach((one) => one.show("fresh"));
      if (result.ended && result.ended !== STOPPED) this.ended(result.ended);
      break;
    }
    this.busy(-1);
  }

  #running = 0;

  busy(change) {
    this.#running += change;
    this.buttons.stop.disabled = !this.#running;
  }

  changed(cell) {
    setAnswer(this.lesson.name, cell.box.dataset.cell, cell.isChanged ? cell.source : null);
  }

  judged(verdict) {
    judged(this.lesson, verdict);
  }

  // ---- stop, restart, start over -------------------------------------------------------------------------------

  stop() {
    this.engine.stop();
    this.ended("Stopped.");
  }

  async restart() {
    this.engine.stop();
    this.cells.forEach((cell) => cell.show("fresh"));
    await this.start();
  }

  // The variables are gone, and with them what cells have done; what they have shown stays to be read.
  async ended(reason) {
    for (const cell of this.cells) if (["ran", "failed", "waiting"].includes(cell.state)) cell.show("fresh");
    await this.engine.start().catch(() => {});
    this.bar.hidden = true;
    this.tell(`${reason} Python is ready again, without the variables: run the cells above where you go on.`);
  }

  async startOver() {
    if (!confirm("Delete what you wrote in this lesson, and the ticks of its exercises?")) return;
    this.cells.filter((cell) => cell.isChanged).forEach((cell) => cell.editor.set(cell.original));
    this.cells.forEach((cell) => { cell.back.hidden = true; });
    forget(this.lesson.name, this.lesson.exercises);
    showSolved(this.lesson);
    await this.restart();
  }
}
