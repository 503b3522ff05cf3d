// The playground: a table and a formula of the reader's, and all that can be said of them. guest/playground.py
// computes; here it is asked, and shown.

import { button, element } from "./dom.js";
import { coloured } from "./editor.js";
import { Engine, STOPPED } from "./engine.js";
import { inWords, share } from "./loading.js";
import { shown } from "./output.js";
import { supported, TOO_OLD } from "./support.js";

const MOST_MB = 100; // a file is held three times in the page's memory
const place = (name) => document.querySelector(`[data-${name}]`);
const form = place("playground");
const fields = Object.fromEntries(["file", "set", "response", "family", "formula"].map((id) => [id, document.getElementById(id)]));
const go = form.querySelector("[type=submit]");
const stop = place("stop");
const loading = form.querySelector(".loading");
const engine = new Engine({ onprogress });

let source = null; // what the table comes from, as guest/playground.py knows it
let bytes = null; // of the file, to be written again into a Python that was stopped
let stamp = 0;
let asking = 0; // the number of the last request: what an earlier one still says is not shown

// ---- asking Python -------------------------------------------------------------------------------------------

// Resolves to whether all went well; `use` gets each piece as it comes.
async function ask(request, use) {
  const number = ++asking;
  tell("");
  try {
    if (!engine.started) {
      loading.hidden = false;
      loading.scrollIntoView({ block: "nearest" });
      await engine.start();
      if (bytes) await engine.write(source.name, bytes);
    }
  } catch (error) {
    if (error.message !== STOPPED) problem(`Python could not be started: ${error.message}`);
    return false;
  } finally {
    loading.hidden = true;
  }
  const text = JSON.stringify(JSON.stringify({ ...request, source }));
  const code = `import playground
from IPython.display import display
playground.reply(${text}, lambda piece: display({"application/json": piece}, raw=True))`;
  let fine = true;
  const { ok, ended, outputs } = await engine.run(code, {
    name: "playground",
    onoutput: (output) => {
      const piece = output.kind === "display" && output.data["application/json"];
      if (!piece || number !== asking) return;
      if (piece.piece === "problem") fine = problem(piece.text);
      else use(piece);
    },
  });
  if (number !== asking || ended === STOPPED) return false;
  if (ended) return problem(`${ended} Python starts again with the next step.`);
  if (!ok) {
    const error = outputs.find(({ kind }) => kind === "error");
    return problem(`This should not happen, and is a fault of ours: ${error.name}: ${error.message}`);
  }
  return fine;
}

function onprogress(progress) {
  loading.querySelector("p").textContent = inWords(progress);
  loading.querySelector("progress").value = share(progress);
}

function problem(text) {
  const box = place("problem");
  box.textContent = text;
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
  return false;
}

function tell(words) {
  place("problem").hidden = true;
  place("said").textContent = words;
}

// ---- the table -----------------------------------------------------------------------------------------------

async function open(name, file) {
  if (file && file.size > MOST_MB * 1e6)
    return problem(`${name} has ${Math.round(file.size / 1e6)} MB, and ${MOST_MB} MB are the most that this page takes: the same works in Python on your machine`);
  source = { name, is_file: Boolean(file), stamp: ++stamp };
  bytes = file ? new Uint8Array(await file.arrayBuffer()) : null;
  if (bytes && engine.started) await engine.write(name, bytes.slice());
  for (const part of ["table", "results", "proposal"]) place(part).replaceChildren();
  place("model").hidden = true;
  if (await ask({ do: "open" }, showTable)) await propose();
}

function showTable({ rows, columns, notes, warnings, structure, groups, example }) {
  const lines = columns.map(({ name, number, values, missing, first }) => [
    name, number ? "numbers" : "text", values.toLocaleString("en"), missing ? missing.toLocaleString("en") : "", first.join(", "),
  ]);
  const read = [...notes, ...warnings];
  place("table").replaceChildren(
    element("h2", { textContent: `${source.name}: ${rows.toLocaleString("en")} rows` }),
    fold("Its columns", !example, table(["column", "read as", "different values", "missing", "first rows"], lines)),
    ...(structure ? [element("h3", { textContent: "How its groups seem to lie" }), html(structure)] : []),
    list(read),
  );
  const chosen = example ?? { response: "", predictors: [], groups };
  fields.response.replaceChildren(
    ...(example ? [] : [element("option", { value: "", textContent: "choose" })]),
    ...columns.filter(({ number }) => number).map(({ name }) => element("option", { value: name, textContent: name })),
  );
  fields.response.value = chosen.response;
  fields.family.value = "gaussian";
  fields.formula.value = "";
  ticks("predictors", columns, chosen.predictors);
  ticks("groups", columns.filter(({ labels }) => labels), chosen.groups);
  place("model").hidden = false;
  window.reachable();
  place("said").textContent = `${source.name} has ${rows} rows. Choose what is to be explained.`;
}

function ticks(name, columns, chosen) {
  const box = place(name);
  box.replaceChildren(box.querySelector("legend"), ...columns.map((column) =>
    element("label", {}, element("input", { type: "checkbox", value: column.name, checked: chosen.includes(column.name) }), column.name)));
}

const ticked = (name) => [...place(name).querySelectorAll("input:checked")].map(({ value }) => value);

// ---- the formula ---------------------------------------------------------------------------------------------

async function propose() {
  const response = fields.response.value;
  if (!response) return;
  const chosen = ticked("groups").filter((name) => name !== response);
  const predictors = ticked("predictors").filter((name) => name !== response && !chosen.includes(name));
  place("proposal").replaceChildren();
  await ask({ do: "propose", response, predictors, groups: chosen }, ({ formula, reasons, slopes }) => {
    fields.formula.value = formula;
    const offers = slopes.map((slope) => button(slope, (event) => withSlope(slope, event.target), { className: "slope", ariaPressed: "false" }));
    place("proposal").replaceChildren(
      list(reasons),
      ...(offers.length ? [element("p", { className: "slopes" }, "Slopes that could vary: ", ...offers)] : []),
    );
    place("said").textContent = `The formula is ${formula}`;
  });
}

// An effect that varies between groups, put into the formula in place of their intercept, or taken out again.
function withSlope(slope, offer) {
  const intercept = slope.replace(/^\((.*) \| /, "(1 | ");
  const [from, to] = offer.ariaPressed === "true" ? [slope, intercept] : [intercept, slope];
  if (!fields.formula.value.includes(from)) return;
  fields.formula.value = fields.formula.value.replace(from, to);
  offer.ariaPressed = offer.ariaPressed !== "true";
}

// ---- the model -----------------------------------------------------------------------------------------------

const SECTIONS = {
  groups: ({ table, sentences }) => [heading("How the groups lie"), html(table), list(sentences)],
  model: ({ sentences, readings, latex, notes }) => [
    heading("The model in words"), list([...readings, ...sentences]),
    heading("As an equation"), shown({ kind: "display", data: { "text/latex": latex }, metadata: {} }),
    ...(notes.length ? [heading("What the data say beside", "h3"), list(notes)] : []),
  ],
  code: ({ code, gaps, gee_code: gee }) => [
    heading("In plain statsmodels"),
    ...(gaps ? [list(gaps)] : [sentence("statsmodels has no such model by maximum likelihood, but two that come near: a Bayesian one, and GEE.")]),
    program(code), ...(gee ? [program(gee)] : []),
  ],
  summary: ({ html: summary }) => [heading("The fit"), html(summary)],
  picture: ({ title, png, alt, why_not: whyNot }) => [
    heading(title, "h3"),
    ...(png ? [shown({ kind: "display", data: { "image/png": png }, metadata: { "image/png": { alt } } }), sentence(alt, "seen")] : [sentence(whyNot)]),
  ],
  findings: ({ html: findings }) => [heading("Is the fit to be trusted?"), html(findings)],
  report: ({ text }) => [heading("A paragraph to report"), element("blockquote", { textContent: text }), copying(text)],
  files: ({ script, notebook }) => [
    heading("To take home"), sentence("The same analysis for Python on your machine, with the course installed."),
    element("p", { className: "files" }, download("analysis.py", script, "text/x-python"), " ", download("analysis.ipynb", notebook, "application/x-ipynb+json")),
  ],
};
const PICTURES = heading("Pictures");

async function fit() {
  const formula = fields.formula.value.trim();
  if (!formula) return problem("There is no formula yet: choose what is to be explained, or type one such as score ~ age + (1 | school)");
  const results = place("results");
  results.replaceChildren();
  running(true);
  place("said").textContent = "The model is being fitted.";
  const fine = await ask({ do: "analyse", formula, family: fields.family.value }, (piece) => {
    if (piece.piece === "picture" && !PICTURES.isConnected) results.append(PICTURES);
    results.append(...SECTIONS[piece.piece](piece));
    if (piece.piece === "groups") results.firstChild.scrollIntoView({ block: "start" });
    window.reachable(); // of site.js: what scrolls in itself can be reached from the keyboard
  });
  running(false);
  if (fine) tell("The model is fitted. The results are below.");
}

function running(is) {
  form.ariaBusy = go.disabled = is;
  go.textContent = is ? "Fitting ..." : "Fit this model";
  stop.hidden = !is;
}

// ---- pieces of a page ----------------------------------------------------------------------------------------

function heading(words, level = "h2") {
  return element(level, { textContent: words });
}

function sentence(words, className = "") {
  return element("p", { textContent: words, className });
}

function list(sentences) {
  return sentences.length ? element("ul", {}, ...sentences.map((words) => element("li", { textContent: words }))) : "";
}

function table(head, rows) {
  const header = (scope) => (text) => element("th", { scope, textContent: text });
  return element("div", { className: "output table" }, element("table", {},
    element("thead", {}, element("tr", {}, ...head.map(header("col")))),
    element("tbody", {}, ...rows.map(([first, ...cells]) =>
      element("tr", {}, header("row")(first), ...cells.map((text) => element("td", { textContent: text })))))));
}

// HTML that the package made; what it quotes of a table is escaped there.
function html(text) {
  return shown({ kind: "display", data: { "text/html": text }, metadata: {} });
}

function fold(words, open, ...inside) {
  return element("details", { open, ontoggle: () => window.reachable() }, element("summary", { textContent: words }), ...inside);
}

function program(code) {
  return element("div", { className: "code program" }, element("pre", {}, ...coloured(code)), copying(code));
}

const copying = (text) => window.copyButton(() => text, "take"); // of site.js

function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  return element("a", { href: url, download: name, textContent: name });
}

// ---- what the reader does ------------------------------------------------------------------------------------

function begin() {
  place("needs").hidden = true;
  form.hidden = false;
  fields.file.addEventListener("change", () => {
    const [file] = fields.file.files;
    if (!file) return;
    fields.set.value = "";
    open(file.name, file);
  });
  fields.set.addEventListener("change", () => {
    if (!fields.set.value) return;
    fields.file.value = "";
    open(fields.set.value);
  });
  const drop = form.querySelector(".drop");
  for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", over);
    });
  drop.addEventListener("drop", ({ dataTransfer }) => {
    const [file] = dataTransfer.files;
    if (!file) return;
    fields.set.value = fields.file.value = "";
    open(file.name, file);
  });
  for (const field of [fields.response, place("predictors"), place("groups")]) field.addEventListener("change", propose);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    fit();
  });
  stop.addEventListener("click", () => {
    asking++;
    engine.stop();
    running(false);
    tell("Stopped.");
  });
}

if (supported()) begin();
else place("needs").firstChild.textContent = TOO_OLD;
