// What the reader has written and solved, kept in this browser and nowhere else.

const SOLVED = "live.solved";
const answersOf = (lesson) => `live.answers.${lesson}`;

function recall(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise; // no storage, or something else's
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch { /* no storage: then nothing is kept */ }
}

export const solved = () => new Set(recall(SOLVED, []));

const setSolved = (all) => remember(SOLVED, [...all].sort());

export function solve(exercise) {
  setSolved(solved().add(exercise));
}

// The code of the cells that were changed, by cell.
export const answers = (lesson) => recall(answersOf(lesson), {});

export function setAnswer(lesson, cell, source) {
  const all = answers(lesson);
  if (source === null) delete all[cell];
  else all[cell] = source;
  remember(answersOf(lesson), all);
}

export function forget(lesson, exercises) {
  remember(answersOf(lesson), {});
  setSolved([...solved()].filter((one) => !exercises.includes(one)));
}
