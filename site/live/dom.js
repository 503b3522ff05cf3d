// What pages are made of.

export const { element } = window; // of site.js, which every page has

export const button = (text, onclick, properties = {}) =>
  element("button", { type: "button", textContent: text, onclick, ...properties });
