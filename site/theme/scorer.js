// Which pages of those that Sphinx's search finds come first: lessons and the glossary, by their titles.
var Scorer = {
  score: ([docname, title, anchor, descr, score]) => {
    if (/^notebooks\/\d\d-/.test(docname)) return score + 20 - Number(docname.slice(10, 12)) / 100;
    if (docname === "notebooks/glossary") return score + 12;
    if (/^(notebooks\/(phrasebook|myths|bring)|set-up|cheat-sheet)/.test(docname)) return score + 8;
    if (/^(CHANGELOG|tests\/|notebooks\/TIMES)/.test(docname)) return score - 20;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 4, 1: 1, 2: -5 },
  objPrioDefault: 0,
  title: 30,
  partialTitle: 12,
  term: 5,
  partialTerm: 2,
};
