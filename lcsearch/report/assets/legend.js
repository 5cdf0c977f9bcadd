"use strict";
// The legend of a figure: buttons that show and hide its traces.
const GLYPHS = {
  circle: "●", "circle-open": "○", square: "■", "triangle-up": "▲", star: "★", diamond: "◆", "diamond-open": "◇", x: "✕",
  "x-thin-open": "✕", "line-ns-open": "❘", pentagon: "⬟", cross: "✚", hexagon: "⬢",
};
const DASHES = { solid: "solid", dash: "dashed", longdash: "dashed", dot: "dotted", dashdot: "dashed", longdashdot: "dashed" };

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
