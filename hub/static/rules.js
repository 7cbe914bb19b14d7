// What typed rules would have done: asked for as soon as something is typed, and drawn by hour.
const HEIGHT_PX = 190;
const WAIT_MS = 350;
const form = document.getElementById("rules");
const place = document.getElementById("whatif");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
let plot = null;
let asked = null;
let timer = 0;

function draw() {
  plot?.destroy();
  plot = null;
  const figure = place.querySelector("[data-series]");
  if (!figure) return;
  const { hours, now, then } = JSON.parse(figure.dataset.series);
  const box = figure.querySelector(".plot");
  const read = figure.querySelector(".read");
  const words = (i) => (i == null ? "" : `from ${hours[i]}: ${now[i]}${then ? `, as typed ${then[i]}` : ""}`);
  const bars = (align) => uPlot.paths.bars({ size: [then ? 0.38 : 0.7, 40], align });
  const series = (colour, align) => ({ fill: css(colour), stroke: css(colour), width: 0, paths: bars(align), points: { show: false } });
  const axis = { stroke: css("soft"), grid: { stroke: css("line"), width: 1 }, ticks: { show: false }, font: "13px Atkinson Hyperlegible Next, sans-serif" };
  plot = new uPlot({
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: false, range: [-0.7, hours.length - 0.3] }, y: { range: [0, Math.max(4, ...now, ...(then ?? [])) * 1.1] } },
    axes: [
      { ...axis, grid: { show: false }, splits: () => [0, 6, 12, 18, hours.length - 1], values: (_, ticks) => ticks.map((tick) => hours[tick]) },
      { ...axis, size: 34, incrs: [1, 2, 5, 10, 20, 50, 100] },
    ],
    series: [{}, series("stone", then ? -1 : 0), ...(then ? [series("sea", 1)] : [])],
    hooks: { setCursor: [(one) => { read.textContent = words(one.cursor.idx); }] },
  }, [hours.map((_, i) => i), now, ...(then ? [then] : [])], box);
}

async function ask() {
  asked?.abort();
  const mine = asked = new AbortController();
  place.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.try, { method: "POST", body, signal: mine.signal, headers: { accept: "text/html" } });
    if (answer.status === 401) location.reload();
    if (answer.ok && mine === asked) { place.innerHTML = await answer.text(); draw(); }
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
addEventListener("resize", () => plot?.setSize({ width: place.querySelector(".plot").clientWidth, height: HEIGHT_PX }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.fonts.ready.then(ask);
