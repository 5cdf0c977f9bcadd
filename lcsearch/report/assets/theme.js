"use strict";
// Light or dark: as the system is, until the reader chooses; always light on paper.
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const printing = matchMedia("print");
let choice = null;

function theme() {
  if (printing.matches) return "light";
  return choice || (prefersDark.matches ? "dark" : "light");
}

function retheme() {
  document.documentElement.dataset.theme = theme();
  boxes.filter((box) => box.listens).forEach(draw);
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
