// Where the start of Python is, in words and as a share of the whole.

const STEPS = {
  compile: "Preparing Python",
  unpack: "Unpacking the packages",
  start: "Starting Python",
  restore: "Taking up the session of your last visit",
};
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

export function inWords({ step, loaded, total, name, number, of }) {
  if (step === "download") return `Loading Python: ${megabytes(loaded)} of ${megabytes(total)} MB`;
  if (step === "import") return name ? `Importing ${name} (${number + 1} of ${of})` : "Importing the packages";
  return `${STEPS[step]} ...`;
}

export function share({ step, loaded, total, name, number, of }) {
  if (step === "download") return (0.6 * loaded) / total;
  if (step === "import") return 0.7 + (name ? (0.3 * number) / of : 0);
  return 0.65;
}
