// What a cell shows, in the page's own form for it.

import { element } from "./dom.js";

const SEEN = "In the picture: "; // what `plots.show` prints below a picture
// A printed line that is longer wraps, unless it has columns; lesson_pages.py has the same two.
const WIDE = 92, COLUMNS = /\S {3,}\S/;
// In this order: the first that there is, is shown.
const FORMS = {
  "image/png": (png, about) => picture(`data:image/png;base64,${png}`, about),
  "image/svg+xml": (svg, about) => picture(`data:image/svg+xml,${encodeURIComponent(svg)}`, about),
  "text/latex": formula,
  "text/html": (html) => {
    const box = element("div", { className: "output table" });
    box.innerHTML = html;
    box.querySelectorAll("style[scoped]").forEach((style) => style.remove());
    box.querySelectorAll("table[border]").forEach((table) => table.removeAttribute("border"));
    for (const corner of box.querySelectorAll("th:empty")) corner.replaceWith(element("td")); // heads nothing
    return box;
  },
  "text/markdown": markdown,
  "text/plain": text,
};

export function shown(output) {
  if (output.kind === "text") return text(output.text);
  if (output.kind === "error") return failure(output);
  const kind = Object.keys(FORMS).find((one) => one in output.data);
  return kind ? FORMS[kind](output.data[kind], output.metadata[kind] ?? {}) : null;
}

// In words, for those who do not see it.
export function said(output) {
  if (output.kind === "text") return (output.text.startsWith(SEEN) ? output.text.replace(/.*\n?/, "") : output.text).replace(/[^]*\r/, ""); // a picture says it itself
  if (output.kind === "error") return `${output.name}: ${output.message}`;
  if (output.kind !== "display") return "";
  if ("image/png" in output.data) return output.metadata["image/png"]?.alt ?? "A picture.";
  if (/<table/i.test(output.data["text/html"])) return "A table.";
  if ("text/latex" in output.data) return "A formula.";
  return output.data["text/plain"] ?? "";
}

function text(content) {
  const box = element("div", { className: "output" });
  const caption = element("p", { className: "seen" });
  const pre = element("pre");
  box.append(caption, pre);
  const draw = () => {
    drawing = false;
    const lines = content.replace(/\n$/, "").split("\n").map((line) => line.replace(/\r$/, "").replace(/^[^]*\r/, ""));
    caption.textContent = lines[0].startsWith(SEEN) ? lines.shift() : "";
    caption.hidden = !caption.textContent;
    pre.textContent = lines.join("\n");
    pre.hidden = !lines.length;
    box.classList.toggle("prose", lines.some((line) => line.length > WIDE && !COLUMNS.test(line)));
  };
  let drawing = false;
  box.add = (more) => {
    content += more;
    if (!drawing) requestAnimationFrame(draw); // once a frame, however much a loop prints
    drawing = true;
  };
  draw();
  return box;
}

function picture(source, { alt, width, height }) {
  const size = width ? { width, height } : {}; // a picture may have more points than are to be seen
  return element("div", { className: "output picture" }, element("img", { src: source, alt: alt ?? "A picture without a description.", ...size }));
}

function formula(latex) {
  const box = element("div", { className: "output math" });
  box.textContent = `\\[${latex.replace(/^\$\$?(\\displaystyle)?|\$\$?$/g, "").replace(/\\text\{[^}]*\}/g, (found) => found.replaceAll("\\_", "_"))}\\]`;
  typeset(box);
  return box;
}

async function typeset(box) {
  await window.mathjax(); // of site.js
  await window.MathJax.typesetPromise([box]);
  window.reachable(); // of site.js: a formula that is wider than the page scrolls
}

function failure({ traceback, everything }) {
  const box = element("div", { className: "output error" }, element("pre", { textContent: traceback }));
  if (everything !== traceback)
    box.append(element("details", {}, element("summary", { textContent: "The way through the packages" }), element("pre", { textContent: everything })));
  return box;
}

// The little of Markdown that a cell writes: headings, lists, paragraphs; bold, italics, code.
function markdown(source) {
  const box = element("div", { className: "output markdown" });
  for (const block of source.trim().split(/\n\s*\n/)) {
    const lines = block.split("\n");
    if (/^#{1,6} /.test(block)) box.append(inline("p", block.replace(/^#+ /, ""), "heading"));
    else if (lines.every((line) => /^[-*] |^ {2}/.test(line)))
      box.append(element("ul", {}, ...block.split(/^[-*] /m).slice(1).map((item) => inline("li", item))));
    else box.append(inline("p", lines.join(" ")));
  }
  return box;
}

function inline(tag, words, className = "") {
  const made = element(tag, { className });
  for (const piece of words.split(/(\*\*.+?\*\*|`.+?`|\*.+?\*)/s)) {
    if (piece.startsWith("**")) made.append(element("strong", { textContent: piece.slice(2, -2) }));
    else if (piece.startsWith("`")) made.append(element("code", { textContent: piece.slice(1, -1) }));
    else if (/^\*.+\*$/s.test(piece)) made.append(element("em", { textContent: piece.slice(1, -1) }));
    else made.append(piece);
  }
  return made;
}
