"use strict";

// A page opened from a file may not read other pages, so search results come without excerpts there.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined")
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// An element with its properties and what it holds. Every page has this script, so the other ones use it, too.
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* no storage */ } };
const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

function themeSwitch() {
  const button = document.querySelector(".theme");
  const root = document.documentElement;
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember("theme", root.dataset.theme);
  });
}

function menu() {
  const button = document.querySelector(".menu");
  const contents = document.querySelector(".contents");
  button.addEventListener("click", () =>
    button.setAttribute("aria-expanded", contents.classList.toggle("open")));
  contents.querySelector("a.current")?.setAttribute("aria-current", "page");
}

// "Workshop only" hides the sections for self-study, on this page and the next.
function routes() {
  const button = document.querySelector(".route");
  if (!button) return;
  const show = (only) => {
    button.setAttribute("aria-pressed", only);
    document.body.classList.toggle("workshop-only", only);
  };
  button.hidden = false;
  const selfStudy = all("section.self-study");
  all(".here a").forEach((link) => {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    link.parentElement.classList.toggle("self-study", selfStudy.some((section) => section.contains(target)));
  });
  // Who follows a link into a section for self-study wants to see it.
  const wanted = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !selfStudy.some((section) => section.contains(target))) return false;
    show(false);
    target.scrollIntoView();
    return true;
  };
  if (!wanted()) show(recall("route") === "workshop");
  addEventListener("hashchange", wanted);
  button.addEventListener("click", () => {
    const only = button.getAttribute("aria-pressed") !== "true";
    remember("route", only ? "workshop" : "all");
    show(only);
  });
}

// Resolves when there is MathJax. Pages with formulas bring it; it has two megabytes, so the front page, whose formula
// is behind a tab, and pages where a cell shows the first one ask for it when they need it.
let mathjaxComes = null;
function mathjax() {
  mathjaxComes ??= window.MathJax?.startup ? Promise.resolve() : new Promise((resolve) => {
    window.MathJax ??= { options: { enableMenu: false } };
    const src = `${document.documentElement.dataset.content_root}_static/mathjax.js`;
    document.head.append(element("script", { src, onload: resolve }));
  });
  return mathjaxComes.then(() => window.MathJax.startup.promise);
}

function tabs(box) {
  const panels = all(":scope > section", box);
  const list = element("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "One model in five ways");
  const buttons = panels.map((panel, i) => {
    const { textContent } = panel.querySelector("h3");
    const button = element("button", { type: "button", id: `tab-${i}`, textContent });
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", (panel.id = `panel-${i}`));
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    return button;
  });
  const select = (chosen) => buttons.forEach((button, i) => {
    button.setAttribute("aria-selected", i === chosen);
    button.tabIndex = i === chosen ? 0 : -1;
    panels[i].hidden = i !== chosen;
  });
  const typeset = () => { if (box.querySelector("section:not([hidden]) .math")) mathjax(); };
  buttons.forEach((button, i) => {
    button.addEventListener("click", () => { select(i); typeset(); reachable(); });
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (i + step + buttons.length) % buttons.length;
      select(next);
      typeset();
      buttons[next].focus();
    });
  });
  list.append(...buttons);
  box.prepend(list);
  select(0);
}

// A term of the glossary says what it means, on hover and on focus.
function terms() {
  let tip = null;
  const hide = () => { tip?.remove(); tip = null; };
  all("a.term[title]").forEach((link, i) => {
    const text = link.title;
    link.removeAttribute("title");
    const show = () => {
      hide();
      tip = element("div", { className: "tip", id: `tip-${i}`, textContent: text });
      tip.setAttribute("role", "tooltip");
      link.setAttribute("aria-describedby", tip.id);
      document.body.append(tip);
      const box = link.getBoundingClientRect();
      const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 16);
      tip.style.left = `${Math.max(16, left) + scrollX}px`;
      tip.style.top = `${box.bottom + scrollY + 6}px`;
    };
    link.addEventListener("mouseenter", show);
    link.addEventListener("focus", show);
    link.addEventListener("mouseleave", hide);
    link.addEventListener("blur", hide);
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

// A button that copies a text; nothing where the browser lets no page copy, since its address is not https or localhost.
function copyButton(text, className) {
  if (!navigator.clipboard) return "";
  const button = element("button", { type: "button", className, textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

function copying() {
  all("div.highlight-python > .highlight").forEach((box) => {
    if (box.closest(".output")) return;
    const code = () => box.querySelector("pre").innerText.replace(/^(>>>|\.\.\.) ?/gm, "");
    box.parentElement.append(copyButton(code, "copy"));
  });
}

// What scrolls in itself can be reached, and scrolled, from the keyboard.
function reachable() {
  all("pre, .table, .table-wrap, div.math, .output.math-wrapper").forEach((box) => {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight + 1;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}

// Paper has no clicks: notes are printed open, answers stay folded.
addEventListener("beforeprint", () =>
  all("details:not(.answer)").forEach((fold) => { fold.open = true; }));

themeSwitch();
menu();
routes();
all("[data-tabs]").forEach(tabs);
terms();
copying();
all("article table").forEach((table) => {
  if (table.closest(".table")) return;
  const box = element("div", { className: "table-wrap" });
  table.replaceWith(box);
  box.append(table);
});
reachable();
addEventListener("resize", reachable);
addEventListener("load", reachable);
