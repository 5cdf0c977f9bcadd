"use strict";
// The trial that was clicked: its layers, and the commands that take it home.
let selected = null;

function layerTable(n) {
  const rows = data.layers.trials[n];
  if (!rows) return element("p", { textContent: "This page leaves out the layers of this trial; the config has them." });
  const head = ["layer", "plain", "kept", "", ...data.layers.head].map((t) => element("th", { textContent: t, scope: "col" }));
  const lines = rows.map(([place, kept, ...choice]) => {
    const plain = data.layers.plain[place];
    const bar = element("span", { className: "bar" }, [element("span")]);
    bar.firstChild.style.width = plain ? `${Math.min(100, (100 * kept) / plain)}%` : "0";
    const cells = [data.layers.names[place], plain === null ? "–" : short(plain), short(kept), bar, ...choice];
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
