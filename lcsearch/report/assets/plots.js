"use strict";
// Draws figures. A box is one place of the page, which holds one figure at a time.
const coarse = matchMedia("(pointer: coarse)").matches;
const boxes = [];

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
  if (box.figure.layout.dragmode !== "select") return;
  // Taking the drawn box away again makes Plotly tell of a selection without a range.
  box.plot.on("plotly_selected", (event) => { if (event && event.range) brush(box, event.range); });
  box.plot.on("plotly_deselect", () => brush(box, null));
}

function use(box, name) {
  box.name = name;
  box.figure = data.figures[name];
  withHovers(box.figure.data);
  fillLegend(box);
  for (const button of box.switches) button.ariaPressed = String(button.dataset.figure === name);
}
