// The rest of the page: its head, what is wrong, the tiles, the endpoints' table, the pools with their hosts.
// SPDX-License-Identifier: Apache-2.0

const ROWS_MOST = 12; // hosts of a pool that are listed unasked

function showHead(model) {
  setText($("name"), model.name || "");
  document.title = `${model.name || "remora"}${model.name ? " · remora" : ""}`;
  const workers = model.loops.filter((loop) => loop.labels.loop.startsWith("worker")).length;
  const facts = [`version ${model.version}`];
  if (model.started) facts.push(`up ${showSpan(Date.now() / 1000 - model.started)}`);
  facts.push(showMany(workers, "worker"));
  if (model.reload) facts.push(`configuration of ${model.reload.in_force_since}`);
  setText($("about"), facts.join(" · "));
  setState(model.isReady ? (model.problems().some((one) => one.bad) ? "bad" : "ok") : "warn", model.isReady ? "Ready" : "Not ready");
}

function setState(grade, text) {
  setClass($("state"), `state ${grade}`);
  setText($("state"), text);
}

function showProblems(model) {
  const problems = model.problems();
  $("problems").hidden = problems.length === 0;
  keep($("problems").firstElementChild, problems.slice(0, 20), (one) => one.key, () => make("li", "", make("b"), " ", make("span"), make("pre")), (item, one) => {
    setClass(item, `problem ${one.bad ? "bad" : ""}`);
    setText(item.children[0], one.title);
    setText(item.children[1], one.text);
    setText(item.children[2], one.lines || "");
    item.children[2].hidden = !one.lines;
  });
}

// ---- tiles -------------------------------------------------------------------------------------------------------------

function makeTile(tile) {
  const element = make("div", "tile", make("h3", "", make("span", "", tile.title), make("span", "top")), make("div", "value", make("span"), " ", make("small")));
  element.plot = makePlot(tile.series.length);
  element.append(element.plot);
  return element;
}

function showTiles(model) {
  const now = model.total.now;
  const cpu = model.cpu.window;
  const ready = model.sources.reduce((sum, source) => sum + source.counts.ready, 0);
  const hosts = model.sources.reduce((sum, source) => sum + source.hosts.length, 0);
  const megabytes = (bytes) => (bytes === null ? NONE : `${(bytes / 1048576).toFixed(1)} MB`);
  const tiles = [
    { title: "Requests", value: showRate(now.rate), small: "per s", series: [model.total.rate], least: 1, top: showRate },
    { title: "Failed", value: showShare(now.failed), small: "", series: [model.total.failed], least: 0.02, top: showShare, bad: true },
    { title: "Latency", value: showTime(now.p50), small: `p99 ${showTime(now.p99)}`, series: [model.total.p50, model.total.p99], least: 0.001, top: showTime },
    { title: "Calls in flight", value: whole.format(model.inFlight.last ?? 0), small: "to backends", series: [model.inFlight], least: 1, top: (n) => whole.format(n) },
    { title: "Hosts", value: whole.format(ready), small: `of ${whole.format(hosts)} ready`, series: [model.ready], least: 1, top: (n) => whole.format(n) },
    { title: "Memory", value: megabytes(model.memoryBytes), small: cpu ? `CPU ${showShare(cpu.by[0] / cpu.seconds)}` : "", series: [model.memory], least: 1, top: megabytes },
  ];
  keep($("tiles"), tiles, (tile) => tile.title, makeTile, (element, tile) => {
    setText(element.querySelector(".value span"), tile.value);
    setText(element.querySelector(".value small"), tile.small);
    const most = Math.max(...tile.series.map((one) => one.most));
    setText(element.querySelector(".top"), most > 0 ? `max ${tile.top(most)}` : "");
    setClass(element.plot, `spark ${tile.bad ? "bad" : ""}`);
    drawPlot(element.plot, model.at, tile.series, tile.least, `${tile.title}, the last five minutes, at most ${tile.top(most)}`);
  });
}

// ---- endpoints ---------------------------------------------------------------------------------------------------------

function makeRow(one) {
  const isBackend = Boolean(one.endpoint);
  const row = make("tr", isBackend ? "sub" : "");
  row.id = one.id;
  const name = make("td", "name-cell", make("span", "first", make("span", "tag", one.method), make("span", "name", one.path)));
  name.title = `${one.method} ${one.path}`;
  row.rate = makePlot(1);
  row.time = makePlot(2);
  row.append(name, make("td", "plot", row.rate), make("td", "n"), make("td", "n"), make("td", "plot", row.time), make("td", "n"), make("td", "n"));
  return row;
}

function updateRow(row, one, at) {
  const traffic = one.traffic, now = traffic.now;
  setText(row.children[2], showRate(now.rate));
  setText(row.children[3], showShare(now.failed));
  setClass(row.children[3], `n ${now.failed > 0.01 ? "bad-text" : ""}`);
  setText(row.children[5], showTime(now.p50));
  setText(row.children[6], showTime(now.p99));
  drawPlot(row.rate, at, [traffic.rate], 1, `requests per second, at most ${showRate(traffic.rate.most)}`);
  drawPlot(row.time, at, [traffic.p50, traffic.p99], 0.001, `latency, p99 at most ${showTime(traffic.p99.most)}`);
}

function showEndpoints(endpoints, at) {
  $("endpoints").closest("section").hidden = !endpoints.some((endpoint) => endpoint.traffic.counters.looks.length > 0);
  const rows = endpoints.flatMap((endpoint) => [endpoint, ...(endpoint.backends.length > 1 ? endpoint.backends : [])]);
  keep($("endpoints").tBodies[0], rows, (one) => one.key + one.id, makeRow, (row, one) => updateRow(row, one, at));
}

// ---- pools -------------------------------------------------------------------------------------------------------------

const HOST_COLUMNS = [
  ["State", ""], ["Host", ""], ["Weight", "n"], ["In flight", "n"], ["per s", "n"], ["Failed", "n"], ["Ejected", "n"],
];

function makePool(source) {
  const pool = make("article", "pool");
  pool.id = source.id;
  pool.plot = makePlot(1);
  const name = make("span", "name", source.name);
  name.title = source.asked;
  const head = make("tr");
  for (const [title, kind] of HOST_COLUMNS) {
    const cell = make("th", kind, title);
    cell.scope = "col";
    head.append(cell);
  }
  pool.facts = make("span", "facts");
  pool.why = make("p", "why");
  pool.matrix = make("div", "matrix");
  pool.rows = make("tbody");
  pool.table = make("div", "scroll", make("table", "", make("thead", "", head), pool.rows));
  pool.button = make("button");
  pool.button.type = "button";
  pool.button.addEventListener("click", () => {
    pool.showsAll = !pool.showsAll;
    show();
  });
  pool.more = make("p", "more", pool.button);
  pool.used = make("p", "used");
  pool.append(
    make("div", "top", make("h3", "", make("span", "tag", source.sd), name), pool.facts, make("span", "plot", pool.plot)),
    pool.why, pool.used, pool.matrix, pool.table, pool.more,
  );
  return pool;
}

function makeHostRow() {
  const row = make("tr");
  for (const [, kind] of HOST_COLUMNS) row.append(make("td", kind));
  row.children[0].append(make("span", "host-state", make("span", "dot"), make("span")));
  row.children[1].append(make("span", "name"), " ", make("small"));
  return row;
}

function updateHostRow(row, host) {
  const state = row.children[0].firstElementChild;
  setClass(state.children[0], `dot ${host.state}`);
  setText(state.children[1], host.backIn > 0 ? `${host.state}, ${showSpan(Math.ceil(host.backIn))}` : host.state);
  setText(row.children[1].children[0], host.label);
  setText(row.children[1].children[1], [host.name, host.zone].filter(Boolean).join(", "));
  setText(row.children[2], String(host.weight));
  setText(row.children[3], whole.format(host.inFlight));
  setText(row.children[4], showRate(host.rate));
  setText(row.children[5], whole.format(host.failures));
  setText(row.children[6], whole.format(host.ejections));
}

// Those that need a look first, where not all can be shown; else in discovery's order, so that nothing jumps.
function hostsToList(pool, hosts) {
  if (hosts.length <= ROWS_MOST || pool.showsAll) return hosts;
  const rank = (host) => (host.state === "ejected" ? 0 : host.state === "draining" ? 1 : 2);
  return [...hosts].sort((a, b) => rank(a) - rank(b)).slice(0, ROWS_MOST);
}

function updatePool(pool, source, at) {
  const facts = [countHosts(source), `${showRate(source.traffic.now.rate)} calls/s`, `${whole.format(source.inFlight)} in flight`];
  if (source.sd !== "static" && Number.isFinite(source.age)) facts.push(`answered ${showSpan(source.age)} ago`);
  setText(pool.facts, facts.join(" · "));
  pool.why.hidden = !source.why && !source.error;
  setText(pool.why, source.why || source.error);
  setText(pool.used, source.usedBy.length > 0 ? `Used by ${source.usedBy.slice(0, 6).join(", ")}${source.usedBy.length > 6 ? ` and ${source.usedBy.length - 6} more` : ""}` : "");
  drawPlot(pool.plot, at, [source.traffic.rate], 1, `calls per second, at most ${showRate(source.traffic.rate.most)}`);
  const isLarge = source.hosts.length > ROWS_MOST;
  setClass(pool, `pool ${source.grade}${isLarge ? " large" : ""}`);
  pool.matrix.hidden = !isLarge;
  drawDots(pool.matrix, isLarge ? source.hosts.slice(0, 2000) : []);
  pool.table.hidden = source.hosts.length === 0;
  keep(pool.rows, hostsToList(pool, source.hosts), (host) => host.key, makeHostRow, updateHostRow);
  pool.more.hidden = !isLarge;
  setText(pool.button, pool.showsAll ? "Show fewer" : `Show all ${whole.format(source.hosts.length)} hosts`);
  setAttribute(pool.button, "aria-expanded", String(Boolean(pool.showsAll)));
}

function showPools(sources, at) {
  keep($("pools"), sources, (source) => source.key + source.id, makePool, (pool, source) => updatePool(pool, source, at));
}
