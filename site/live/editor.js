// A place to edit Python: a plain text field, with the code in colours behind it.

import { element } from "./dom.js";

const KEYWORDS = "False None True and as assert async await break class continue def del elif else except finally for from global "
  + "if import in is lambda nonlocal not or pass raise return try while with yield";
// Comments, texts (also of three quotes), numbers, words; the classes are those that Pygments gives them.
const TOKEN = new RegExp([
  /(?<c>#.*)/, /(?<s>(?<!\w)[bfru]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))/,
  /(?<mi>\b\d[\d_.]*(?:e[+-]?\d+)?j?\b)/, /(?<word>[^\W\d]\w*)/,
].map((part) => part.source).join("|"), "giu");
const KEYWORD = new Set(KEYWORDS.split(" "));

export function coloured(source) {
  const pieces = [];
  let at = 0;
  for (const found of source.matchAll(TOKEN)) {
    const { word, ...others } = found.groups;
    const kind = word === undefined ? Object.keys(others).find((name) => others[name] !== undefined) : KEYWORD.has(word) && "k";
    pieces.push(source.slice(at, found.index), kind ? element("span", { className: kind, textContent: found[0] }) : found[0]);
    at = found.index + found[0].length;
  }
  pieces.push(source.slice(at), "\n"); // a last line that is empty is a line, too
  return pieces;
}

// `onrun(goOn)` is called for Shift+Enter (then go on to the next cell) and Ctrl+Enter. Tab leaves the field, as
// it does everywhere: who has no mouse must be able to.
export function editor(source, name, { onchange, onrun }) {
  const behind = element("div", { className: "behind", ariaHidden: "true" }); // no pre: site.js gives those to the keyboard
  const field = element("textarea", { value: source, spellcheck: false, autocapitalize: "off", ariaLabel: name });
  field.setAttribute("autocorrect", "off");
  field.wrap = "off";
  const draw = () => {
    behind.replaceChildren(...coloured(field.value));
    field.rows = field.value.split("\n").length;
  };
  field.addEventListener("input", () => {
    draw();
    onchange(field.value);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      event.preventDefault();
      onrun(event.shiftKey);
    } else indent(event, field);
  });
  draw();
  return {
    element: element("div", { className: "editor" }, behind, field),
    field,
    set(text) {
      field.value = text;
      draw();
    },
  };
}

// A new line begins where the last one did; after a colon, four columns further in.
function indent(event, field) {
  const line = field.value.slice(0, field.selectionStart).split("\n").at(-1);
  const columns = line.match(/^ */)[0] + (/:\s*(#.*)?$/.test(line) ? "    " : "");
  if (!columns) return;
  event.preventDefault();
  document.execCommand("insertText", false, `\n${columns}`); // the one way that undo knows of
}
