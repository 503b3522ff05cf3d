"use strict";

// On every page. A page that was opened from a file may load neither a module nor a worker, so it says what to do
// instead; on all others page.js goes on from here.
(() => {
  const script = document.currentScript;
  const box = document.querySelector("[data-live]");
  if (location.protocol !== "file:") {
    import(new URL("page.js", script.src)).then(({ ready }) => ready(box, script.dataset));
    return;
  }
  if (!box) return;
  box.className = "live";
  box.append(element("p", { textContent: "This lesson can be run on its page, but not from a file: browsers refuse that. Type "
    + "make serve in the course's folder and open the address that it prints, or open the published page." }));
})();
