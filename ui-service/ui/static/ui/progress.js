// The progress of a booking: what changes is said once to screen readers, the seconds count down, and the page
// leaves for the trip once.
(() => {
  "use strict";

  const said = document.querySelector("[data-said]");
  const part = () => document.querySelector("[data-say]");

  const say = () => {
    const words = part()?.dataset.say;
    if (words && words !== said.textContent) said.textContent = words;
  };

  // The last events come close together: the answer to a second one would begin the navigation again.
  let leaves = false;
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    leaves = leaves || Boolean(event.detail.xhr.getResponseHeader("HX-Redirect"));
    if (leaves) setTimeout(() => { leaves = false; }, 5000);  // It may have failed.
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (leaves) event.preventDefault();
  });

  document.addEventListener("htmx:afterSwap", say);
  setInterval(() => {
    const left = document.querySelector("[data-seconds]");
    if (left) left.textContent = Math.max(0, Number(left.textContent) - 1);
  }, 1000);
  say();
})();
