// The script of the simulated payment provider, in the place of one such as Stripe.js: it turns a card into a
// token in the browser, so that the number reaches none of our services. It knows test cards only.
(() => {
  "use strict";

  const form = document.querySelector("[data-card-form]");
  if (!form) return;

  // Numbers as Stripe documents them; the last two are of this provider.
  const SHOWN = {
    tok_ok: "4242424242424242",
    tok_declined: "4000000000000002",
    tok_insufficient_funds: "4000000000009995",
    tok_timeout: "4000000000000408",
    tok_unsure: "4000000000002503",
  };
  const ALSO = {
    tok_ok: "4000056655665556 5555555555554444 2223003122003222 5105105105105100 378282246310005 371449635398431 6011111111111117 3056930009020004 3566002020360505 6205500000000000004",
    tok_declined: "4000000000009987 4000000000009979 4000000000000069 4000000000000127 4000000000000119",
  };
  const TOKENS = Object.fromEntries([
    ...Object.entries(SHOWN).map(([token, number]) => [number, token]),
    ...Object.entries(ALSO).flatMap(([token, numbers]) => numbers.split(" ").map((number) => [number, token])),
  ]);

  const BRANDS = [
    ["American Express", /^3[47]/, [15], 4],
    ["Diners Club", /^3(0[0-5]|[689])/, [14], 3],
    ["JCB", /^35/, [16], 3],
    ["Mastercard", /^(5[1-5]|2[2-7])/, [16], 3],
    ["Discover", /^6(011|5)/, [16], 3],
    ["UnionPay", /^62/, [16, 19], 3],
    ["Visa", /^4/, [13, 16, 19], 3],
  ];
  const OTHER = ["", /^/, [13, 14, 15, 16, 17, 18, 19], 3];

  const field = (name) => form.querySelector(`[data-card="${name}"]`);
  const [number, expiry, code, owner] = ["number", "expiry", "code", "owner"].map(field);
  const digits = (input) => input.value.replace(/\D/g, "");
  const brandOf = (text) => BRANDS.find(([, start]) => start.test(text)) ?? OTHER;

  // ISO/IEC 7812-1: from the right every second digit is doubled.
  const passesLuhn = (text) => [...text].reverse().reduce((sum, digit, place) => {
    const worth = Number(digit) * (place % 2 + 1);
    return sum + (worth > 9 ? worth - 9 : worth);
  }, 0) % 10 === 0;

  // Each check names the message of its field, or none.
  const checks = new Map([
    [number, () => {
      const [, , lengths] = brandOf(digits(number));
      if (!lengths.includes(digits(number).length)) return "incomplete";
      if (!passesLuhn(digits(number))) return "invalid";
      return TOKENS[digits(number)] ? "" : "unknown";
    }],
    [expiry, () => {
      const [month, year] = [Number(digits(expiry).slice(0, 2)), Number(digits(expiry).slice(2))];
      if (digits(expiry).length !== 4) return "incomplete";
      if (month < 1 || month > 12) return "invalid";
      // Good to the end of its month.
      return new Date(2000 + year, month) > new Date() ? "" : "past";
    }],
    [code, () => (digits(code).length === brandOf(digits(number))[3] ? "" : "incomplete")],
    [owner, () => (owner.value.trim() ? "" : "incomplete")],
  ]);

  const show = (input, fault) => {
    const told = document.getElementById(input.getAttribute("aria-describedby"));
    told.textContent = fault ? input.dataset[fault] : "";
    if (fault) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    return !fault;
  };

  const grouped = (text) => {
    const sizes = brandOf(text)[0] === "American Express" ? [4, 6, 5] : [4, 4, 4, 4, 3];
    let at = 0;
    return sizes.map((size) => text.slice(at, (at += size))).filter(Boolean).join(" ");
  };

  // Only at the end of the field, so that correcting a digit does not move the cursor.
  const typed = {
    number: () => { number.value = grouped(digits(number).slice(0, 19)); },
    expiry: (event) => {
      const text = digits(expiry).replace(/^([2-9])/, "0$1").slice(0, 4);
      const goesOn = text.length > 2 || (text.length === 2 && event?.inputType !== "deleteContentBackward");
      expiry.value = goesOn ? `${text.slice(0, 2)} / ${text.slice(2)}` : text;
    },
    code: () => { code.value = digits(code).slice(0, 4); },
  };

  form.addEventListener("input", (event) => {
    const input = event.target;
    if (!checks.has(input)) return;
    if (input.selectionStart === input.value.length) typed[input.dataset.card]?.(event);
    form.querySelector("[data-brand]").textContent = brandOf(digits(number))[0];
    show(input, "");
  });

  form.addEventListener("focusout", (event) => {
    if (checks.has(event.target) && event.target.value) show(event.target, checks.get(event.target)());
  });

  const choose = (token) => { form.form.querySelector(`[name=card_token][value="${token}"]`).checked = true; };

  form.form.addEventListener("submit", (event) => {
    const wrong = [...checks].filter(([input, check]) => !show(input, check()));
    if (wrong.length) {
      event.preventDefault();
      event.stopPropagation();
      wrong[0][0].focus();
      return;
    }
    choose(TOKENS[digits(number)]);
  });

  const fill = (text) => {
    number.value = grouped(text);
    expiry.value = `12 / ${String(new Date().getFullYear() + 4).slice(2)}`;
    code.value = "123";
    form.querySelector("[data-brand]").textContent = brandOf(text)[0];
    [...checks.keys()].forEach((input) => show(input, ""));
  };

  // The choice of test cards, which serves without a script, becomes a list from which to fill the form in.
  const choice = document.querySelector("[data-card-choice]");
  const list = form.querySelector("[data-test-cards]");
  for (const box of choice.querySelectorAll("[name=card_token]")) {
    const line = list.content.firstElementChild.cloneNode(true);
    line.querySelector("button").dataset.number = SHOWN[box.value];
    line.querySelector("[data-shown]").textContent = grouped(SHOWN[box.value]);
    line.querySelector("[data-label]").textContent = box.closest("label").querySelector("b").textContent;
    line.querySelector("[data-says]").textContent = box.closest("label").querySelector(".muted").textContent;
    list.before(line);
    // Whoever chose before this script was there keeps that card.
    if (box.checked && !box.defaultChecked) fill(SHOWN[box.value]);
  }
  form.addEventListener("click", (event) => {
    const card = event.target.closest("[data-number]");
    if (card) { fill(card.dataset.number); number.focus(); }
  });
  choice.hidden = true;
  form.hidden = false;
})();
