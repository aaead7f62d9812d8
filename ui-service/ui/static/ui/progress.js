// The progress of a booking: what changes is said once to screen readers, and the seconds count down.
(() => {
  "use strict";

  const said = document.querySelector("[data-said]");
  const part = () => document.querySelector("[data-say]");

  const say = () => {
    const words = part()?.dataset.say;
    if (words && words !== said.textContent) said.textContent = words;
  };

  document.addEventListener("htmx:afterSwap", say);
  setInterval(() => {
    const left = document.querySelector("[data-seconds]");
    if (left) left.textContent = Math.max(0, Number(left.textContent) - 1);
  }, 1000);
  say();
})();
