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
  } catch { /* no storage: then it lasts as long as the page */ }
}

export const solved = () => new Set(recall(SOLVED, []));

export function setSolved(exercise, is) {
  const all = solved();
  if (is) all.add(exercise);
  else all.delete(exercise);
  remember(SOLVED, [...all].sort());
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
  exercises.forEach((exercise) => setSolved(exercise, false));
}
