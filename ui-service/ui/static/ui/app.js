// Everything works without this file: it only makes pages quicker to use.
(() => {
  "use strict";

  const close = (box) => {
    box.querySelector(".suggest").replaceChildren();
    box.dataset.settled = box.querySelector("input").value;
  };

  const choose = (option) => {
    const box = option.closest(".typeahead");
    const input = box.querySelector("input");
    input.value = option.dataset.value;
    close(box);
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    delete box.dataset.marked;
  };

  const mark = (input, options, place) => {
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === place)));
    input.setAttribute("aria-activedescendant", options[place].id);
  };

  document.addEventListener("keydown", (event) => {
    const input = event.target.closest(".typeahead input");
    if (!input) return;
    const list = input.closest(".typeahead").querySelector(".suggest");
    const options = [...list.querySelectorAll("[role=option]")];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") close(input.closest(".typeahead"));
    if (!options.length) return;
    const by = { ArrowDown: 1, ArrowUp: options.length - 1 }[event.key];
    if (by) {
      event.preventDefault();
      const option = options[(at + by) % options.length];
      mark(input, options, options.indexOf(option));
      option.scrollIntoView({ block: "nearest" });
      input.closest(".typeahead").dataset.marked = option.dataset.value;
    }
    if (event.key === "Enter" && at >= 0) { event.preventDefault(); choose(options[at]); }
    if (event.key === "Tab" && at >= 0) choose(options[at]);
  });

  // mousedown comes before the field loses focus.
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest(".suggest [role=option]");
    if (option) { event.preventDefault(); choose(option); }
  });

  document.addEventListener("focusout", (event) => {
    const box = event.target.closest(".typeahead");
    if (box && !box.contains(event.relatedTarget)) box.querySelector(".suggest").replaceChildren();
  });

  // An answer that comes after the field was left, or after its choice was made, would cover what is below it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const box = event.target.closest(".typeahead");
    if (!box) return;
    const settled = box.querySelector("input").value === box.dataset.settled;
    if (settled || !box.contains(document.activeElement)) event.detail.shouldSwap = false;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.matches(".strip")) event.target.scrollLeft = (event.target.querySelector("[aria-current]")?.offsetLeft ?? 0) - event.target.clientWidth / 3;
    const box = event.target.closest(".typeahead");
    if (!box) return;
    const input = box.querySelector("input");
    const options = [...box.querySelectorAll("[role=option]")];
    input.setAttribute("aria-expanded", String(options.length > 0));
    // The first is marked, for Enter; what the arrows have marked meanwhile stays so.
    const place = options.findIndex((option) => option.dataset.value === box.dataset.marked);
    if (options.length) mark(input, options, Math.max(place, 0));
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-swap]")) {
      event.preventDefault();
      const [from, to] = ["origin", "destination"].map((name) => document.querySelector(`[name=${name}]`));
      [from.value, to.value] = [to.value, from.value];
    }
    if (event.target.closest("[data-print]")) window.print();
  });

  const tripChanged = () => {
    const back = document.querySelector("[data-return-field]");
    if (back) back.hidden = document.querySelector("[name=trip]:checked")?.value !== "return";
  };

  document.addEventListener("change", (event) => {
    if (event.target.name === "trip") tripChanged();
    if (event.target.matches("[data-tick-all]")) {
      document.querySelectorAll("input[name=saga]").forEach((box) => { box.checked = event.target.checked; });
    }
    if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  });

  // A button that is swapped away between press and release is not pressed. The next poll brings the news.
  const isHeld = (target) => target?.matches(":active");
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isHeld(event.detail.target)) event.detail.shouldSwap = false;
  });

  // What somebody has ticked must not be swapped away under the mouse, nor a form that offers the same as before.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    if (isHeld(target)) event.detail.shouldSwap = false;
    const state = fragment.querySelector?.(`[id="${target?.id}"]`)?.dataset.state;
    if (target?.querySelector("input[name=saga]:checked")) event.detail.shouldSwap = false;
    if (state !== undefined && target.dataset.state === state) event.detail.shouldSwap = false;
  });

  // What is swapped stays scrolled as it was.
  let scrolled = [];
  document.addEventListener("htmx:beforeSwap", () => {
    scrolled = [...document.querySelectorAll("[role=region][id]")].map((box) => [box.id, box.scrollLeft, box.scrollTop]);
  });
  document.addEventListener("htmx:afterSettle", () => {
    scrolled.forEach(([id, left, top]) => { if (left || top) document.getElementById(id)?.scrollTo(left, top); });
    scrolled = [];
  });

  // The colours change on the spot: loading the page again would wipe what is typed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-theme-form]") || !event.submitter) return;
    event.preventDefault();
    fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), redirect: "manual" });
    document.documentElement.dataset.theme = event.submitter.value;
    [...form.querySelectorAll("button")].find((button) => button !== event.submitter).focus();
  });

  // A second click on the same form sends nothing; the server would answer with the same booking anyway.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-once]")) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "yes";
    event.target.querySelector("[data-working]")?.removeAttribute("hidden");
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

  tripChanged();
})();
