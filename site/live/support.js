// Whether this browser can run the engine of python.js. Apart from that, so that a page that is only read loads this alone.

// A module with one function that has a `try_table`: where it is valid, so are the exceptions that Python needs.
const EXCEPTIONS = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 8, 1, 6, 0, 31, 64, 0, 11, 11];

export const supported = () =>
  typeof DecompressionStream === "function" && WebAssembly.validate(new Uint8Array(EXCEPTIONS));

export const TOO_OLD = "This browser is too old to run Python in the page (Chrome and Edge can from 137, Firefox from 131, Safari from 18.4). ";
