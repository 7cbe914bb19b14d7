// What typed rules would have done: asked for as soon as something is typed, and drawn by hour.
import { clear, draw } from "./charts.js";

const WAIT_MS = 350;
const form = document.getElementById("rules");
const place = document.getElementById("whatif");
let asked = null;
let timer = 0;

function show(html) {
  clear();
  place.innerHTML = html;
  for (const figure of place.querySelectorAll("[data-chart]:not([data-bare])")) draw(figure);
}

async function ask() {
  asked?.abort();
  const mine = asked = new AbortController();
  place.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.try, { method: "POST", body, signal: mine.signal, headers: { accept: "text/html" } });
    if (answer.status === 401) location.reload();
    if (answer.ok && mine === asked) show(await answer.text());
  } catch (error) {
    if (error.name !== "AbortError") place.querySelector("p, .read").textContent = "The hub does not answer: type again in a moment.";
  } finally {
    if (mine === asked) place.removeAttribute("aria-busy");
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MS);
}

form.addEventListener("input", soon);
form.addEventListener("reset", soon);
ask();
