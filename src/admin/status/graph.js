// The graph: endpoints, their backends, the sources of these backends' hosts, in three columns; boxes are links to their rows below, edges
// are drawn behind them. Where there is no room for columns, CSS makes an indented list of the same boxes.
// SPDX-License-Identifier: Apache-2.0

const GRAPH_MOST = 40; // endpoints that are drawn unasked
const DOTS_MOST = 48;
const GAP = 9, GAP_ENDPOINT = 24;

function makeNode(kind, id) {
  const node = make("a", `node ${kind}`);
  node.href = `#${id}`;
  return node;
}

function makeEndpointNode(endpoint) {
  const node = makeNode("endpoint", endpoint.id);
  const path = make("span", "name", endpoint.path);
  node.plot = makePlot(1);
  node.append(make("span", "first", make("span", "tag", endpoint.method), path, node.plot), make("div", "second-line"));
  node.title = `${endpoint.method} ${endpoint.path}`;
  return node;
}

function makeBackendNode(backend) {
  const node = makeNode("backend", backend.id);
  const first = make("span", "first");
  if (backend.step) {
    const step = make("span", "tag step", String(backend.step));
    step.title = "asked in this order";
    first.append(step);
  }
  first.append(make("span", "tag", backend.method), make("span", "name", backend.path));
  node.append(first, make("div", "second-line"), make("div", "second-line from", `from ${backend.source.sd} ${backend.source.name}`));
  node.title = `${backend.method} ${backend.path}`;
  return node;
}

function makeSourceNode(source) {
  const node = makeNode("source", source.id);
  node.append(make("span", "first", make("span", "tag", source.sd), make("span", "name", source.name)), make("div", "second-line"), make("span", "dots"));
  node.title = source.asked;
  return node;
}

function updateEndpointNode(node, endpoint, at) {
  const now = endpoint.traffic.now;
  const facts = now.rate === null ? [`timeout ${showTime(endpoint.timeout)}`] : [`${showRate(now.rate)}/s`];
  if (now.failed !== null) facts.push(`${showShare(now.failed)} failed`);
  if (now.p99 !== null) facts.push(`p99 ${showTime(now.p99)}`);
  if (endpoint.sequential) facts.push("sequential");
  if (endpoint.calls > 1) facts.push(`${endpoint.calls} concurrent calls`);
  if (endpoint.encoding !== "json") facts.push(endpoint.encoding);
  setText(node.children[1], facts.join(" · "));
  setClass(node, `node endpoint ${grade(now.failed)}${node.isOn ? " on" : ""}`);
  node.plot.toggleAttribute("hidden", endpoint.traffic.rate.last === null);
  drawPlot(node.plot, at, [endpoint.traffic.rate], 1, `requests of ${endpoint.path}, the last five minutes`);
}

function updateBackendNode(node, backend) {
  const facts = [backend.encoding + (backend.isCollection ? " collection" : "")];
  if (backend.target) facts.push(`target ${backend.target}`);
  if (backend.group) facts.push(`group ${backend.group}`);
  const now = backend.traffic.now;
  if (now.rate !== null) facts.push(`${showRate(now.rate)}/s`);
  if (now.failed > 0) facts.push(`${showShare(now.failed)} failed`);
  if (now.p99 !== null) facts.push(`p99 ${showTime(now.p99)}`);
  setText(node.children[1], facts.join(" · "));
  setClass(node, `node backend ${grade(now.failed)}${node.isOn ? " on" : ""}`);
}

function updateSourceNode(node, source) {
  setText(node.children[1], [countHosts(source), `${showRate(source.traffic.now.rate)}/s`].join(" · "));
  drawDots(node.children[2], source.hosts.slice(0, DOTS_MOST));
  setClass(node, `node source ${source.grade}${node.isOn ? " on" : ""}`);
}

// How bad a share of failures is.
const grade = (failed) => (failed > 0.5 ? "bad" : failed > 0.01 ? "warn" : "");

function countHosts(source) {
  const parts = HOST_STATES.filter((state) => source.counts[state] > 0).map((state) => `${whole.format(source.counts[state])} ${state}`);
  return parts.length > 0 ? parts.join(", ") : "no host";
}

function drawDots(parent, hosts) {
  keep(parent, hosts, (host) => host.key, () => make("span", "dot"), (dot, host) => {
    setClass(dot, `dot ${host.state}`);
    setAttribute(dot, "title", `${host.label}: ${host.state}`);
  });
}

// ---- layout ------------------------------------------------------------------------------------------------------------

// Tops for boxes that would like to have their middle at `want`, in order and apart: boxes that collide form a block around their mean.
function spread(boxes) {
  const blocks = [];
  for (const box of boxes) {
    let block = { boxes: [box], height: box.height, sum: box.want - box.height / 2, n: 1 };
    for (let before = blocks[blocks.length - 1]; before && before.sum / before.n + before.height + GAP > block.sum / block.n; before = blocks[blocks.length - 1]) {
      blocks.pop();
      const shift = before.height + GAP;
      block = { boxes: before.boxes.concat(block.boxes), height: shift + block.height, sum: before.sum + block.sum - shift * block.n, n: before.n + block.n };
    }
    blocks.push(block);
  }
  let least = 0;
  for (const block of blocks) {
    let top = Math.max(least, block.sum / block.n);
    for (const box of block.boxes) {
      box.top = top;
      top += box.height + GAP;
    }
    least = top;
  }
}

class Graph {
  constructor(root) {
    this.root = root;
    this.svg = makeSvg("svg");
    setAttribute(this.svg, "aria-hidden", "true");
    this.boxes = make("div");
    root.append(this.svg, this.boxes);
    this.edges = [];
    new ResizeObserver(() => this.place()).observe(root);
    for (const [event, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]])
      root.addEventListener(event, (what) => this.pick(on ? what.target.closest(".node") : null));
  }

  // Other endpoints than before: what is drawn anew.
  show(endpoints, sources) {
    const nodes = [];
    this.edges = [];
    for (const endpoint of endpoints) {
      nodes.push({ item: endpoint, make: makeEndpointNode });
      for (const backend of endpoint.backends) {
        nodes.push({ item: backend, make: makeBackendNode });
        this.edges.push({ from: endpoint, to: backend }, { from: backend, to: backend.source });
        for (const need of backend.needs) this.edges.push({ from: endpoint.backends[need.backend], to: backend, needs: need.fields });
      }
    }
    for (const source of sources) nodes.push({ item: source, make: makeSourceNode });
    keep(this.boxes, nodes, (one) => one.item.key, (one) => one.make(one.item));
    keep(this.svg, this.edges, (edge) => `${edge.from.key} ${edge.to.key} ${edge.needs || ""}`, () => makeSvg("path", "edge"), (path, edge) => (edge.path = path));
    this.endpoints = endpoints;
    this.sources = sources;
    this.place();
  }

  node(item) {
    return this.boxes.kept.get(item.key);
  }

  place() {
    if (!this.endpoints) return;
    const isList = getComputedStyle(this.svg).display === "none";
    const box = (item, want) => ({ item, want, height: this.node(item).offsetHeight });
    let top = 0;
    const placed = [], wants = new Map(this.sources.map((source) => [source, []]));
    for (const endpoint of this.endpoints) {
      const own = box(endpoint, 0);
      const backends = endpoint.backends.map((backend) => box(backend, 0));
      const tall = backends.reduce((sum, one) => sum + one.height + GAP, -GAP);
      const height = Math.max(own.height, tall);
      own.top = top + (height - own.height) / 2;
      let next = top + (height - tall) / 2;
      for (const one of backends) {
        one.top = next;
        next += one.height + GAP;
        wants.get(one.item.source).push(one.top + one.height / 2);
      }
      placed.push(own, ...backends);
      top += height + GAP_ENDPOINT;
    }
    const middle = (all) => all.reduce((sum, one) => sum + one, 0) / all.length;
    const sources = this.sources.map((source) => box(source, middle(wants.get(source)))).sort((a, b) => a.want - b.want);
    spread(sources);
    placed.push(...sources);
    for (const one of placed) {
      one.item.box = one;
      this.node(one.item).style.top = isList ? "" : `${one.top}px`;
    }
    this.root.style.height = isList ? "" : `${Math.max(0, ...placed.map((one) => one.top + one.height)) + 2}px`;
    if (!isList) this.edges.forEach((edge) => this.line(edge));
  }

  line(edge) {
    const from = this.node(edge.from), to = this.node(edge.to);
    const y1 = edge.from.box.top + edge.from.box.height / 2, y2 = edge.to.box.top + edge.to.box.height / 2;
    if (edge.needs) { // from box to box in the same column, along their left side
      const x = to.offsetLeft, bend = 18 + Math.min(18, Math.abs(y2 - y1) / 12);
      setAttribute(edge.path, "d", `M${x} ${y1 + 8}C${x - bend} ${y1 + 8} ${x - bend} ${y2 - 8} ${x} ${y2 - 8}`);
      return;
    }
    const x1 = from.offsetLeft + from.offsetWidth, x2 = to.offsetLeft, middle = (x1 + x2) / 2;
    setAttribute(edge.path, "d", `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
  }

  // New numbers.
  update(at) {
    for (const endpoint of this.endpoints) {
      updateEndpointNode(this.node(endpoint), endpoint, at);
      for (const backend of endpoint.backends) updateBackendNode(this.node(backend), backend);
    }
    for (const source of this.sources) updateSourceNode(this.node(source), source);
    for (const edge of this.edges) {
      const rate = edge.needs ? 0 : (edge.to.traffic.now.rate ?? 0);
      const state = edge.needs ? "needs" : edge.to.grade === "bad" || grade(edge.to.traffic.now.failed) === "bad" ? "bad" : (edge.to.grade ?? grade(edge.to.traffic.now.failed));
      setClass(edge.path, `edge ${state}${edge.isOn ? " on" : ""}`);
      edge.path.style.strokeWidth = `${(1.3 + Math.min(2.2, 0.7 * Math.log10(1 + rate))).toFixed(2)}px`;
    }
  }

  // Everything that hangs together with a box stands out; null: nothing does.
  pick(node) {
    const on = new Set();
    const item = node && [...this.endpoints, ...this.endpoints.flatMap((one) => one.backends), ...this.sources].find((one) => this.node(one) === node);
    const backends = item ? this.endpoints.flatMap((endpoint) => endpoint.backends).filter((one) => one === item || one.endpoint === item || one.source === item) : [];
    for (const backend of backends) on.add(backend).add(backend.endpoint).add(backend.source);
    this.root.classList.toggle("picked", on.size > 0);
    for (const [, one] of this.boxes.kept) one.isOn = false;
    for (const one of on) this.node(one).isOn = true;
    for (const [, one] of this.boxes.kept) one.classList.toggle("on", one.isOn);
    for (const edge of this.edges) {
      edge.isOn = on.has(edge.from) && on.has(edge.to);
      edge.path.classList.toggle("on", edge.isOn);
    }
  }
}
