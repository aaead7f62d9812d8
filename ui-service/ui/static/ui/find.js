// The calendar of prices. Without it the two date fields stay as the browser makes them.
(() => {
  "use strict";
  const form = document.querySelector("[data-search]");
  const dialog = form?.querySelector("dialog[data-calendar]");
  if (!dialog) return;

  const months = dialog.querySelector("[data-months]");
  const told = dialog.querySelector("[data-told]");
  const words = told.dataset;
  // Fares of every day that was shown, so that a departure keeps its fare when the months turn.
  let fares = new Map(), faresOf = "", picking = "depart", opener = null;

  const field = (name) => form.elements[name];
  const isReturn = () => field("trip").value === "return";
  const days = () => [...months.querySelectorAll("[data-day]")];
  const iso = (date) => date.toISOString().slice(0, 10);
  const moved = (day, by) => { const date = new Date(`${day}T00:00Z`); date.setUTCDate(date.getUTCDate() + by); return iso(date); };
  const dollars = (cents) => `$${Math.ceil(cents / 100).toLocaleString("en-US")}`;
  const shown = (day) => fares.get(day)?.short ?? day;
  const fare = (day, way) => fares.get(day)?.[way];

  const total = (...ways) => {
    if (ways.some((cents) => cents === undefined)) return null;
    const { passengers, charges } = months.firstElementChild.dataset;
    return ways.reduce((sum, cents) => sum + cents, 0) * Number(passengers) + Number(charges);
  };

  const cheapestBack = (from) => {
    const found = [...fares].filter(([day, each]) => day >= from && each.back !== undefined).map(([, each]) => each.back);
    return found.length ? Math.min(...found) : undefined;
  };

  // The lowest total if this day is chosen: of both ways where there are two.
  const price = (day) => {
    if (!isReturn()) return total(fare(day, "there"));
    if (picking === "back") return total(fare(field("depart").value, "there"), fare(day, "back"));
    return total(fare(day, "there"), cheapestBack(day));
  };

  const show = () => {
    const [depart, back] = [field("depart").value, isReturn() ? field("back").value : ""];
    const prices = new Map(days().map((button) => [button, price(button.dataset.day)]));
    const lowest = Math.min(...[...prices].filter(([button, cents]) => cents !== null && !button.disabled).map(([, cents]) => cents));
    const priced = months.firstElementChild.hasAttribute("data-priced");
    const first = dialog.dataset.first ?? "";
    prices.forEach((cents, button) => {
      const day = button.dataset.day;
      button.disabled = day < first || (picking === "back" && day < depart);
      const says = button.disabled || !priced ? "" : cents === null ? words.none : words.from;
      button.querySelector(".w").textContent = `${button.dataset.long}${says && `, ${says} `}`;
      button.querySelector(".p").textContent = button.disabled || cents === null ? "" : dollars(cents);
      button.setAttribute("aria-pressed", String(day === depart || day === back));
      button.className = [cents === lowest && "low", back && day > depart && day < back && "between"].filter(Boolean).join(" ");
    });
    dialog.querySelectorAll("[data-picks]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.picks === picking));
      button.hidden = button.dataset.picks === "back" && !isReturn();
    });
    dialog.querySelectorAll("[data-shows]").forEach((place) => { place.textContent = shown(field(place.dataset.shows).value); });
    told.textContent = !priced ? words.unpriced : !isReturn() ? words.oneway : picking === "back" ? words.return : words.both;
  };

  const stopAt = (day, focus) => {
    const open = days().filter((button) => !button.disabled);
    const stop = open.find((button) => button.dataset.day === day) ?? open[0];
    days().forEach((button) => { button.tabIndex = button === stop ? 0 : -1; });
    if (focus) stop?.focus();
  };

  const load = async (month, day) => {
    const asked = new URLSearchParams(new FormData(form));
    const key = ["origin", "destination", "cabin"].map((name) => asked.get(name)).join("|");
    if (key !== faresOf) { fares = new Map(); faresOf = key; }
    asked.set("month", month);
    const answer = await fetch(`${dialog.dataset.calendar}?${asked}`).catch(() => null);
    if (!answer?.ok) return;
    months.innerHTML = await answer.text();
    dialog.dataset.first = days().find((button) => !button.disabled)?.dataset.day ?? "";
    days().forEach(({ dataset: { day: each, short, there, back } }) => {
      const cents = (text) => (text === undefined ? undefined : Number(text));
      fares.set(each, { short, there: cents(there), back: cents(back) });
    });
    show();
    stopAt(day, true);
  };

  const open = (name, from) => {
    picking = name === "back" && isReturn() ? "back" : "depart";
    opener = from;
    dialog.showModal();
    const day = field(picking).value || field("depart").value || iso(new Date());
    load(day.slice(0, 7), day);
  };

  const choose = (day) => {
    field(picking).value = day;
    if (picking === "depart" && isReturn()) {
      if (field("back").value < day) field("back").value = "";
      picking = "back";
      show();
      stopAt(field("back").value || day, true);
    } else {
      dialog.close();
    }
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (event.target.matches("[type=date]") && matchMedia("(pointer: fine)").matches) {
      event.preventDefault();
      open(event.target.name, event.target);
    }
    if (event.target === dialog || button?.matches("[data-calendar-close]")) dialog.close();
    if (button?.matches("[data-calendar-open]")) open("depart", button);
    if (button?.dataset.picks) { picking = button.dataset.picks; show(); }
    if (button?.dataset.month) load(button.dataset.month, `${button.dataset.month}-01`);
    if (button?.dataset.day) choose(button.dataset.day);
  });

  dialog.addEventListener("close", () => opener?.focus());

  const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

  dialog.addEventListener("keydown", (event) => {
    const day = event.target.dataset?.day;
    if (!day) return;
    const weekday = (new Date(`${day}T00:00Z`).getUTCDay() + 6) % 7;
    const by = { ...STEPS, Home: -weekday, End: 6 - weekday, PageUp: -28, PageDown: 28 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const to = moved(day, by);
    if (to < dialog.dataset.first && by < 0) return;
    if (days().some((button) => button.dataset.day === to && !button.disabled)) stopAt(to, true);
    else if (to > day) load(to.slice(0, 7), to);
  });
})();
