// Charts as bars, stacked or side by side, drawn from the tables that stand below them. A row without numbers is hatched when it had too
// few people, and left empty when nothing was sensed. Every colour has its pattern; charts.css draws the same ones.
const HEIGHT_PX = 230;
const FEW = "not enough people";
const FONT = '"Atkinson Hyperlegible Next", sans-serif';
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const plots = [];

function read(figure) {
  const series = [...figure.querySelectorAll("th[data-fill]")].map((head) => ({ name: head.textContent, fill: head.dataset.fill }));
  const rows = [...figure.querySelectorAll("tbody tr")].map((row) => {
    const cells = [...row.querySelectorAll("td")].map((cell) => cell.textContent);
    const empty = row.dataset.empty;
    return { label: row.dataset.label, words: row.querySelector("th").textContent, empty, values: empty ? null : cells.slice(0, series.length).map(Number) };
  });
  return { series, rows };
}

function pattern(fill) {
  const scale = devicePixelRatio || 1;
  const size = Math.round(6 * scale);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  const none = fill === "none";
  if (!none) { pen.fillStyle = css(fill); pen.fillRect(0, 0, size, size); }
  pen.strokeStyle = pen.fillStyle = none ? css("edge") : css("sheet");
  pen.lineWidth = 1.3 * scale;
  pen.beginPath();
  if (fill === "sand") pen.arc(size / 2, size / 2, 1.1 * scale, 0, 7);
  if (fill === "clay") for (const at of [-size, 0, size]) { pen.moveTo(at - 1, size + 1); pen.lineTo(at + size + 1, -1); }
  if (none) for (const at of [-size, 0, size]) { pen.moveTo(at - 1, -1); pen.lineTo(at + size + 1, size + 1); }
  if (fill === "stone") { pen.moveTo(0, scale); pen.lineTo(size, scale); }
  if (fill === "sun") { pen.moveTo(scale, 0); pen.lineTo(scale, size); }
  if (fill === "sand") pen.fill(); else pen.stroke();
  return pen.createPattern(tile, "repeat");
}

// Bars that stand side by side keep their numbers and their order.
function side({ series, rows }) {
  return [rows.map((_, i) => i), ...series.map((_, i) => rows.map(({ values }) => values?.[i] ?? null))];
}

// Bars are stacked by drawing running totals, the tallest first.
function stacked({ series, rows }) {
  const sums = series.map(() => []);
  for (const { values } of rows) {
    let sum = 0;
    series.forEach((_, i) => { sum = values ? sum + values[i] : null; sums[i].push(sum); });
  }
  return [rows.map((_, i) => i), ...sums.reverse()];
}

function hatched(rows) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = pattern("none");
    ctx.globalAlpha = 0.6;
    rows.forEach((row, i) => {
      if (row.empty !== FEW) return;
      const left = plot.valToPos(i - 0.4, "x", true);
      ctx.fillRect(left, bbox.top + bbox.height * 0.55, plot.valToPos(i + 0.4, "x", true) - left, bbox.height * 0.45);
    });
    ctx.restore();
  };
}

function words(row, series, more) {
  if (!row) return "";
  const said = row.values ? row.values.map((value, i) => `${value} ${series[i].name}`).join(" · ") : row.empty;
  return `${row.words}: ${said}${more ? ` (${more})` : ""}`;
}

function axes(rows, width_px) {
  const look = { stroke: css("soft"), grid: { stroke: css("line"), width: 1 }, ticks: { show: false }, font: `13px ${FONT}` };
  const longest = Math.max(...rows.map((row) => row.label.length));
  const slanted = longest > 6;
  const room = slanted ? 26 : longest * 8 + 14;
  const every = Math.max(1, Math.ceil((rows.length * room) / Math.max(1, width_px - 50)));
  const shown = rows.map((_, i) => i).filter((i) => (rows.length - 1 - i) % every === 0);
  return [
    { ...look, grid: { show: false }, size: slanted ? 78 : 34, rotate: slanted ? 45 : 0, splits: () => shown, values: () => shown.map((i) => rows[i].label.slice(0, 14)) },
    { ...look, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000] },
  ];
}

export function draw(figure) {
  const box = figure.querySelector(".plot");
  const told = figure.querySelector(".read");
  const { series, rows } = read(figure);
  const beside = "beside" in figure.dataset && series.length > 1;
  const height = (values) => (beside ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0));
  const top = Math.max(4, ...rows.map(({ values }) => height(values ?? [0]))) * 1.05;
  const noises = [...figure.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent).find((text) => text.startsWith("±")));
  const bars = (i) => (beside ? uPlot.paths.bars({ size: [0.8 / series.length, 40], align: i ? 1 : -1 }) : uPlot.paths.bars({ size: [0.8, 64, 1], align: 0 }));
  const drawn = beside ? series : [...series].reverse();
  const first = told.textContent;
  const make = () => new uPlot({
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: false, range: () => [-0.6, rows.length - 0.4] }, y: { range: () => [0, top] } },
    axes: axes(rows, box.clientWidth),
    series: [{}, ...drawn.map(({ fill }, i) => ({ fill: () => pattern(fill), stroke: fill === "none" ? css("edge") : css("sheet"), width: 1, paths: bars(i), points: { show: false } }))],
    hooks: {
      drawClear: [hatched(rows), (plot) => { plot.ctx.fillStyle = css("sheet"); }],
      setCursor: [(plot) => { const i = plot.cursor.idx; told.textContent = i == null ? first : words(rows[i], series, noises[i]); }],
    },
  }, (beside ? side : stacked)({ series, rows }), box);
  const held = { box, make, plot: make() };
  plots.push(held);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = held.plot.cursor.idx;
    const next = Math.min(rows.length - 1, Math.max(0, at == null ? (step > 0 ? 0 : rows.length - 1) : at + step));
    held.plot.setCursor({ left: held.plot.valToPos(next, "x"), top: 10 });
  });
  const button = figure.querySelector("[data-png]");
  button.hidden = false;
  button.addEventListener("click", () => save(figure, held.plot, series));
}

// The picture with its title and its key, so that it can be read alone.
function save(figure, plot, series) {
  const scale = devicePixelRatio || 1;
  const canvas = plot.ctx.canvas;
  const page = document.createElement("canvas");
  const head = Math.round(74 * scale);
  page.width = canvas.width + 32 * scale;
  page.height = canvas.height + head + 24 * scale;
  const pen = page.getContext("2d");
  pen.fillStyle = css("sheet");
  pen.fillRect(0, 0, page.width, page.height);
  pen.fillStyle = css("ink");
  pen.font = `600 ${19 * scale}px ${FONT}`;
  pen.fillText(figure.querySelector("h3").textContent, 16 * scale, 30 * scale);
  pen.font = `${13 * scale}px ${FONT}`;
  let x = 16 * scale;
  for (const { name, fill } of series) {
    pen.fillStyle = pattern(fill);
    pen.fillRect(x, 44 * scale, 14 * scale, 14 * scale);
    pen.strokeStyle = css("edge");
    pen.strokeRect(x, 44 * scale, 14 * scale, 14 * scale);
    pen.fillStyle = css("ink");
    pen.fillText(name, x + 20 * scale, 56 * scale);
    x += pen.measureText(name).width + 38 * scale;
  }
  pen.drawImage(canvas, 16 * scale, head);
  page.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `attune-${figure.dataset.chart}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

// Takes every picture down, before what they were drawn from is replaced.
export function clear() {
  for (const held of plots.splice(0)) held.plot.destroy();
}

function again() {
  for (const held of plots) { held.plot.destroy(); held.plot = held.make(); }
}

await document.fonts.ready;
for (const figure of document.querySelectorAll("[data-chart]:not([data-bare])")) draw(figure);
addEventListener("resize", again);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
