// The page's life: it asks every two seconds, shows what came, says so when nothing comes, and filters.
// SPDX-License-Identifier: Apache-2.0

const GRAPH_EVERY = 5; // rounds: a reload is seen earlier where it changes a source

const model = new Model();
const graph = new Graph($("graph"));
let graphText = "", rounds = 0, isPaused = false, drawnFor = "", showsWholeGraph = false;

// ---- what is asked -----------------------------------------------------------------------------------------------------

async function askGraph() {
  const text = await ask("__graph");
  if (text === graphText) return;
  graphText = text;
  drawnFor = "";
  model.takeGraph(JSON.parse(text));
}

async function round() {
  if (rounds++ % GRAPH_EVERY === 0) await askGraph();
  const [hosts, metrics, reload] = await Promise.all([ask("__hosts"), ask("metrics"), ask("__reload")]);
  const at = Date.now();
  const page = JSON.parse(hosts);
  if (!model.takeHosts(at, page)) {
    await askGraph();
    model.takeHosts(at, page);
  }
  model.takeMetrics(at, parseMetrics(metrics));
  model.takeReload(JSON.parse(reload));
}

async function turn() {
  try {
    if (!isPaused) {
      await round();
      show();
      document.body.classList.remove("stale");
    }
  } catch (error) {
    document.body.classList.add("stale");
    setState("bad", "No answer");
    setText($("fresh"), `${error.message}; last answer ${model.at ? `${showSpan((Date.now() - model.at) / 1000)} ago` : "never"}`);
  }
  setTimeout(turn, EVERY_MS);
}

// ---- what is shown -----------------------------------------------------------------------------------------------------

// The endpoints that the filter leaves, and the sources that they or the filter name.
function chosen() {
  const wanted = $("filter").value.trim().toLowerCase();
  if (!wanted) return { endpoints: model.endpoints, sources: model.sources };
  const has = (text) => text.toLowerCase().includes(wanted);
  const isSource = (source) => has(source.sd) || has(source.asked) || source.hosts.some((host) => has(host.label) || has(host.name) || has(host.zone) || has(host.state));
  const found = new Set(model.sources.filter(isSource));
  const endpoints = model.endpoints.filter((endpoint) => has(`${endpoint.method} ${endpoint.path}`) || endpoint.backends.some((one) => has(`${one.method} ${one.path}`) || has(one.group) || found.has(one.source)));
  for (const endpoint of endpoints) for (const backend of endpoint.backends) found.add(backend.source);
  return { endpoints, sources: model.sources.filter((source) => found.has(source)) };
}

function showGraph(endpoints) {
  const drawn = showsWholeGraph ? endpoints : endpoints.slice(0, GRAPH_MOST);
  const key = drawn.map((endpoint) => endpoint.key).join("\n");
  if (key !== drawnFor || graph.model !== graphText) {
    const sources = new Set(drawn.flatMap((endpoint) => endpoint.backends.map((backend) => backend.source)));
    graph.show(drawn, model.sources.filter((source) => sources.has(source)));
    drawnFor = key;
    graph.model = graphText;
  }
  graph.update(model.at);
  $("graph-more").hidden = endpoints.length <= GRAPH_MOST;
  setText($("graph-more").children[0], showsWholeGraph ? `All ${showMany(endpoints.length, "endpoint")}.` : `${GRAPH_MOST} of ${showMany(endpoints.length, "endpoint")}; the filter finds the others.`);
  setText($("graph-more").children[1], showsWholeGraph ? "Show fewer" : "Show all");
}

function show() {
  if (!graphText) return;
  const { endpoints, sources } = chosen();
  showHead(model);
  showProblems(model);
  showTiles(model);
  showGraph(endpoints);
  showEndpoints(endpoints, model.at);
  showPools(sources, model.at);
  setText($("fresh"), isPaused ? "Paused" : `As of ${new Date(model.at).toLocaleTimeString()}`);
}

$("filter").addEventListener("input", show);
$("graph-more").children[1].addEventListener("click", () => {
  showsWholeGraph = !showsWholeGraph;
  show();
});
$("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  setAttribute($("pause"), "aria-pressed", String(isPaused));
  setText($("pause"), isPaused ? "Go on" : "Pause");
  show();
});
turn();
