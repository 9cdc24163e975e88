// Drawing: elements that are changed only where something is new, so that nothing flickers, and the small plots.
// Texts from the server become text nodes, never markup. SPDX-License-Identifier: Apache-2.0

const SVG = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}
function makeSvg(tag, name) {
  const element = document.createElementNS(SVG, tag);
  if (name) element.setAttribute("class", name);
  return element;
}
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
const setClass = (element, name) => setAttribute(element, "class", name);

// The children of `parent`, one for each item: made once for a key, updated, kept in the items' order, removed when the item is gone.
function keep(parent, items, keyOf, makeOne, update) {
  const old = parent.kept || new Map();
  const now = new Map();
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const one = old.get(key) || makeOne(item);
    now.set(key, one);
    if (one === at) at = at.nextElementSibling;
    else parent.insertBefore(one, at);
    if (update) update(one, item);
  }
  for (const [key, one] of old) if (!now.has(key)) one.remove();
  parent.kept = now;
}

// ---- plots -------------------------------------------------------------------------------------------------------------

const PLOT_WIDTH = 300;
const PLOT_HEIGHT = 40;

function makePlot(lines) {
  const svg = makeSvg("svg", "spark");
  setAttribute(svg, "viewBox", `0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}`);
  setAttribute(svg, "preserveAspectRatio", "none");
  setAttribute(svg, "role", "img");
  const base = makeSvg("path", "base");
  setAttribute(base, "d", `M0 ${PLOT_HEIGHT}H${PLOT_WIDTH}`);
  svg.append(base, makeSvg("path", "area"));
  for (let i = 0; i < lines; i++) svg.append(makeSvg("path", i === 0 ? "line" : "line second"));
  return svg;
}

// The last minutes end at the right edge. `most`: what the top is at least.
function drawPlot(svg, at, series, least, label) {
  const top = Math.max(least, ...series.map((one) => one.most));
  const x = (when) => (PLOT_WIDTH * (1 - (at - when) / KEEP_MS)).toFixed(1);
  const y = (value) => (PLOT_HEIGHT - 1 - (PLOT_HEIGHT - 3) * (value / top)).toFixed(1);
  series.forEach((one, i) => {
    let line = "", area = "", from = null, before = null;
    const end = () => {
      if (from !== null && i === 0) area += `L${before} ${PLOT_HEIGHT}L${from} ${PLOT_HEIGHT}Z`;
      from = null;
    };
    for (const [when, value] of one.points) {
      if (value === null) {
        end();
        continue;
      }
      const here = `${x(when)} ${y(value)}`;
      line += (from === null ? "M" : "L") + here;
      area += (from === null ? "M" : "L") + here;
      if (from === null) from = x(when);
      before = x(when);
    }
    end();
    if (i === 0) setAttribute(svg.children[1], "d", area);
    setAttribute(svg.children[2 + i], "d", line);
  });
  setAttribute(svg, "aria-label", label);
}
