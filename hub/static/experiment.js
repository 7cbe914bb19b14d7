// The confidence sequence as a line in a band, drawn from the table below it.
const HEIGHT_PX = 250;
const figure = document.getElementById("sequence");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
let plot = null;

function draw() {
  plot?.destroy();
  const rows = [...figure.querySelectorAll("tbody tr")].map((row) => row.dataset);
  const column = (name) => rows.map((row) => Number(row[name]));
  const [mid, low, high] = ["mid", "low", "high"].map(column);
  const box = figure.querySelector(".plot");
  const read = figure.querySelector("#plot-read");
  const first = (read.dataset.first ??= read.textContent);
  const axis = { stroke: css("soft"), grid: { stroke: css("line"), width: 1 }, ticks: { show: false }, font: "13px Atkinson Hyperlegible Next, sans-serif" };
  const edge = { stroke: css("sea"), width: 1, dash: [4, 4], points: { show: rows.length < 2 } };
  const zero = (one) => {
    const y = one.valToPos(0, "y", true);
    one.ctx.save();
    one.ctx.strokeStyle = css("ink");
    one.ctx.lineWidth = devicePixelRatio * 1.5;
    one.ctx.beginPath();
    one.ctx.moveTo(one.bbox.left, y);
    one.ctx.lineTo(one.bbox.left + one.bbox.width, y);
    one.ctx.stroke();
    one.ctx.restore();
  };
  const every = Math.max(1, Math.ceil((rows.length * 64) / box.clientWidth));
  const shown = rows.map((_, i) => i).filter((i) => (rows.length - 1 - i) % every === 0);
  plot = new uPlot({
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: false, range: [-0.3, rows.length - 0.7] }, y: { range: (_, least, most) => [Math.min(-20, least * 1.05), Math.max(20, most * 1.05)] } },
    axes: [
      { ...axis, grid: { show: false }, splits: () => shown, values: () => shown.map((i) => rows[i].day) },
      { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
    ],
    series: [{}, edge, edge, { stroke: css("ink"), width: 2.5, points: { show: rows.length < 12 } }],
    bands: [{ series: [2, 1], fill: `color-mix(in srgb, ${css("sea")} 22%, transparent)` }],
    hooks: {
      draw: [zero],
      setCursor: [(one) => {
        const i = one.cursor.idx;
        read.textContent = i == null ? first : `Until ${rows[i].day}: ${Math.round(mid[i])} s, between ${Math.round(low[i])} and ${Math.round(high[i])} s. Below 0 is later.`;
      }],
    },
  }, [rows.map((_, i) => i), low, high, mid], box);
}

// The picture with its title, so that it can be read alone.
function save() {
  const canvas = plot.ctx.canvas;
  const scale = devicePixelRatio || 1;
  const page = document.createElement("canvas");
  const head = Math.round(48 * scale);
  page.width = canvas.width + 32 * scale;
  page.height = canvas.height + head + 16 * scale;
  const pen = page.getContext("2d");
  pen.fillStyle = css("sheet");
  pen.fillRect(0, 0, page.width, page.height);
  pen.fillStyle = css("ink");
  pen.font = `600 ${19 * scale}px Atkinson Hyperlegible Next, sans-serif`;
  pen.fillText(figure.querySelector("h3").textContent, 16 * scale, 30 * scale);
  pen.drawImage(canvas, 16 * scale, head);
  page.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "attune-does-it-help.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

if (figure) {
  const button = figure.querySelector("[data-png]");
  button.hidden = false;
  button.addEventListener("click", save);
  await document.fonts.ready;
  draw();
  addEventListener("resize", draw);
}
