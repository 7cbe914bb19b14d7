// The staff page: one stream in, cards morphed in place, and a plain word when the stream is gone.
const SILENT_MS = 4500;   // two beats (2 s each) missed
const RETRY_MS = 2000;
const TICK_MS = 500;

const body = document.body;
const board = document.getElementById("board");
const lost = document.getElementById("lost");
const say = document.getElementById("say");
const slip = document.getElementById("slip");

let source = null;
let heardAt = performance.now();
let triedAt = 0;
let aheadMs = 0;          // the hub's clock minus this tablet's
let told = new Map();     // nudge id -> how often it has been announced
let first = true;

/* ---- the stream ---- */

function connect() {
  source?.close();
  triedAt = performance.now();
  source = new EventSource("/staff/events");
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
  if (body.dataset.link === "well") return;
  body.dataset.link = "well";
  document.getElementById("link-words").textContent = "Connected";
  lost.hidden = true;
  for (const button of board.querySelectorAll("button")) button.disabled = false;
}

function unheard() {
  if (body.dataset.link !== "lost") {
    body.dataset.link = "lost";
    document.getElementById("link-words").textContent = "Out of reach";
    lost.innerHTML = "<b>The hub is out of reach.</b> What you see may be old, and no new nudge can arrive. This page comes back by itself.";
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
    if (answer.status === 401 || answer.status === 403 || (build && build !== body.dataset.build)) location.reload();
  } catch { /* still out of reach */ }
}

/* ---- what is on the board ---- */

function shown() {
  for (const by of board.querySelectorAll(".by")) {
    const mine = by.dataset.by === body.dataset.who;
    by.textContent = mine ? "You are on the way to" : "A colleague is on the way to";
  }
  const now = new Map();
  const news = [];
  for (const card of board.querySelectorAll('.nudge[data-state="open"]')) {
    const times = 1 + Number(card.dataset.handovers);
    now.set(card.dataset.id, times);
    if (times > (told.get(card.dataset.id) ?? 0)) news.push(card);
  }
  told = now;
  if (news.length && !first) {
    say.textContent = news.map((card) => `Someone in ${card.dataset.zoneName} may welcome a hand.`).join(" ");
    ring();
  }
  first = false;
  tick();
}

function ago(seconds) {
  if (seconds < 10) return "a moment";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s`;
  return `${Math.floor(seconds / 60)} min`;
}

function tick() {
  const nowS = (Date.now() + aheadMs) / 1000;
  for (const time of board.querySelectorAll("time[data-since]")) {
    const words = ago(nowS - Number(time.dataset.since));
    if (time.textContent !== words) time.textContent = words;
  }
  if (performance.now() - heardAt > SILENT_MS) unheard();
}

/* ---- answers that did not arrive ---- */

let slipTimer = 0;
function slipped(words) {
  slip.textContent = words;
  slip.hidden = false;
  clearTimeout(slipTimer);
  slipTimer = setTimeout(() => { slip.hidden = true; }, 6000);
}
document.addEventListener("htmx:error", () => slipped("That did not reach the hub. Please try again."));
document.addEventListener("htmx:after:request", (event) => {
  const status = event.detail?.ctx?.response?.status ?? 0;
  if (status === 401 || status === 403) location.reload();
  else if (status === 404) slipped("That one is over already.");
  else if (status >= 400) slipped("The hub could not take that. Please try again.");
});

/* ---- chime, buzz, and a screen that stays lit ---- */

const chime = document.getElementById("chime");
const awake = document.getElementById("awake");
let sound = null;
let lock = null;

function press(button, on) {
  button.setAttribute("aria-pressed", String(on));
  button.querySelector("b").textContent = on ? "on" : "off";
  try { localStorage.setItem(button.id, on ? "on" : "off"); } catch { /* private mode: not kept */ }
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
  if (chime.getAttribute("aria-pressed") !== "true") return;
  navigator.vibrate?.([120, 80, 120]);
  if (sound?.state !== "running") return;
  note(659.3, sound.currentTime);
  note(880, sound.currentTime + 0.18);
}

function allowSound() {
  sound ??= new AudioContext();
  return sound.resume();
}

chime.addEventListener("click", async () => {
  const on = chime.getAttribute("aria-pressed") !== "true";
  press(chime, on);
  if (on) { await allowSound(); ring(); }
});

// A browser lets a page sound only after somebody has touched it: the first touch of a reloaded page will do.
addEventListener("pointerdown", () => { if (chime.getAttribute("aria-pressed") === "true") allowSound(); }, { once: true });

async function stayLit() {
  if (awake.getAttribute("aria-pressed") !== "true" || document.visibilityState !== "visible" || lock) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { lock = null; });
  } catch { press(awake, false); }
}
awake.addEventListener("click", () => {
  const on = awake.getAttribute("aria-pressed") !== "true";
  press(awake, on);
  if (on) stayLit(); else lock?.release();
});
document.addEventListener("visibilitychange", stayLit);

function remembered(id) {
  try { return localStorage.getItem(id); } catch { return null; }
}

/* ---- begin ---- */

awake.hidden = !("wakeLock" in navigator);
press(chime, remembered("chime") === "on");
press(awake, remembered("awake") === "on");
if (!awake.hidden) stayLit();
navigator.serviceWorker?.register("/sw.js").catch(() => { /* without it the page works, but not offline */ });
shown();
connect();
setInterval(tick, TICK_MS);
