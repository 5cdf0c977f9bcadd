"use strict";
// What the page shows, read from its data element, and small helpers.
const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words || {};

function element(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Plotly reads a few tags in texts: names must not be taken for them.
function plotlyText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const count = new Intl.NumberFormat("en");

// Three significant digits, as everywhere else: 9.23M, 399k, 812.
function short(value) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= 0.9995 * size) return (value / size).toPrecision(3) + unit;
  }
  return String(value);
}
