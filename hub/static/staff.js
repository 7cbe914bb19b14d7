// The staff page: one stream in, cards morphed in place, and a plain word when the stream is gone.
const SILENT_MS = 4500;   // two beats (2 s each) missed
const RETRY_MS = 2000;
const TICK_MS = 500;

const body = document.body;
const board = document.getElementById("board");
const lost = document.getElementById("lost");
const say = document.getElementById("say");
const slip = document.getElementById("slip");

const words = JSON.parse(body.dataset.words);   // what this page says by itself, in its language
const language = document.documentElement.lang;
const seconds = new Intl.NumberFormat(language, { style: "unit", unit: "second", unitDisplay: "short" });
const minutes = new Intl.NumberFormat(language, { style: "unit", unit: "minute", unitDisplay: "short" });
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });

let source = null;
let heardAt = performance.now();
let heardTime = new Date();
let triedAt = 0;
let aheadMs = 0;          // the hub's clock minus this tablet's
let told = new Map();     // nudge id -> how often it has been announced
let first = true;

/* ---- the stream ---- */

function connect() {
  source?.close();
  triedAt = performance.now();
  source = new EventSource(`/staff/events?language=${language}`);
  source.addEventListener("beat", (event) => {
    aheadMs = Number(event.data) * 1000 - Date.now();
    heard();
  });
  source.addEventListener("board", async (event) => {
    heard();
    await htmx.swap({ target: board, text: event.data, swap: "innerMorph" });
    shown();
  });
}

function heard() {
  heardAt = performance.now();
  heardTime = new Date();
  if (body.dataset.link === "well") return;
  body.dataset.link = "well";
  document.getElementById("link-words").textContent = words.connected;
  lost.hidden = true;
  for (const button of board.querySelectorAll("button")) button.disabled = false;
}

function unheard() {
  if (body.dataset.link !== "lost") {
    body.dataset.link = "lost";
    document.getElementById("link-words").textContent = words.away;
    const head = document.createElement("b");
    head.textContent = words.lost;
    lost.replaceChildren(head, ` ${words.old.replace("{time}", clock.format(heardTime))}`);
    lost.hidden = false;
    for (const button of board.querySelectorAll("button")) button.disabled = true;
  }
  if (performance.now() - triedAt > RETRY_MS) { connect(); askWhy(); }
}

// A stream that is refused says nothing of the reason: a session that ended needs the door, a new build the new page.
async function askWhy() {
  try {
    const answer = await fetch("/staff", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(RETRY_MS) });
    const build = answer.headers.get("x-attune-build");
    if ([401, 403, 423].includes(answer.status) || (build && build !== body.dataset.build)) location.reload();
  } catch { /* still out of reach */ }
}

/* ---- who is asked ---- */

const shift = document.getElementById("shift");
const listed = (names, name) => (names ?? "").split(" ").includes(name);

function seated() {
  const people = document.getElementById("people").dataset;
  const now = !listed(people.on, body.dataset.who) ? "off" : listed(people.busy, body.dataset.who) ? "busy" : "on";
  if (shift.dataset.now === now) return;
  const held = shift.contains(document.activeElement);
  shift.dataset.now = now;
  document.getElementById("shift-words").textContent = words[`is_${now}`];
  if (held) shift.querySelector(`form[data-when~="${now}"] button`).focus();   // the button that was pressed is gone
}

// Asked alone, or with everybody; who is not on shift hears what is asked of everybody.
function isForMe(card) {
  if (listed(card.dataset.asked, body.dataset.who)) return true;
  return card.dataset.alone !== "yes" && shift.dataset.now === "off";
}

function addressed(card) {
  const alone = card.dataset.alone === "yes";
  const mine = listed(card.dataset.asked, body.dataset.who);
  card.dataset.mine = alone && !mine ? "no" : "yes";
  const line = card.querySelector(".for");
  if (line) line.textContent = alone ? (mine ? words.for_you : words.for_other) : words.for_all;
}

/* ---- what is on the board ---- */

function shown() {
  for (const by of board.querySelectorAll(".by")) {
    const mine = by.dataset.by === body.dataset.who;
    by.textContent = mine ? words.mine : words.theirs;
  }
  seated();
  const now = new Map();
  const news = [];
  for (const card of board.querySelectorAll('.nudge[data-state="open"]')) {
    const times = 1 + Number(card.dataset.handovers);
    now.set(card.dataset.id, times);
    addressed(card);
    if (times > (told.get(card.dataset.id) ?? 0) && isForMe(card)) news.push(card);
  }
  told = now;
  if (news.length && !first) {
    say.textContent = news.map((card) => `${words.open.replace("{zone}", card.dataset.zoneName)}.`).join(" ");
    ring();
  }
  first = false;
  tick();
}

function ago(passedS) {
  if (passedS < 10) return words.moment;
  return passedS < 60 ? seconds.format(Math.floor(passedS / 10) * 10) : minutes.format(Math.floor(passedS / 60));
}

function tick() {
  const nowS = (Date.now() + aheadMs) / 1000;
  for (const time of board.querySelectorAll("time[data-since]")) {
    const passed = ago(nowS - Number(time.dataset.since));
    if (time.textContent !== passed) time.textContent = passed;
  }
  if (performance.now() - heardAt > SILENT_MS) unheard();
}

/* ---- answers that did not arrive ---- */

let slipTimer = 0;
function slipped(sentence) {
  slip.textContent = sentence;
  slip.hidden = false;
  clearTimeout(slipTimer);
  slipTimer = setTimeout(() => { slip.hidden = true; }, 6000);
}
document.addEventListener("htmx:error", () => slipped(words.unsent));
document.addEventListener("htmx:after:request", (event) => {
  const status = event.detail?.ctx?.response?.status ?? 0;
  if ([401, 403, 423].includes(status)) location.reload();
  else if (status === 404) slipped(words.over);
  else if (status >= 400) slipped(words.untaken);
});

/* ---- chime, buzz, and a screen that stays lit: each a choice of this tablet's, and kept here ---- */

const chime = document.getElementById("chime");
const buzz = document.getElementById("buzz");
const awake = document.getElementById("awake");
const touch = document.getElementById("touch");
let sound = null;
let lock = null;

const isOn = (button) => button.getAttribute("aria-pressed") === "true";

function show(button, on) {
  button.setAttribute("aria-pressed", String(on));
  button.querySelector("b").textContent = on ? words.on : words.off;
}

// A switch that this browser cannot turn is not shown.
function choice(button, possible, turned) {
  button.hidden = !possible;
  if (!possible) return;
  show(button, remembered(button.id) === "on");
  button.addEventListener("click", () => {
    show(button, !isOn(button));
    try { localStorage.setItem(button.id, isOn(button) ? "on" : "off"); } catch { /* private mode: not kept */ }
    turned(isOn(button));
  });
}

function remembered(id) {
  try { return localStorage.getItem(id); } catch { return null; }
}

function note(hz, atS) {
  const tone = sound.createOscillator();
  const gain = sound.createGain();
  tone.type = "sine";
  tone.frequency.value = hz;
  gain.gain.setValueAtTime(0, atS);
  gain.gain.linearRampToValueAtTime(0.22, atS + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0008, atS + 1.1);
  tone.connect(gain).connect(sound.destination);
  tone.start(atS);
  tone.stop(atS + 1.2);
}

function ring() {
  if (isOn(buzz)) navigator.vibrate([120, 80, 120]);
  if (!isOn(chime) || sound?.state !== "running") return;
  note(659.3, sound.currentTime);
  note(880, sound.currentTime + 0.18);
}

// A browser lets a page sound only after somebody has touched it: until then the page asks for a touch.
async function allowSound() {
  if (!isOn(chime)) { touch.hidden = true; return; }
  sound ??= new AudioContext();
  const running = sound.resume();
  touch.hidden = sound.state === "running" || navigator.userActivation?.hasBeenActive === true;
  await running;
  touch.hidden = true;
}
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, allowSound);

async function stayLit() {
  if (!isOn(awake) || document.visibilityState !== "visible" || lock) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { lock = null; });
  } catch {
    show(awake, false);   // a low battery, say: the choice stays, and is tried again when the page is next shown
    slipped(words.unlit);
  }
}
document.addEventListener("visibilitychange", () => {
  if (!awake.hidden) show(awake, remembered("awake") === "on");
  stayLit();
});

/* ---- a tablet that is used stays unlocked ---- */

const AWAKE_MS = 60000;
let awakeAt = -AWAKE_MS;
addEventListener("pointerdown", () => {
  if (performance.now() - awakeAt < AWAKE_MS) return;
  awakeAt = performance.now();
  fetch("/staff/awake", { method: "POST" })
    .then((answer) => { if (answer.status === 423) location.reload(); })
    .catch(() => { /* out of reach: the page says so by itself */ });
});

/* ---- the list of languages closes like a menu ---- */

const tongues = document.querySelector(".tongues");
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !tongues.open) return;
  tongues.open = false;
  tongues.querySelector("summary").focus();
});
addEventListener("pointerdown", (event) => { if (!tongues.contains(event.target)) tongues.open = false; });

/* ---- begin ---- */

choice(chime, "AudioContext" in window, async (on) => { await allowSound(); if (on) ring(); });
choice(buzz, "vibrate" in navigator, (on) => { if (on) ring(); });
choice(awake, "wakeLock" in navigator, (on) => { if (on) stayLit(); else lock?.release(); });
allowSound();
stayLit();

// The page for when the hub is gone is kept in this tablet's language.
navigator.serviceWorker?.register("/sw.js")
  .then(() => caches.open(`attune-${body.dataset.build}`))
  .then((kept) => kept.add("/staff/offline"))
  .catch(() => { /* without it the page works, but not offline */ });
shown();
connect();
setInterval(tick, TICK_MS);
