// Draws the floor plan and each camera's zones: by pointer, by tapping where something belongs, and by keys.
// Every thing that can be moved is a handle: { id, label, at, move(x, y), remove?, resize? }, in fractions of its board.
const NS = "http://www.w3.org/2000/svg";
const WIDE = 1000;
const STEP = 0.01, LEAP = 0.05, TAP = 0.008;
const CORNERS_MAX = 8, ZONES_MAX = 12;
const root = document.getElementById("plan");
const state = JSON.parse(root.dataset.plan);
const known = JSON.parse(root.dataset.known);
const tall = { floor: WIDE * Number(root.dataset.aspect), view: WIDE * 9 / 16 };
const boards = { floor: document.getElementById("floor"), view: document.getElementById("view") };
const says = document.getElementById("plan-says");
const camera = document.getElementById("camera");
const drawnBefore = new Set(state.views.map((one) => one.node));
const past = [];
let chosen = null; // { board, id }
let drag = null;
let sketching = false;
let redrawing = false; // what is focused again after a drawing was not chosen by anybody

const clamp = (value, low = 0, high = 1) => Math.min(high, Math.max(low, Math.round(value * 1000) / 1000));
const nameOf = (node, zone) => known.find((one) => one.node === node)?.zones.find((one) => one.id === zone)?.name ?? `zone ${zone}`;
const copy = (value) => JSON.parse(JSON.stringify(value));

function el(name, attributes, ...children) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function say(text, tone = "") {
  says.textContent = text;
  says.dataset.tone = tone;
}

// --- what can be moved ---------------------------------------------------------------------------------------------

/** Units of the board in so many pixels of this screen: what a finger takes is as large on every one. */
const px = (board, pixels) => (pixels * WIDE) / Math.max(boards[board].clientWidth, 1);

function floorHandles() {
  const without = (list, one) => () => list.splice(list.indexOf(one), 1);
  const walls = state.walls.flatMap((wall, i) => wall.ends.map((end, j) => ({
    id: `wall-${i}-${j}`, kind: "end", label: `Wall ${i + 1}, ${j ? "second" : "first"} end`, at: end,
    move: (x, y) => { wall.ends[j] = [x, y]; }, remove: without(state.walls, wall),
  })));
  const zones = state.zones.map((zone) => ({
    id: `zone-${zone.node}-${zone.zone}`, kind: "zone", label: `Zone ${nameOf(zone.node, zone.zone)}`, at: [zone.x, zone.y], zone,
    move: (x, y) => { [zone.x, zone.y] = [x, y]; }, remove: without(state.zones, zone),
    resize: (w, h) => { zone.w = clamp(zone.w + w, 0.04); zone.h = clamp(zone.h + h, 0.04); },
  }));
  const nodes = state.nodes.map((node) => ({
    id: `node-${node.node}`, kind: "node", label: `Camera ${node.node}`, at: [node.x, node.y], node,
    move: (x, y) => { [node.x, node.y] = [x, y]; }, remove: without(state.nodes, node),
    resize: (w, h) => { node.turn = (node.turn + (w > 0 || h > 0 ? 15 : 345)) % 360; },
  }));
  return [...walls, ...zones, ...nodes];
}

const view = () => state.views.find((one) => one.node === camera?.value);

function viewHandles() {
  return (view()?.zones ?? []).flatMap((zone) => zone.polygon.map((corner, i) => ({
    id: `corner-${zone.id}-${i}`, kind: "corner", label: `${zone.name}, corner ${i + 1} of ${zone.polygon.length}`, at: corner, zone,
    corner: i, move: (x, y) => { zone.polygon[i] = [x, y]; },
    remove: zone.polygon.length > 3 ? () => zone.polygon.splice(i, 1) : null,
  })));
}

const handles = (board) => (board === "floor" ? floorHandles() : viewHandles());
const handle = (pick) => pick && handles(pick.board).find((one) => one.id === pick.id);

// --- drawing -------------------------------------------------------------------------------------------------------

const at = (board, [x, y]) => [x * WIDE, y * tall[board]];
const text = (x, y, words, more = {}) => el("text", { x, y, "text-anchor": "middle", ...more }, words);

function grab(board, one, ...shapes) {
  const active = chosen?.board === board && chosen.id === one.id;
  const group = el("g", { class: `handle ${one.kind}${active ? " chosen" : ""}`, tabindex: 0, role: "button", "data-handle": one.id, "aria-label": one.label, "aria-pressed": active });
  group.append(...shapes);
  return group;
}

function drawFloor() {
  const all = floorHandles();
  const lines = state.walls.map((wall) => {
    const [[x1, y1], [x2, y2]] = wall.ends.map((end) => at("floor", end));
    return el("line", { x1, y1, x2, y2, class: "wall" });
  });
  const grabs = all.map((one) => {
    const [x, y] = at("floor", one.at);
    if (one.kind === "end") return grab("floor", one, el("circle", { cx: x, cy: y, r: px("floor", 14), class: "reach" }), el("circle", { cx: x, cy: y, r: px("floor", 6) }));
    if (one.kind === "zone") {
      const [w, h] = [one.zone.w * WIDE, one.zone.h * tall.floor];
      return grab("floor", one, el("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: 10 }), text(x, y + 9, nameOf(one.zone.node, one.zone.zone)));
    }
    const look = `M ${x} ${y} m 22 -16 l 26 16 l -26 16 z`;
    return grab("floor", one, el("circle", { cx: x, cy: y, r: 20 }), el("path", { d: look, transform: `rotate(${one.node.turn} ${x} ${y})` }), text(x, y - 34, one.node.node));
  });
  boards.floor.querySelector(".drawn").replaceChildren(...lines, ...[...grabs].sort((a, b) => a.matches(".zone") ? -1 : b.matches(".zone") ? 1 : 0));
}

function drawView() {
  const zones = view()?.zones ?? [];
  const shapes = zones.map((zone) => {
    const points = zone.polygon.map((corner) => at("view", corner));
    const middle = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
    return el("g", { class: "area" }, el("polygon", { points: points.join(" ") }), text(...middle, zone.name));
  });
  const grabs = viewHandles().map((one) => {
    const [x, y] = at("view", one.at);
    return grab("view", one, el("circle", { cx: x, cy: y, r: px("view", 16), class: "reach" }), el("circle", { cx: x, cy: y, r: px("view", 8) }));
  });
  boards.view.querySelector(".drawn").replaceChildren(...shapes, ...grabs);
  drawNames(zones);
}

function drawNames(zones) {
  const list = document.getElementById("zone-names");
  if (list.contains(document.activeElement) && list.children.length === zones.length && document.activeElement.matches("input")) return;
  list.replaceChildren(...zones.map((zone) => {
    const row = document.getElementById("zone-row").content.firstElementChild.cloneNode(true);
    const field = row.querySelector("input");
    field.value = zone.name;
    field.addEventListener("change", () => act(() => { zone.name = field.value.trim() || zone.name; }));
    const [more, gone] = row.querySelectorAll("button");
    more.setAttribute("aria-label", `Add a corner to ${zone.name}`);
    more.disabled = zone.polygon.length >= CORNERS_MAX;
    more.addEventListener("click", () => act(() => addCorner(zone)));
    gone.setAttribute("aria-label", `Remove the zone ${zone.name}`);
    gone.disabled = zones.length < 2;
    gone.addEventListener("click", () => act(() => zones.splice(zones.indexOf(zone), 1)));
    return row;
  }));
}

function draw() {
  const focused = document.activeElement?.dataset?.handle;
  const board = Object.keys(boards).find((name) => boards[name]?.contains(document.activeElement));
  drawFloor();
  if (boards.view) drawView();
  redrawing = true;
  if (focused && board) boards[board].querySelector(`[data-handle="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  redrawing = false;
  document.getElementById("undo").disabled = !past.length;
  for (const name of Object.keys(boards)) {
    const remove = document.getElementById(`remove-${name}`);
    if (remove) remove.disabled = !(chosen?.board === name && handle(chosen)?.remove);
  }
}

// --- doing and undoing ---------------------------------------------------------------------------------------------

function remember(before) {
  if (before === JSON.stringify(state)) return;
  past.push(before);
  say("Not saved yet.", "look");
}

function act(change) {
  const before = JSON.stringify(state);
  change();
  remember(before);
  draw();
}

function undo() {
  if (!past.length) return;
  Object.assign(state, JSON.parse(past.pop()));
  chosen = handle(chosen) ? chosen : null;
  say("Undone. Not saved yet.", "look");
  draw();
}

function addCorner(zone) {
  const edges = zone.polygon.map((one, i) => [i, one, zone.polygon[(i + 1) % zone.polygon.length]]);
  const long = ([, a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  const [i, a, b] = edges.reduce((best, edge) => (long(edge) > long(best) ? edge : best));
  zone.polygon.splice(i + 1, 0, [clamp((a[0] + b[0]) / 2), clamp((a[1] + b[1]) / 2)]);
}

function move(board, one, x, y) {
  one.move(clamp(x), clamp(y));
}

function place(board, event) {
  const box = boards[board].getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

for (const [board, svg] of Object.entries(boards).filter(([, one]) => one)) {
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const id = event.target.closest("[data-handle]")?.dataset.handle;
    const from = place(board, event), before = JSON.stringify(state);
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    if (board === "floor" && sketching) {
      const end = from.map((value) => clamp(value));
      state.walls.push({ ends: [end, [...end]] });
      drag = { board, id: `wall-${state.walls.length - 1}-1`, from, off: [0, 0], before, wall: true };
    } else if (id) {
      chosen = { board, id };
      const one = handle(chosen);
      drag = { board, id, from, off: [one.at[0] - from[0], one.at[1] - from[1]], before };
      draw();
      svg.querySelector(`[data-handle="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
    } else drag = { board, id: null, from, before };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!drag?.id || drag.board !== board) return;
    const [x, y] = place(board, event), one = handle(drag);
    move(board, one, x + drag.off[0], y + drag.off[1]);
    draw();
  });
  const end = (event) => {
    if (drag?.board !== board) return;
    const [x, y] = place(board, event), moved = Math.hypot(x - drag.from[0], y - drag.from[1]) > TAP;
    if (drag.wall && !moved) state.walls.pop();
    else if (!drag.id && !moved && chosen?.board === board) move(board, handle(chosen), x, y); // a tap: it belongs here
    remember(drag.before);
    drag = null;
    draw();
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", () => {
    if (drag?.board === board) Object.assign(state, JSON.parse(drag.before));
    drag = null;
    draw();
  });
  svg.addEventListener("focusin", (event) => {
    const id = event.target.closest("[data-handle]")?.dataset.handle;
    if (!id || drag || redrawing || (chosen?.board === board && chosen.id === id)) return;
    chosen = { board, id };
    draw();
  });
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const one = handle(chosen);
    if (!one || chosen.board !== board) return;
    if (way) {
      event.preventDefault();
      const step = event.altKey ? LEAP : STEP;
      act(() => (event.shiftKey && one.resize ? one.resize(way[0] * 2 * step, way[1] * 2 * step) : move(board, one, one.at[0] + way[0] * step, one.at[1] + way[1] * step)));
    } else if ((event.key === "Delete" || event.key === "Backspace") && one.remove) {
      event.preventDefault();
      removeChosen();
    }
  });
}

function removeChosen() {
  const one = handle(chosen);
  if (!one?.remove) return;
  act(() => { one.remove(); chosen = null; });
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.matches("input")) {
    event.preventDefault();
    undo();
  }
});

const on = (id, what) => document.getElementById(id)?.addEventListener("click", what);
on("undo", undo);
on("remove-floor", removeChosen);
on("remove-view", removeChosen);
on("add-wall", () => act(() => {
  state.walls.push({ ends: [[0.3, 0.5], [0.7, 0.5]] });
  chosen = { board: "floor", id: `wall-${state.walls.length - 1}-0` };
}));
on("sketch", () => {
  sketching = !sketching;
  document.getElementById("sketch").setAttribute("aria-pressed", sketching);
  boards.floor.classList.toggle("sketching", sketching);
  say(sketching ? "Drag from one end of a wall to the other." : "");
});

function larger(way) {
  const one = handle(chosen);
  if (one?.resize && chosen.board === "floor") act(() => one.resize(way * 0.04, way * 0.04));
  else say("Choose a zone or a camera on the plan first.", "look");
}
on("larger", () => larger(1));
on("smaller", () => larger(-1));

document.getElementById("put")?.addEventListener("change", (event) => {
  const [node, zone] = event.target.value.split(" ");
  event.target.value = "";
  if (!node) return;
  const there = zone === undefined ? state.nodes.find((one) => one.node === node) : state.zones.find((one) => one.node === node && one.zone === Number(zone));
  chosen = { board: "floor", id: zone === undefined ? `node-${node}` : `zone-${node}-${zone}` };
  const spot = (state.zones.length % 4) * 0.2 + 0.2;
  act(() => {
    if (there) return;
    if (zone === undefined) state.nodes.push({ node, x: 0.5, y: 0.1, turn: 90 });
    else state.zones.push({ node, zone: Number(zone), x: spot, y: 0.45, w: 0.18, h: 0.24 });
  });
  boards.floor.querySelector(`[data-handle="${CSS.escape(chosen.id)}"]`)?.focus();
});

function open() {
  if (!camera || view()) return draw();
  const zones = copy(known.find((one) => one.node === camera.value)?.zones ?? []);
  state.views.push({ node: camera.value, zones: zones.length ? zones : [fresh([])] });
  draw();
}

function fresh(zones) {
  const id = [...Array(ZONES_MAX).keys()].find((number) => !zones.some((zone) => zone.id === number));
  const [left, top] = [0.05 + (id % 4) * 0.23, 0.1 + Math.floor(id / 4) * 0.3];
  return { id, name: `Zone ${id + 1}`, polygon: [[left, top], [left + 0.2, top], [left + 0.2, top + 0.25], [left, top + 0.25]].map((corner) => corner.map((value) => clamp(value))) };
}

camera?.addEventListener("change", () => { chosen = null; open(); });
on("add-zone", () => {
  if (view().zones.length >= ZONES_MAX) return say(`A camera has at most ${ZONES_MAX} zones.`, "look");
  act(() => { const zone = fresh(view().zones); view().zones.push(zone); chosen = { board: "view", id: `corner-${zone.id}-0` }; });
});

// --- keeping -------------------------------------------------------------------------------------------------------

/** What is drawn, less the views that were only looked at. */
function said() {
  const changed = ({ node, zones }) => drawnBefore.has(node) || JSON.stringify(zones) !== JSON.stringify(known.find((one) => one.node === node)?.zones);
  return JSON.stringify({ ...state, views: state.views.filter(changed) });
}

async function post(address, body) {
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } });
    if (answer.ok) return "";
    return answer.headers.get("content-type")?.includes("json") ? (await answer.json()).error : await answer.text();
  } catch {
    return "The hub does not answer: nothing was saved.";
  }
}

on("save", async () => {
  const wrong = await post("/owner/plan", said());
  if (wrong) return say(wrong, "wrong");
  say("Saved.", "well");
});

document.getElementById("picture")?.addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  if (file.size > Number(event.target.dataset.bytes)) return say("The picture is too large: make it smaller and send it again.", "wrong");
  const wrong = await post("/owner/plan/picture", file);
  if (wrong) return say(wrong, "wrong");
  const kept = await post("/owner/plan", said());
  if (kept) return say(`The picture was laid behind the plan. ${kept}`, "wrong");
  location.reload();
});

addEventListener("resize", draw);
open();
