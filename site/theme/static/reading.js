"use strict";

// What helps to read, by the means of site.js: where one is on the page, quizzes, and tables that stack on a phone.

function whereAmI() {
  const links = new Map(all(".here a[href^='#']").map((link) =>
    [document.getElementById(decodeURIComponent(link.hash.slice(1))), link]));
  links.delete(null);
  if (!links.size) return;
  const sections = [...links.keys()];
  let current = null;
  const look = () => {
    const line = Math.min(160, innerHeight / 4);
    const seen = sections.filter((section) => section.checkVisibility() && section.getBoundingClientRect().top <= line);
    const last = seen.at(-1);
    if (last === current) return;
    if (current) links.get(current).removeAttribute("aria-current");
    current = last;
    const link = links.get(last);
    if (!link) return;
    link.setAttribute("aria-current", "location");
    const list = link.closest(".here");
    const [box, around] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
    if (box.top < around.top + 40 || box.bottom > around.bottom - 40) list.scrollTop += box.top - around.top - around.height / 2;
  };
  let asked = false;
  addEventListener("scroll", () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; look(); });
  }, { passive: true });
  look();
}

function quiz(form) {
  const verdicts = JSON.parse(form.dataset.verdicts);
  const said = form.querySelector(".verdict");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    const [right, message] = verdicts[event.target.value];
    said.textContent = message;
    said.className = `verdict ${right ? "right" : "not-yet"}`;
    const exercise = form.id.replace("quiz-", "").replace("-", ".");
    form.dispatchEvent(new CustomEvent("judged", { bubbles: true, detail: { exercise, right } })); // live/page.js keeps it
  });
}

// On a narrow screen a row becomes a block, each cell under the name of its column. The roles say that it
// is still a table.
function stacks(table) {
  const names = all("thead th", table).map((cell) => cell.textContent.trim());
  if (names.length < 4 || table.matches(".dataframe")) return;
  table.classList.add("stacks");
  table.setAttribute("role", "table");
  for (const group of all("thead, tbody", table)) group.setAttribute("role", "rowgroup");
  for (const row of all("tr", table)) {
    row.setAttribute("role", "row");
    [...row.cells].forEach((cell, i) => {
      const head = cell.closest("thead");
      cell.setAttribute("role", head ? "columnheader" : "cell");
      if (!head) cell.dataset.label = names[i] || "";
    });
  }
}

whereAmI();
all("form.quiz").forEach(quiz);
all("article table").forEach(stacks);
