"use strict";
// Puts a box wherever the page has a place for a plot, and draws them all.
function start() {
  for (const plot of document.querySelectorAll(".plot")) {
    const around = plot.closest(".figure");
    const box = { plot, legend: around.querySelector(".legend"), switches: [...around.querySelectorAll(".switch button")] };
    use(box, plot.dataset.figure);
    const [first] = box.figure.data;
    if (first && first.type === "heatmap") plot.style.minWidth = `${150 + 34 * first.x.length}px`;
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

// The first plot at once; the others in order when the browser has time, so that the page is soon usable.
async function drawAll() {
  for (const box of boxes) {
    if (!box.listens) await draw(box);
    await new Promise((go) => setTimeout(go));
  }
  document.documentElement.dataset.drawn = "all";
}

start();
drawAll();
