// The seat map: one seat for each person, by mouse, finger or keyboard.
(() => {
  "use strict";

  const form = document.querySelector("[data-seats]");
  if (!form) return;

  const people = [...document.querySelectorAll("[data-person]")];
  const boxes = () => [...form.querySelectorAll("input[type=checkbox][name^=seats]")];
  const boxOf = (number) => boxes().find((box) => box.value === number);

  // Here seats are sent in the order of the people; without this script in that of the map.
  if (form.elements.ordered) form.elements.ordered.value = "1";

  // The seat of each person, or nothing; and whose turn it is.
  let seats = (form.dataset.seats ?? "").split(" ").slice(0, people.length);
  let turn = 0;

  const nextWithout = () => {
    const free = people.findIndex((_, place) => !seats[place]);
    return free < 0 ? turn : free;
  };

  // The map is one stop of the Tab key; from there the arrows lead on.
  const stopAt = (seat) => boxes().forEach((box) => { box.tabIndex = box === seat ? 0 : -1; });

  const show = () => {
    boxes().forEach((box) => {
      const place = seats.indexOf(box.value);
      box.checked = place >= 0;
      const mark = box.nextElementSibling;
      mark.textContent = place >= 0 && people.length > 1 ? String(place + 1) : box.value.slice(-1);
    });
    people.forEach((person, place) => {
      person.querySelector("[data-seat]").textContent = seats[place] || person.dataset.none;
      person.setAttribute("aria-pressed", String(people.length > 1 && place === turn));
    });
    const told = document.querySelector("[data-chosen]");
    const chosen = seats.filter(Boolean).join(", ") || told.dataset.none;
    if (told.textContent !== chosen) told.textContent = chosen;
    stopAt(boxes().find((box) => box === document.activeElement) ?? boxOf(seats.find(Boolean)) ?? boxes()[0]);
  };

  form.addEventListener("change", (event) => {
    const box = event.target;
    if (!box.matches("[name^=seats]")) return;
    const place = seats.indexOf(box.value);
    if (place >= 0) { seats[place] = ""; turn = place; } else { seats[turn] = box.value; turn = nextWithout(); }
    show();
  });

  people.forEach((person, place) => person.addEventListener("click", () => { turn = place; show(); }));

  // What the map shows: after a refresh seats may be gone and others marked in their place, and before this
  // script was there somebody may have chosen already.
  const adopt = () => {
    const marked = boxes().filter((box) => box.checked).map((box) => box.value);
    seats = people.map((_, place) => (marked.includes(seats[place]) ? seats[place] : ""));
    marked.filter((seat) => !seats.includes(seat)).forEach((seat) => { seats[nextWithout()] = seat; });
    turn = nextWithout();
    show();
  };
  document.addEventListener("htmx:afterSwap", adopt);

  // In the order of the people, not of the map.
  form.addEventListener("formdata", (event) => {
    const name = boxes()[0]?.name;
    if (!name) return;
    event.formData.delete(name);
    seats.filter(Boolean).forEach((seat) => event.formData.append(name, seat));
  });

  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  };

  // The nearest free seat in the direction of the arrow: along the row, or along the aisle.
  const seatBeside = (from, right, down) => {
    const at = middle(from);
    const far = (box) => {
      const to = middle(box);
      const [along, aside] = right ? [(to.x - at.x) * right, to.y - at.y] : [(to.y - at.y) * down, to.x - at.x];
      return along > 1 && Math.abs(aside) < 4 ? along : Infinity;
    };
    return boxes().reduce((best, box) => (far(box) < far(best) ? box : best), from);
  };

  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

  form.addEventListener("keydown", (event) => {
    if (!ARROWS[event.key] || !event.target.matches("[name^=seats]")) return;
    event.preventDefault();
    const seat = seatBeside(event.target, ...ARROWS[event.key]);
    stopAt(seat);
    seat.focus();
  });

  adopt();
})();
