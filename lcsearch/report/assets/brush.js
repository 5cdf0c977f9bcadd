"use strict";
// Dragging over an axis of parallel lines picks those that pass the dragged stretch.
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
