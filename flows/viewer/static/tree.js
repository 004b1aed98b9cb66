// A tree on a canvas: it lays out what is unfolded and has grown, and draws only what is in sight. Steps grow to the
// right; a step takes a row of its own only if it is a leaf, so that a layout costs one pass over the steps.
"use strict";
(() => {
  const { tree, step: asked, places } = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("tree"), side = document.getElementById("step"), said = document.getElementById("step-live");
  const pen = canvas.getContext("2d"), count = tree.parent.length;
  const ROW = 22;
  let column = 150; // pixels from a step to the next, which `fit` adapts to the width
  const children = Array.from({ length: count + 1 }, () => []); // the last one holds the first steps
  tree.parent.forEach((parent, node) => children[parent < 0 ? count : parent].push(node));
  const order = (a, b) => tree.place[a].localeCompare(tree.place[b], "en", { numeric: true });
  children.forEach((list) => list.sort(order));
  const ends = new Map(), advice = new Map(), chosen = new Set();
  tree.ends.forEach((end, number) => {
    if (!ends.has(end[0])) ends.set(end[0], []);
    ends.get(end[0]).push({ id: end[1], role: end[2], answer: end[3], correct: end[4], chosen: end[5], stop: end[6], place: places[number] });
    if (end[5]) for (let node = end[0]; node >= 0; node = tree.parent[node]) chosen.add(node);
  });
  tree.decisions.forEach(([node, verdict, value, reason]) => advice.set(node, { verdict, value, reason }));
  const folded = new Set();
  const x = new Float64Array(count + 1), y = new Float64Array(count + 1), low = new Float64Array(count + 1), high = new Float64Array(count + 1);
  let shown = [], grown = count, rollouts = true, selected = -1, colours = null, style = {}, view = { x: 30, y: 30, scale: 1 };

  const visible = (node) => node < grown && (rollouts || !tree.rollout[node]);
  const layout = () => { // post-order without recursion: a chain may be longer than the stack
    let row = 0;
    shown = [];
    const stack = [[count, 0, 0]];
    while (stack.length) {
      const top = stack[stack.length - 1], [node, depth] = top;
      const list = folded.has(node) ? [] : children[node];
      let next = -1;
      while (top[2] < list.length) { const child = list[top[2]++]; if (visible(child)) { next = child; break; } }
      if (next >= 0) { stack.push([next, depth + 1, 0]); continue; }
      const there = list.filter(visible);
      x[node] = depth * column;
      if (there.length) {
        y[node] = (y[there[0]] + y[there[there.length - 1]]) / 2;
        low[node] = Math.min(y[node], ...bounds(there, low, Math.min));
        high[node] = Math.max(y[node], ...bounds(there, high, Math.max));
      } else { y[node] = row++ * ROW; low[node] = high[node] = y[node]; }
      shown.push(node);
      stack.pop();
    }
  };
  const bounds = (list, values, best) => [list.reduce((found, node) => best(found, values[node]), values[list[0]])];

  // Colours
  const choices = {};
  const span = (values) => { // values outside [0, 1] are spread over their own range
    const known = values.filter((value) => value !== null && isFinite(value));
    if (!known.length) return null;
    const least = known.reduce((a, b) => Math.min(a, b)), most = known.reduce((a, b) => Math.max(a, b));
    return least >= 0 && most <= 1 ? [0, 1] : [least, most > least ? most : least + 1];
  };
  const offer = (name, values) => { const range = values && span(values); if (range) choices[name] = { values, range }; };
  offer("value", tree.value);
  Object.entries(tree.grades).forEach(([name, values]) => offer(name, values));
  offer("likelihood", tree.likelihood);
  const select = document.getElementById("colour");
  [...Object.keys(choices), "nothing"].forEach((name) => select.append(new Option(name, name)));
  const read = () => {
    const found = getComputedStyle(document.documentElement);
    for (const name of ["page", "panel", "ink", "soft", "line", "accent", "good", "bad", "warn", "edge"]) style[name] = found.getPropertyValue(`--${name}`).trim();
    const mix = (a, b, part) => { // the eleven shades, through the middle one
      const hex = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
      const [from, to] = [hex(a), hex(b)];
      return `rgb(${from.map((each, at) => Math.round(each + (to[at] - each) * part)).join(" ")})`;
    };
    colours = Array.from({ length: 11 }, (_, at) => (at < 5 ? mix(style.bad, style.warn, at / 5) : mix(style.warn, style.good, (at - 5) / 5)));
  };
  const fill = (node) => {
    const choice = choices[select.value];
    const value = choice ? choice.values[node] : null;
    if (value === null || value === undefined) return style.panel;
    return colours[Math.round(Math.max(0, Math.min(1, (value - choice.range[0]) / (choice.range[1] - choice.range[0]))) * 10)];
  };
  const radius = (node) => (node === count ? 5 : 4 + Math.min(6, 1.3 * Math.log2(1 + (tree.visits[node] || 0))));

  // Drawing. A branch whose rows are all out of sight is skipped with everything below it.
  let asleep = true;
  const draw = () => { if (asleep) { asleep = false; requestAnimationFrame(paint); } };
  const paint = () => {
    asleep = true;
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = style.page;
    pen.fillRect(0, 0, width, height);
    pen.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
    const top = -view.y / view.scale - 20, bottom = (height - view.y) / view.scale + 20;
    const left = -view.x / view.scale - column, right = (width - view.x) / view.scale + column;
    const seen = [], stack = [count], small = view.scale < 0.35;
    const plain = new Path2D(), way = new Path2D(), rolled = new Path2D();
    const drawn = new Set(); // when the tree is small on the screen, one of the steps in a pixel is enough
    while (stack.length) {
      const node = stack.pop();
      if (high[node] < top || low[node] > bottom || x[node] > right) continue;
      const inside = y[node] >= top && y[node] <= bottom && x[node] >= left;
      if (inside) seen.push(node);
      if (folded.has(node)) continue;
      for (const child of children[node]) {
        if (!visible(child)) continue;
        stack.push(child);
        if (high[child] < top && y[node] < top) continue;
        if (low[child] > bottom && y[node] > bottom) continue;
        if (small && !chosen.has(child)) {
          const pixel = `${Math.round(x[child] * view.scale)},${Math.round(y[child] * view.scale)}`;
          if (drawn.has(pixel)) continue;
          drawn.add(pixel);
        }
        const line = chosen.has(child) ? way : tree.rollout[child] ? rolled : plain;
        line.moveTo(x[node], y[node]);
        line.bezierCurveTo(x[node] + column / 2, y[node], x[child] - column / 2, y[child], x[child], y[child]);
      }
    }
    pen.lineWidth = Math.max(1, 0.6 / view.scale);
    pen.strokeStyle = style.edge;
    pen.stroke(plain);
    if (!small) pen.setLineDash([4, 4]);
    pen.stroke(rolled);
    pen.setLineDash([]);
    pen.lineWidth = Math.max(3, 2 / view.scale);
    pen.strokeStyle = style.accent;
    pen.stroke(way);
    drawn.clear();
    for (const node of seen) {
      if (small && node !== selected && node !== count) {
        const pixel = `${Math.round(x[node] * view.scale / 2)},${Math.round(y[node] * view.scale / 2)}`;
        if (drawn.has(pixel)) continue;
        drawn.add(pixel);
      }
      dot(node, small);
    }
    if (view.scale > 0.55) for (const node of seen) caption(node);
    canvas.dataset.drawn = String(seen.length);
  };
  const dot = (node, small) => {
    const end = node < count && ends.get(node), size = radius(node);
    pen.beginPath();
    const answered = end && end.find((each) => each.answer !== null);
    if (answered) pen.rect(x[node] - size, y[node] - size, 2 * size, 2 * size);
    else pen.arc(x[node], y[node], size, 0, 7);
    pen.fillStyle = node === count ? style.ink : fill(node);
    pen.fill();
    if (small && !answered) return;
    pen.lineWidth = node === selected ? 3 : 1.5;
    pen.strokeStyle = node === selected ? style.accent : answered ? { true: style.good, false: style.bad, null: style.soft }[answered.correct] : style.soft;
    if (node < count && tree.rollout[node]) pen.setLineDash([2, 2]);
    pen.stroke();
    pen.setLineDash([]);
    if (node < count && advice.has(node)) {
      pen.beginPath();
      pen.arc(x[node], y[node], size + 4, 0, 7);
      pen.strokeStyle = style.warn;
      pen.stroke();
    }
    if (folded.has(node) && children[node].length) {
      pen.fillStyle = style.soft;
      pen.font = "11px system-ui";
      pen.fillText(`+${below(node)}`, x[node] + size + 4, y[node] - 6);
    }
  };
  const caption = (node) => {
    if (node === count) return;
    const text = tree.text[node].trim().replace(/\s+/g, " "), end = ends.get(node), room = column - 2 * radius(node) - 14;
    const answered = end && end.find((each) => each.answer !== null);
    pen.font = "11px system-ui";
    pen.fillStyle = tree.by[node] === "model" ? style.ink : style.accent;
    const letters = Math.floor(room / 5.6), leaf = !children[node].length || folded.has(node);
    const most = leaf ? letters * 2 : letters;
    const shown = text.length > most ? `${text.slice(0, most - 1)}…` : text;
    if (leaf) pen.fillText(answered ? `${shown}  → ${answered.answer}` : shown, x[node] + radius(node) + 5, y[node] + 4);
    else pen.fillText(shown, x[node] + radius(node) + 3, y[node] - radius(node) - 1);
  };
  const below = (node) => {
    let found = 0;
    const stack = [...children[node]];
    while (stack.length) { const each = stack.pop(); found += 1; stack.push(...children[each]); }
    return found;
  };

  // Where to look
  const fit = () => {
    let right = 1, bottom = 1;
    for (const node of shown) { right = Math.max(right, x[node]); bottom = Math.max(bottom, y[node]); }
    const steps = right / column + 1, width = canvas.clientWidth - 60;
    const tall = Math.min(1.4, (canvas.clientHeight - 50) / (bottom + ROW));
    const wide = Math.max(120, Math.min(420, width / tall / steps));
    if (wide !== column) { column = wide; layout(); }
    const scale = Math.min(width / (column * steps), tall);
    view = { scale, x: 25, y: 25 + Math.max(0, (canvas.clientHeight - 50 - bottom * scale) / 2) };
    draw();
  };
  const zoom = (by, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) => {
    const scale = Math.max(0.002, Math.min(4, view.scale * by));
    view = { scale, x: px - (px - view.x) * (scale / view.scale), y: py - (py - view.y) * (scale / view.scale) };
    draw();
  };
  const reveal = (node) => {
    const px = x[node] * view.scale + view.x, py = y[node] * view.scale + view.y, edge = 40;
    if (px < edge || px > canvas.clientWidth - edge - 90) view.x += canvas.clientWidth / 3 - px;
    if (py < edge || py > canvas.clientHeight - edge) view.y += canvas.clientHeight / 2 - py;
  };

  // The step that is selected, beside its siblings
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const figure = (value) => (value === null || value === undefined ? "–" : +value.toPrecision(3));
  const choose = (node, quiet) => {
    selected = node;
    if (node < 0 || node >= count) return draw();
    reveal(node);
    draw();
    side.replaceChildren();
    side.append(make("h2", `Step ${tree.place[node]}`));
    const facts = make("dl", null, "facts");
    const fact = (name, value) => facts.append(make("dt", name), make("dd", value));
    if (tree.by[node] !== "model") fact("by", tree.by[node]);
    for (const [name, choice] of Object.entries(choices)) if (choice.values[node] !== null) fact(name, figure(choice.values[node]));
    if (tree.visits[node] !== null) fact("visits", tree.visits[node]);
    fact("tokens", tree.tokens[node]);
    if (tree.turn[node] > 1) fact("turn", tree.turn[node]);
    const advised = advice.get(node);
    if (advised) fact("critic", [advised.verdict, advised.value === null ? null : figure(advised.value), advised.reason].filter((each) => each !== null).join(" · "));
    side.append(make("p", tree.text[node].trim(), "text"), facts);
    for (const end of (ends.get(node) || []).slice(0, 8)) {
      const line = make("p");
      const name = `${end.role}${end.chosen ? ", chosen" : ""}: ${end.answer === null ? end.stop || "left open" : end.answer}`;
      const link = end.place ? Object.assign(make("a", name), { href: end.place }) : make("span", name);
      line.append(link, " ", end.correct === null ? "" : make("span", end.correct ? "right" : "wrong", `mark ${end.correct ? "right" : "wrong"}`));
      side.append(line);
    }
    compare(node);
    if (!quiet) said.textContent = `Step ${tree.place[node]}, ${select.value} ${figure((choices[select.value] || { values: [] }).values[node])}, visits ${figure(tree.visits[node])}: ${tree.text[node].trim().slice(0, 200)}`;
    const address = new URL(location);
    address.searchParams.set("step", tree.place[node]);
    if ("live" in document.body.dataset) history.replaceState(null, "", address);
  };
  const compare = (node) => {
    const siblings = children[tree.parent[node] < 0 ? count : tree.parent[node]].filter((each) => each < grown);
    if (siblings.length < 2) return;
    const choice = choices[select.value], value = (each) => (choice ? choice.values[each] : null);
    siblings.sort((a, b) => (value(b) ?? -Infinity) - (value(a) ?? -Infinity) || (tree.visits[b] || 0) - (tree.visits[a] || 0));
    side.append(make("h2", `${siblings.length} siblings, by ${choice ? select.value : "visits"}`));
    const table = make("table"), head = make("thead"), body = make("tbody"), line = make("tr");
    for (const name of ["Text", choice ? select.value : "value", "visits"]) line.append(Object.assign(make("th", name), { scope: "col" }));
    head.append(line);
    const words = new Set(tree.text[node].split(/\s+/));
    for (const each of siblings.slice(0, 60)) {
      const row = make("tr", null, each === node ? "self" : ""), cell = make("td"), button = make("button", null, "quiet");
      button.type = "button";
      tree.text[each].trim().split(/(\s+)/).forEach((word) => button.append(each === node || words.has(word) || !word.trim() ? word : make("ins", word)));
      button.addEventListener("click", () => { choose(each); canvas.focus(); });
      cell.append(button);
      row.append(cell, make("td", figure(value(each)), "num"), make("td", figure(tree.visits[each]), "num"));
      body.append(row);
    }
    table.append(head, body);
    side.append(table);
  };

  // Growth
  const slider = document.getElementById("grown"), play = document.getElementById("play"), counted = document.getElementById("count");
  const grow = (number) => {
    grown = number;
    slider.value = number;
    counted.textContent = `${number.toLocaleString("en")} of ${count.toLocaleString("en")} steps`;
    layout();
    draw();
  };
  let timer = 0;
  const playing = (on) => {
    clearInterval(timer);
    timer = 0;
    play.setAttribute("aria-pressed", String(on));
    if (!on) return;
    if (grown >= count) grow(0);
    const pace = Math.max(1, Math.round(count / 150)); // the whole in about ten seconds
    timer = setInterval(() => { grow(Math.min(count, grown + pace)); if (grown >= count) playing(false); }, 66);
  };

  // Hands
  const fold = (node) => {
    if (!children[node].length) return;
    if (folded.has(node)) folded.delete(node); else folded.add(node);
    layout();
    draw();
  };
  const under = (event) => {
    const box = canvas.getBoundingClientRect(), px = (event.clientX - box.left - view.x) / view.scale, py = (event.clientY - box.top - view.y) / view.scale;
    let best = -1, nearest = Math.max(12, 9 / view.scale) ** 2;
    for (const node of shown) {
      const away = (x[node] - px) ** 2 + (y[node] - py) ** 2;
      if (away < nearest) { nearest = away; best = node; }
    }
    return best;
  };
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, from: { ...view }, moved: false }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    drag.moved ||= Math.abs(dx) + Math.abs(dy) > 4;
    if (drag.moved) { view = { ...view, x: drag.from.x + dx, y: drag.from.y + dy }; draw(); }
  });
  canvas.addEventListener("pointerup", (event) => { if (drag && !drag.moved) choose(under(event)); drag = null; });
  canvas.addEventListener("dblclick", (event) => { const node = under(event); if (node >= 0) fold(node); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  document.addEventListener("keydown", (event) => { // on the whole page, except keys of a field, a button or a link
    const at = event.target, key = event.key;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.getElementById("keys").open) return;
    if (at === side || (at.matches("input, select, textarea") && at.type !== "checkbox")) return;
    if ((key === " " || key === "Enter") && at.closest("a, button, input")) return;
    const parent = selected < 0 ? -1 : tree.parent[selected], line = children[parent < 0 ? count : parent].filter(visible), place = line.indexOf(selected);
    const moves = {
      ArrowLeft: () => parent, ArrowRight: () => (selected < 0 ? line[0] : folded.has(selected) ? -1 : children[selected].find(visible)),
      ArrowDown: () => (selected < 0 ? line[0] : line[place + 1]), ArrowUp: () => line[place - 1], Home: () => children[count].find(visible),
    };
    const acts = {
      " ": () => fold(selected < 0 ? count : selected), "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: fit, p: () => playing(!timer),
      Enter: () => { const link = side.querySelector("a"); if (link) link.click(); },
    };
    if (moves[key]) { const node = moves[key](); if (node !== undefined && node >= 0) choose(node); }
    else if (acts[key]) acts[key]();
    else return;
    event.preventDefault();
  });
  document.getElementById("fit").addEventListener("click", fit);
  play.addEventListener("click", () => playing(!timer));
  slider.addEventListener("input", () => { playing(false); grow(+slider.value); });
  document.getElementById("rollouts").addEventListener("change", (event) => { rollouts = event.target.checked; layout(); draw(); });
  select.addEventListener("change", () => { draw(); if (selected >= 0) choose(selected, true); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { read(); draw(); });
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("store", async () => { // a run has written: if this unit was stored again, its page is read anew
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html").getElementById("data");
    if (page && JSON.parse(page.textContent).tree.parent.length !== count) location.reload();
  });

  read();
  grow(count);
  fit();
  const first = asked ? tree.place.indexOf(asked) : -1;
  if (first >= 0) choose(first, true);
  canvas.dataset.ready = String(shown.length - 1);
})();
