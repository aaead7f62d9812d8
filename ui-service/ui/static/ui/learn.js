// Plays the rows of the stage one after the other. Without it they are a plain list.
(() => {
  "use strict";

  const stage = document.querySelector("[data-stage]");
  const rows = document.getElementById("stage-rows");
  const verdict = document.getElementById("verdict");
  const pause = stage.querySelector("[data-pause]");
  const POLL_MS = 600, LONGEST_FLIGHT_MS = 600;
  let over = stage.hasAttribute("data-over");
  let speed = 1000, paused = false, timer = 0, last = 0;

  const hidden = () => [...rows.children].filter((row) => row.hidden);
  const tell = (text) => { stage.querySelector("[data-told]").textContent = text; };

  const show = (row) => {
    const waits = speed || Math.min(Math.max(Number(row.dataset.at) - last, 120), 1000);
    row.style.setProperty("--fly", `${Math.min(waits, LONGEST_FLIGHT_MS)}ms`);
    row.hidden = false;
    row.classList.add("plays");
    last = Number(row.dataset.at);
    row.scrollIntoView({ block: "nearest" });
  };

  const ended = () => {
    if (!over || hidden().length || !verdict.hidden) return;
    verdict.hidden = false;
    tell(verdict.querySelector("h2")?.textContent ?? "");
    verdict.scrollIntoView({ block: "nearest" });
  };

  // Each row waits for its turn: a second, or as long as it took.
  const play = () => {
    clearTimeout(timer);
    const [next] = hidden();
    if (!next) { ended(); return; }
    if (paused) return;
    const waits = speed || Math.max(Number(next.dataset.at) - last, 0);
    timer = setTimeout(() => { show(next); play(); }, waits);
  };

  const replay = () => {
    [...rows.children].forEach((row) => { row.hidden = true; row.classList.remove("plays"); });
    verdict.hidden = true;
    last = 0;
    setPaused(false);
    play();
  };

  const setPaused = (yes) => {
    paused = yes;
    pause.setAttribute("aria-pressed", String(yes));
    if (yes) clearTimeout(timer);
  };

  const replaceIfChanged = (id, fresh) => {
    const old = document.getElementById(id);
    if (old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.childNodes);
  };

  const take = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    let news = false;
    fresh.querySelectorAll("#stage-rows > li").forEach((row) => {
      if (document.getElementById(row.id)) return;
      row.hidden = true;
      rows.append(row);
      news = true;
    });
    const waiting = document.querySelector("#stage-act form");
    const offered = fresh.querySelector("#stage-act form");
    // The token of a form is masked anew each time: the same offer stays, with its focus.
    if (!(waiting && offered)) replaceIfChanged("stage-act", fresh.getElementById("stage-act"));
    auto();
    over = fresh.getElementById("stage-part").hasAttribute("data-over");
    if (over) replaceIfChanged("verdict", fresh.getElementById("verdict"));
    if (news || over) play();
  };

  const poll = async () => {
    try {
      const answer = await fetch(stage.dataset.stage);
      if (answer.ok) take(await answer.text());
    } catch { /* The next look may work. */ }
    if (!over) setTimeout(poll, POLL_MS);
  };

  const send = (form) => {
    const body = new FormData(form);
    form.remove();
    fetch(form.action, { method: "POST", body, redirect: "manual" });
  };

  const auto = () => {
    const form = stage.querySelector("form[data-auto]:not([data-counting])");
    if (!form) return;
    form.dataset.counting = "yes";
    setTimeout(() => { if (form.isConnected) send(form); }, Number(form.dataset.auto));
  };

  stage.addEventListener("submit", (event) => {
    if (!event.target.closest("#stage-act")) return;
    event.preventDefault();
    send(event.target);
  });
  stage.querySelector("[data-speed]").addEventListener("change", (event) => { speed = Number(event.target.value); play(); });
  pause.addEventListener("click", () => { setPaused(!paused); play(); });
  stage.querySelector("[data-step]").addEventListener("click", () => {
    setPaused(true);
    const [next] = hidden();
    if (next) show(next);
    play();
  });
  stage.querySelector("[data-replay]").addEventListener("click", replay);

  stage.querySelector("[data-controls]").hidden = false;
  if (over) return;
  replay();
  auto();
  setTimeout(poll, POLL_MS);
})();
