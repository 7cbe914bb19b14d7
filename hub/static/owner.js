// The owner's charts: stacked bars by zone and hour. Suppressed hours are hatched; hours without a record stay empty.
const MOOD = { names: ["less pleased", "neutral", "pleased", "not read"], colours: ["clay", "sand", "sea", "stone"] };
const NUDGE = { names: ["helped", "just browsing", "nobody there", "no answer"], colours: ["sea", "sand", "clay", "stone"] };
const HOUR_S = 3600;
const HEIGHT_PX = 190;
const FEW = "too few visits to say";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const hourWords = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const plots = [];

function hatch(colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  pen.beginPath();
  for (const x of [-4, 4, 12]) { pen.moveTo(x - 6, 10); pen.lineTo(x + 6, -2); }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

// Bars are stacked by drawing running totals, the tallest first.
function stacked(hours, width) {
  const xs = hours.map(([hour]) => hour + HOUR_S / 2);
  const sums = Array.from({ length: width }, () => []);
  for (const [, counts] of hours) {
    let sum = 0;
    for (let i = 0; i < width; i += 1) { sum = counts ? sum + counts[i] : null; sums[i].push(sum); }
  }
  return [xs, ...sums.reverse()];
}

function hatched(hours) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = hatch(css("edge"));
    for (const [hour, counts] of hours) {
      if (counts) continue;
      const left = plot.valToPos(hour, "x", true);
      const wide = Math.max(2, plot.valToPos(hour + HOUR_S, "x", true) - left);
      ctx.globalAlpha = 0.75;
      ctx.fillRect(left, bbox.top + bbox.height * 0.5, wide, bbox.height * 0.5);
    }
    ctx.restore();
  };
}

function words(row, kind) {
  if (!row) return "";
  const [hour, counts] = row;
  const said = counts ? counts.map((count, i) => `${count} ${kind.names[i]}`).join(" · ") : FEW;
  return `${hourWords.format(hour * 1000)}: ${said}`;
}

function table(zone, kind) {
  const details = document.createElement("details");
  details.innerHTML = "<summary>As a table</summary>";
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const box = document.createElement("div");
    box.className = "scroll";
    const grid = document.createElement("table");
    const head = grid.createTHead().insertRow();
    for (const name of ["Hour", ...kind.names]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      head.append(cell);
    }
    const rows = grid.createTBody();
    for (const [hour, counts] of zone.hours) {
      const row = rows.insertRow();
      row.insertCell().textContent = hourWords.format(hour * 1000);
      if (counts) for (const count of counts) row.insertCell().textContent = count;
      else { const cell = row.insertCell(); cell.colSpan = kind.names.length; cell.textContent = FEW; }
    }
    if (zone.sum) {
      const foot = grid.createTFoot().insertRow();
      foot.insertCell().textContent = `${zone.sum.told} hours together` + (zone.sum.withheld ? `, without the ${zone.sum.withheld} too thin to say` : "");
      for (const count of zone.sum.counts) foot.insertCell().textContent = count;
    }
    box.append(grid);
    details.append(box);
  });
  return details;
}

function chart(place, zone, kind, span, top) {
  const figure = document.createElement("figure");
  figure.className = "chart";
  const caption = document.createElement("figcaption");
  const read = document.createElement("span");
  read.className = "read";
  caption.append(zone.name, read);
  const box = document.createElement("div");
  box.className = "plot";
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", `${zone.name}, by hour. The table below says the same.`);
  figure.append(caption, box, table(zone, kind));
  place.append(figure);

  return () => plot(box, read, zone, kind, span, top);
}

function plot(box, read, zone, kind, span, top) {
  const colours = kind.colours.map(css).reverse();
  const bars = uPlot.paths.bars({ size: [0.86, 26, 1], align: 0 });
  const axis = { stroke: css("soft"), grid: { stroke: css("line"), width: 1 }, ticks: { show: false }, font: '13px "Atkinson Hyperlegible Next", sans-serif' };
  plots.push([box, new uPlot({
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { range: () => span }, y: { range: () => [0, top] } },
    axes: [{ ...axis, size: 34, values: hoursOrDays(span) }, { ...axis, size: 38, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }],
    series: [{}, ...colours.map((fill) => ({ fill, width: 0, paths: bars, points: { show: false } }))],
    hooks: {
      drawClear: [hatched(zone.hours)],
      setCursor: [(plot) => { read.textContent = words(zone.hours[plot.cursor.idx ?? -1], kind); }],
    },
  }, stacked(zone.hours, kind.names.length), box)]);
}

function hoursOrDays(span) {
  const daily = span[1] - span[0] > 2 * 86400;
  const form = new Intl.DateTimeFormat("en-GB", daily ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" });
  return (_, ticks) => ticks.map((tick) => form.format(tick * 1000));
}

function draw(id, zones, kind, span) {
  document.getElementById(`${id}-empty`).hidden = zones.length > 0;
  const sums = zones.flatMap((zone) => zone.hours.map(([, counts]) => (counts ?? []).reduce((sum, count) => sum + count, 0)));
  const top = Math.max(4, ...sums) * 1.05;   // one scale for all zones, so that they can be compared
  const place = document.getElementById(`${id}-charts`);
  const draws = zones.map((zone) => chart(place, zone, kind, span, top));   // all placed before any is measured
  for (const drawOne of draws) drawOne();
}

async function begin() {
  const place = document.getElementById("mood-charts");
  const answer = await fetch(place.dataset.series, { headers: { accept: "application/json" } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) return;
  const series = await answer.json();
  await document.fonts.ready;
  const span = [series.since, series.until];
  draw("mood", series.mood, MOOD, span);
  draw("nudge", series.nudges, NUDGE, span);
}

addEventListener("resize", () => { for (const [box, plot] of plots) plot.setSize({ width: box.clientWidth, height: HEIGHT_PX }); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
begin();
