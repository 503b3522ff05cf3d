// A page before Python is started: the button that starts it, and what has been solved.

import { element } from "./dom.js";
import { answers, solve, solved } from "./progress.js";
import { supported, TOO_OLD } from "./support.js";

const EXERCISE = /\bcheck\(\s*"(\d\d\.\d+)"/g;

export function ready(box, { repository }) {
  front();
  if (!box) return;
  const lesson = lessonOf(document);
  box.className = "live";
  showSolved(lesson);
  document.addEventListener("judged", ({ detail }) => judged(lesson, detail)); // a quiz was answered on the page
  if (!supported()) return box.append(elsewhere(lesson, repository));
  const button = element("button", { type: "button", className: "start", textContent: "Run this lesson here" });
  const facts = element("span", { textContent: "40 MB once, about 10 seconds. Python then runs in this browser; nothing is installed, and nothing leaves your machine." });
  box.append(button, facts);
  const count = Object.keys(answers(lesson.name)).length;
  if (count) box.append(element("span", { className: "kept", textContent: `What you wrote in ${count === 1 ? "one cell" : `${count} cells`} is kept and comes back.` }));
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { begin } = await import("./lesson.js");
    begin(box, lesson);
  });
}

// The cells and exercises of a lesson's page.
function lessonOf(page) {
  const cells = [...page.querySelectorAll("article .cell[data-cell]")];
  const exercises = cells.flatMap((cell) => [...cell.textContent.matchAll(EXERCISE)].map((found) => found[1]));
  return { name: location.pathname.split("/").at(-1).replace(/\.html$/, ""), cells, exercises: [...new Set(exercises)] };
}

// For browsers that are too old, and most phones of some years: where the lesson runs instead.
function elsewhere(lesson, repository) {
  const notebook = document.querySelector(".above a[download]");
  const words = element("p", {}, TOO_OLD);
  if (repository)
    words.append("The lesson runs ", element("a", {
      href: `https://mybinder.org/v2/gh/${repository}/HEAD?labpath=notebooks/${lesson.name}.ipynb`, textContent: "on Binder",
    }), ", or take ");
  else words.append("Take ");
  words.append(element("a", { href: notebook.getAttribute("href"), download: "", textContent: "the notebook" }),
    " to a computer with Python. All of it can be read here.");
  return words;
}

// ---- what is solved ------------------------------------------------------------------------------------------

const tick = () => element("span", { className: "tick" }, element("span", { textContent: "✓", ariaHidden: "true" }), element("span", { className: "unseen", textContent: " solved" }));

export function judged(lesson, { exercise, right }) {
  if (!right || !lesson.exercises.includes(exercise)) return; // once solved, it stays so
  solve(exercise);
  showSolved(lesson);
}

// Ticks at the exercises, and in the list of what is on the page.
export function showSolved(lesson) {
  const done = solved();
  for (const cell of lesson.cells) {
    const [found] = cell.textContent.matchAll(EXERCISE);
    const box = cell.closest(".exercise");
    if (!found || !box) continue;
    const id = found[1];
    box.id ||= `exercise-${id}`;
    const name = box.querySelector("strong");
    mark(name, done.has(id));
    mark(entry(box, id), done.has(id));
  }
}

function mark(place, is) {
  const there = place.querySelector(":scope > .tick");
  if (is && !there) place.append(tick());
  else if (!is) there?.remove();
}

// The link to an exercise under its section, in "On this page".
function entry(box, id) {
  const there = document.querySelector(`.here a[data-exercise="${id}"]`);
  const section = box.closest("section[id]");
  const above = section && document.querySelector(`.here a[href="#${CSS.escape(section.id)}"]`);
  if (there || !above) return there ?? element("a");
  const item = above.closest("li");
  const list = item.querySelector(":scope > .exercises") ?? item.appendChild(element("p", { className: "exercises" }));
  const link = element("a", { href: `#exercise-${id}` }, element("span", { className: "unseen", textContent: "Exercise " }), id);
  link.dataset.exercise = id;
  list.append(link);
  return link;
}

// On the front page: how many exercises of all, and of each lesson.
function front() {
  const done = solved();
  let all = 0, right = 0;
  for (const card of document.querySelectorAll("[data-exercises]")) {
    const exercises = card.dataset.exercises.split(" ").filter(Boolean);
    const here = exercises.filter((one) => done.has(one)).length;
    all += exercises.length;
    right += here;
    if (here) card.querySelector(".minutes").append(element("span", { className: "badge", textContent: `${here} of ${exercises.length} solved` }));
  }
  const place = document.querySelector("[data-live-solved]");
  if (place && right) place.append(element("p", { className: "solved", textContent: `${right} of ${all} exercises solved, in this browser.` }));
}
