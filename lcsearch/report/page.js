"use strict";
// Draws the figures of the data element, fills in hovers, and shows the layers of the trial that is clicked.
const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words || {};
const coarse = matchMedia("(pointer: coarse)").matches;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const printing = matchMedia("print");
const boxes = [];
let selected = null;
let choice = null;

const GLYPHS = {
  circle: "●", "circle-open": "○", square: "■", "triangle-up": "▲", star: "★", diamond: "◆", "diamond-open": "◇", x: "✕",
  "x-thin-open": "✕", "line-ns-open": "❘", pentagon: "⬟", cross: "✚", hexagon: "⬢",
};
const DASHES = { solid: "solid", dash: "dashed", longdash: "dashed", dot: "dotted", dashdot: "dashed", longdashdot: "dashed" };

function element(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Plotly reads a few tags in texts: names must not be taken for them.
function plotlyText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function theme() {
  if (printing.matches) return "light";
  return choice || (prefersDark.matches ? "dark" : "light");
}

// ---- plots

function withHovers(traces) {
  for (const trace of traces) {
    if (trace.hoverinfo !== "text" || trace.hovertext || !trace.customdata) continue;
    trace.hovertext = trace.customdata.map((n) => (words[n] || []).map(plotlyText).join("<br>"));
  }
  return traces;
}

function layoutOf(box) {
  const layout = { ...box.figure.layout, template: { layout: data.themes[theme()] }, showlegend: false, autosize: true };
  if (coarse) layout.dragmode = false;
  if (printing.matches) layout.width = 680;
  // What the reader zoomed to outlives a redraw of the same figure.
  return { ...layout, uirevision: box.name };
}

function overlay(box) {
  const picked = box.picked || (selected === null ? null : new Set([selected]));
  if (!picked) return [];
  const ink = data.themes[theme()].font.color;
  const made = [];
  for (const trace of box.figure.data) {
    if (trace.type !== "scatter" || !trace.customdata || trace.visible === "legendonly") continue;
    const x = [], y = [];
    trace.customdata.forEach((n, i) => {
      if (picked.has(n)) { x.push(trace.x[i]); y.push(trace.y[i]); }
      else if (x.length && x[x.length - 1] !== null) { x.push(null); y.push(null); }
    });
    if (!x.length) continue;
    const lines = (trace.mode || "").includes("lines") && trace.x.includes(null);
    const ring = { symbol: "circle-open", size: 20, color: ink, line: { width: 2.5 } };
    made.push({
      type: "scatter", x, y, mode: lines ? "lines" : "markers", hoverinfo: "skip", yaxis: trace.yaxis || "y",
      line: { color: ink, width: box.picked ? 1.5 : 3 }, marker: ring,
    });
  }
  return made;
}

function draw(box) {
  const faint = box.picked ? 0.12 : null;
  const traces = box.figure.data.map((t) => (faint ? { ...t, opacity: faint } : t));
  const svg = { name: "Save as SVG", title: "Save as SVG", icon: Plotly.Icons.camera, click: () => save(box) };
  const modeBarButtons = [["zoom2d", "pan2d", "resetScale2d", svg]];
  const config = { responsive: true, displaylogo: false, displayModeBar: coarse ? false : "hover", modeBarButtons };
  const drawn = Plotly.react(box.plot, [...traces, ...overlay(box)], layoutOf(box), config);
  if (!box.listens) listen(box);
  return drawn;
}

function save(box) {
  const layout = { ...box.figure.layout, template: { layout: data.themes.light }, showlegend: true, paper_bgcolor: "#fff" };
  const size = { format: "svg", width: 1000, height: layout.height || 600, filename: `lcsearch-${box.name}` };
  Plotly.downloadImage({ data: box.figure.data, layout }, size);
}

function listen(box) {
  box.listens = true;
  box.plot.on("plotly_click", (event) => {
    const point = event.points.find((p) => p.customdata !== undefined && p.customdata !== null);
    if (point) select(point.customdata, true);
  });
  if (box.name !== "parallel") return;
  // Taking the drawn box away again makes Plotly tell of a selection without a range.
  box.plot.on("plotly_selected", (event) => { if (event && event.range) brush(box, event.range); });
  box.plot.on("plotly_deselect", () => brush(box, null));
}

// Picks the lines that pass the dragged stretch of an axis.
function brush(box, range) {
  box.picked = null;
  if (range) {
    const inside = (value, [a, b]) => value >= Math.min(a, b) && value <= Math.max(a, b);
    const axes = [...new Set(box.figure.data.flatMap((t) => t.x))].filter((x) => x !== null);
    const wide = axes.some((x) => inside(x, range.x));
    const middle = (range.x[0] + range.x[1]) / 2;
    const near = axes.reduce((a, b) => (Math.abs(a - middle) <= Math.abs(b - middle) ? a : b));
    const through = (x) => (wide ? inside(x, range.x) : x === near);
    box.picked = new Set(box.figure.data.flatMap((t) =>
      t.customdata.filter((n, i) => n !== null && through(t.x[i]) && inside(t.y[i], range.y))));
  }
  setTimeout(() => {
    Plotly.relayout(box.plot, { selections: [] }).then(() => draw(box));
  });
}

// ---- legend

function swatch(trace) {
  const marker = trace.marker || {}, line = trace.line || {}, mode = trace.mode || "";
  const made = element("i", { textContent: trace.type === "bar" ? (marker.pattern ? "▨" : "■") : "" });
  if (trace.type === "bar" && marker.pattern && !marker.pattern.shape) made.textContent = "■";
  if (mode.includes("markers")) made.textContent = GLYPHS[marker.symbol] || "●";
  if (mode.includes("lines")) {
    made.classList.add("line");
    made.style.setProperty("--dash", DASHES[line.dash || "solid"]);
  }
  made.style.color = (mode.includes("lines") ? line.color : null) || marker.color || "inherit";
  made.ariaHidden = "true";
  return made;
}

function fillLegend(box) {
  const named = box.figure.data.filter((t) => t.name && t.type !== "heatmap");
  const buttons = named.length < 2 ? [] : named.map((trace) => {
    const button = element("button", { type: "button", title: "Show or hide" }, [swatch(trace), trace.name]);
    const show = () => { button.ariaPressed = trace.visible === "legendonly" ? "false" : "true"; };
    button.onclick = () => {
      trace.visible = trace.visible === "legendonly" ? true : "legendonly";
      show();
      draw(box);
    };
    show();
    return button;
  });
  box.legend.replaceChildren(...buttons);
}

function use(box, name) {
  box.name = name;
  box.figure = data.figures[name];
  withHovers(box.figure.data);
  fillLegend(box);
  for (const button of box.switches) button.ariaPressed = String(button.dataset.figure === name);
}

// ---- the trial that was clicked

const count = new Intl.NumberFormat("en");

// Three significant digits, as everywhere else: 9.23M, 399k, 812.
function short(value) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= 0.9995 * size) return (value / size).toPrecision(3) + unit;
  }
  return String(value);
}

function layerTable(n) {
  const rows = data.layers.trials[n];
  if (!rows) return element("p", { textContent: "This page leaves out the layers of this trial; the config has them." });
  const head = ["layer", "plain", "kept", "", "alpha", "coeff."].map((t) => element("th", { textContent: t, scope: "col" }));
  const lines = rows.map(([place, kept, alpha, coefficients]) => {
    const plain = data.layers.plain[place];
    const bar = element("span", { className: "bar" }, [element("span")]);
    bar.firstChild.style.width = plain ? `${Math.min(100, (100 * kept) / plain)}%` : "0";
    const cells = [data.layers.names[place], plain === null ? "–" : short(plain), short(kept), bar, alpha, coefficients];
    const exact = `${data.layers.names[place]}: ${count.format(kept)} of ${plain === null ? "–" : count.format(plain)} parameters`;
    return element("tr", { title: exact }, cells.map((cell) => element("td", {}, [cell])));
  });
  const table = element("table", {}, [element("thead", {}, [element("tr", {}, head)]), element("tbody", {}, lines)]);
  return element("div", { className: "scroll" }, [table]);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = element("textarea", { value: text });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = "copy"; }, 1500);
}

function commandList(n) {
  if (!data.complete.includes(n)) return [];
  const usable = data.commands.filter((c) => !c.weights || data.weights.includes(n));
  return [element("h3", { textContent: "Take it home" }), ...usable.map((c) => {
    const text = c.parts.join(String(n));
    const button = element("button", { type: "button", textContent: "copy" });
    button.onclick = () => copy(text, button);
    const line = element("div", {}, [element("code", { textContent: text }), button]);
    return element("div", { className: "command" }, [c.what, line]);
  })];
}

function showPanel(n) {
  const panel = document.getElementById("panel");
  if (!panel) return;
  const [title, ...rest] = words[n] || [`trial ${n}`];
  panel.replaceChildren(
    element("h3", { textContent: title }),
    ...rest.slice(0, 2).map((line) => element("p", { textContent: line })),
    layerTable(n),
    ...commandList(n),
  );
  panel.scrollTop = 0;
}

function select(n, byHand) {
  if (!(n in words)) return;
  selected = n;
  showPanel(n);
  for (const button of document.querySelectorAll("#front-table button")) {
    button.closest("tr").classList.toggle("chosen", Number(button.dataset.trial) === n);
  }
  if (byHand) {
    history.replaceState(null, "", `#trial=${n}`);
    boxes.filter((box) => box.listens).forEach(draw);
    document.getElementById("panel")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
}

// ---- start

function start() {
  for (const plot of document.querySelectorAll(".plot")) {
    const around = plot.closest(".figure");
    const box = { plot, legend: around.querySelector(".legend"), switches: [...around.querySelectorAll(".switch button")] };
    use(box, plot.dataset.figure);
    if (box.name === "layers") plot.style.minWidth = `${150 + 34 * box.figure.data[0].x.length}px`;
    for (const button of box.switches) button.onclick = () => { use(box, button.dataset.figure); draw(box); };
    boxes.push(box);
  }
  const wanted = /^#trial=(\d+)$/.exec(location.hash);
  if (data.selected !== null && data.selected !== undefined) select(data.selected, false);
  if (wanted) select(Number(wanted[1]), false);
  for (const button of document.querySelectorAll("#front-table button")) {
    button.onclick = () => select(Number(button.dataset.trial), true);
  }
  retheme();
}

function retheme() {
  document.documentElement.dataset.theme = theme();
  boxes.filter((box) => box.listens).forEach(draw);
}

// The first plot at once; the others in order when the browser has time, so that the page is soon usable.
async function drawAll() {
  for (const box of boxes) {
    if (!box.listens) await draw(box);
    await new Promise((go) => setTimeout(go));
  }
  document.documentElement.dataset.drawn = "all";
}

document.getElementById("theme").onclick = () => {
  choice = theme() === "dark" ? "light" : "dark";
  retheme();
};
prefersDark.addEventListener("change", retheme);
printing.addEventListener("change", () => {
  boxes.forEach(draw);
  document.documentElement.dataset.theme = theme();
});

if (data.live) {
  let moved = 0;
  for (const kind of ["pointermove", "keydown", "scroll"]) {
    addEventListener(kind, () => { moved = Date.now(); }, { passive: true });
  }
  // Never under the reader's hand.
  setInterval(() => {
    if (Date.now() - moved > 2000) location.reload();
  }, 1000 * data.live);
}

start();
drawAll();
