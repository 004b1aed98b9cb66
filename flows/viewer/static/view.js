// What every page can do: keys, colours of steps, labels, and following a run. It reads and changes elements by the
// DOM alone; no text ever becomes markup, except a page of this server that is read again.
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const live = "live" in document.body.dataset;

  // Keys. Rows and drafts are gone through with j and k.
  let at = -1, awaited = "";
  const rows = () => all("[data-row]");
  const move = (by) => {
    const list = rows();
    if (!list.length) return;
    at = Math.max(0, Math.min(list.length - 1, at + by));
    all(".at").forEach((row) => row.classList.remove("at"));
    list[at].classList.add("at");
    list[at].scrollIntoView({ block: "nearest" });
  };
  const follow = (selector, within = document) => {
    const link = within.querySelector(selector);
    if (link) link.click();
  };
  const places = { r: "/runs", p: "/problems", c: "/charts", l: "/labels" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      if (event.key === "Escape") event.target.blur();
      if (!/^(checkbox|range)$/.test(event.target.type)) return;
    }
    if (document.getElementById("keys").open) return;
    const key = event.key;
    if (awaited === "g" && places[key] && live) { location.href = places[key]; event.preventDefault(); }
    awaited = key === "g" ? "g" : "";
    if (key === "?") document.getElementById("keys").showModal();
    else if (key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { search.focus(); event.preventDefault(); }
    } else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "[") follow("[rel=prev]");
    else if (key === "]") follow("[rel=next]");
    else if (key === "Enter" && at >= 0 && event.target === document.body) follow("a", rows()[at]);
    else if (/^[rws0-9]$/.test(key)) label(key);
  });
  all("[data-keys]").forEach((button) => button.addEventListener("click", () => document.getElementById("keys").showModal()));

  // The shade of a value, as the server gives it.
  const shade = (value) => {
    if (value === undefined || value === null) return "s";
    return `s${Math.round((value >= 0 && value <= 1 ? value : 0.5 * (1 + Math.tanh(value / 2))) * 10)}`;
  };
  const colour = (name) => all(".step[data-values]").forEach((step) => {
    const value = JSON.parse(step.dataset.values)[name];
    step.className = `step ${shade(value)}`;
    step.querySelector(".value").textContent = value === undefined ? "" : value.toFixed(2);
  });
  all("[data-grader]").forEach((select) => select.addEventListener("change", () => {
    colour(select.value);
    const address = new URL(location);
    address.searchParams.set("grader", select.value || "none");
    if (live) history.replaceState(null, "", address);
  }));

  // Labels, by the mouse and by the keys r, w, s and digits. Two digits that follow each other in a second are a number.
  const form = () => (rows()[Math.max(at, 0)] || document).querySelector("form[data-label]");
  let typed = 0, typedAt = -Infinity;
  const label = (key) => {
    const found = form();
    if (!found) return;
    if (/[0-9]/.test(key)) {
      const both = typed * 10 + +key, steps = all(".step", found.closest("[data-row]")).length;
      typed = performance.now() - typedAt < 1000 && both <= steps ? both : +key;
      typedAt = performance.now();
      pick(found, typed);
    }
    else found.querySelector(`[data-verdict=${{ r: "right", w: "wrong", s: "skip" }[key]}]`).click();
  };
  const pick = (found, number) => {
    const steps = all(".step", found.closest("[data-row]"));
    if (number < 1 || number > steps.length) return;
    const field = found.elements.step;
    field.value = field.value === String(number) ? "" : number;
    steps.forEach((step) => step.classList.toggle("picked", step.dataset.number === field.value));
  };
  all("form[data-label]").forEach((found) => {
    found.addEventListener("submit", (event) => event.preventDefault());
    all(".step", found.closest("[data-row]")).forEach((step) =>
      step.addEventListener("click", () => getSelection().isCollapsed && pick(found, +step.dataset.number)));
    all("[data-verdict]", found).forEach((button) => button.addEventListener("click", () => send(found, button.dataset.verdict)));
  });
  const send = async (found, verdict) => {
    const step = verdict === "wrong" && found.elements.step.value ? +found.elements.step.value : null;
    const given = {
      trajectory_id: found.dataset.trajectory, turn: +found.dataset.turn, draft_key: found.dataset.key,
      key_shown: Boolean(found.dataset.shown), verdict, first_wrong_step: step, remark: found.elements.remark.value || null,
    };
    const output = found.querySelector("output");
    let told = "the server does not answer: is `redraft view` still running?", kept = false;
    try {
      const answer = await fetch("/label", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given) });
      kept = answer.ok;
      told = kept ? `kept: ${verdict}${step ? `, step ${step}` : ""}` : await answer.text();
    } catch { /* told above */ }
    output.textContent = told;
    output.classList.toggle("trouble", !kept);
    if (kept && found.closest("[data-next]")) location.reload();
  };

  // Following a run: when the store changes, the parts that are marked are read again. A part that is in use waits.
  if (live) {
    let stamp = null, old = [];
    const chosen = (select) => select.value !== (select.querySelector("[selected]") || select.options[0]).value;
    const used = (part) => {
      const within = part.closest("form") || part, focus = document.activeElement;
      if (within.contains(focus) && !focus.matches(".scroll")) return true;
      return [part, ...all("input, select", part)].some((each) => each.checked || (each.options && chosen(each)));
    };
    const replace = (part, found) => { // the place in a table that is wider than the window stays
      const before = all(".scroll", part), focus = before.indexOf(document.activeElement);
      part.replaceWith(document.adoptNode(found));
      all(".scroll", found).forEach((each, at) => {
        if (before[at]) each.scrollLeft = before[at].scrollLeft;
        if (at === focus) each.focus({ preventScroll: true });
      });
    };
    const pulse = document.getElementById("pulse");
    const refresh = async () => {
      const free = all("[data-follow]").filter((part) => old.includes(part.dataset.follow) && !used(part));
      if (!free.length) return;
      const answer = await fetch(location.href);
      if (!answer.ok) return; // the store is busy: the next look asks again
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      free.forEach((part) => {
        const found = page.querySelector(`[data-follow="${part.dataset.follow}"]`);
        if (used(part)) return;
        if (found) replace(part, found);
        old = old.filter((name) => name !== part.dataset.follow);
      });
      at = Math.min(at, rows().length - 1);
      if (at >= 0) rows()[at].classList.add("at");
      pulse.textContent = "updated";
      setTimeout(() => (pulse.textContent = ""), 1500);
    };
    const look = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch("/changes");
        const now = answer.ok ? (await answer.json()).stamp : stamp;
        if (stamp !== null && now !== stamp) {
          document.dispatchEvent(new Event("store"));
          old = all("[data-follow]").map((part) => part.dataset.follow);
        }
        stamp = now;
        await refresh();
      } catch { pulse.textContent = "the server has ended"; }
    };
    look();
    setInterval(look, 2000);
  }
})();
