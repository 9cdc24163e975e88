// What the page knows: the endpoints, backends and sources of the running configuration with their traffic, made of the server's answers.
// What keeps its name over a reload keeps its history. SPDX-License-Identifier: Apache-2.0

const HOST_STATES = ["ready", "draining", "ejected"];

// "a:80 and 2 more": what a box has room for.
function shortName(hosts) {
  const first = (hosts[0] || "no host").replace(/^http:\/\//, "");
  return hosts.length > 1 ? `${first} and ${hosts.length - 1} more` : first;
}

// Requests, failures and latency of each that `keyOf` tells apart, from the families of this name.
function collect(families, name, keyOf) {
  const found = new Map();
  const of = (labels) => {
    const key = keyOf(labels);
    if (!found.has(key)) found.set(key, { requests: 0, failures: 0, bounds: [], buckets: [] });
    return found.get(key);
  };
  for (const { labels, value } of families.get(`${name}s_total`) || []) of(labels).requests += value;
  for (const { labels, value } of families.get(`${name.replace("backend_request", "backend")}_failures_total`) || []) of(labels).failures += value;
  for (const { labels, value } of families.get(`${name}_duration_seconds_bucket`) || []) {
    of(labels).bounds.push(labels.le === "+Inf" ? Infinity : Number(labels.le));
    of(labels).buckets.push(value);
  }
  return found;
}

class Model {
  constructor() {
    this.history = new Map(); // of everything, by key
    this.endpoints = [];
    this.sources = [];
    this.total = new Traffic();
    this.inFlight = new Series();
    this.ready = new Series();
    this.memory = new Series();
    this.cpu = new Counters();
    this.at = 0;
  }

  kept(key, make) {
    if (!this.history.has(key)) this.history.set(key, make());
    return this.history.get(key);
  }

  // ---- the graph: /__graph

  takeGraph(graph) {
    this.name = graph.name;
    this.version = graph.version;
    const names = new Map();
    this.sources = graph.sources.map((source, i) => {
      const hosts = source.host.join(", ") || "no host";
      const same = `${source.sd} ${hosts}`;
      names.set(same, (names.get(same) || 0) + 1); // two may differ in what is not shown
      const key = `source ${same} ${names.get(same)}`;
      return { key, id: `source-${i}`, sd: source.sd, asked: hosts, name: shortName(source.host), hosts: [], counts: {}, usedBy: [], grade: "", why: "", traffic: this.kept(key, () => new Traffic()) };
    });
    this.endpoints = graph.endpoints.map((one, i) => {
      const key = `${one.method} ${one.endpoint}`;
      const endpoint = { key, id: `endpoint-${i}`, method: one.method, path: one.endpoint, encoding: one.output_encoding, timeout: one.timeout_seconds, sequential: one.sequential, calls: one.concurrent_calls, traffic: this.kept(key, () => new Traffic()) };
      endpoint.backends = one.backend.map((conf, k) => {
        const backendKey = `${key} backend ${k}`;
        return { key: backendKey, id: `endpoint-${i}-backend-${k}`, endpoint, method: conf.method, path: conf.url_pattern, encoding: conf.encoding, isCollection: conf.is_collection, target: conf.target, group: conf.group, step: one.sequential ? k + 1 : 0, needs: conf.needs, source: this.sources[conf.source], traffic: this.kept(backendKey, () => new Traffic()) };
      });
      return endpoint;
    });
  }

  // ---- the pools: /__hosts. False: these are another configuration's.

  takeHosts(at, page) {
    const isSame = page.sources.length === this.sources.length && page.sources.every((one, i) => one.sd === this.sources[i].sd && (one.host.join(", ") || "no host") === this.sources[i].asked);
    if (!isSame) return false;
    this.at = at;
    this.missing = page.missing;
    page.sources.forEach((one, i) => this.takeSource(at, this.sources[i], one));
    this.inFlight.push(at, page.sources.reduce((sum, one) => sum + one.in_flight, 0));
    this.ready.push(at, this.sources.reduce((sum, source) => sum + source.counts.ready, 0));
    return true;
  }

  takeSource(at, source, page) {
    source.answered = page.answered;
    source.outcome = page.outcome;
    source.error = page.error || "";
    source.age = page.age_seconds;
    source.why = page.why_no_host;
    source.usedBy = page.used_by;
    source.inFlight = page.in_flight;
    source.counts = { ready: 0, draining: 0, ejected: 0 };
    const before = source.byKey || new Map();
    source.byKey = new Map();
    source.hosts = page.hosts.map((one, i) => {
      const address = one.address.includes(":") ? `[${one.address}]` : one.address;
      let key = `${one.scheme}://${address}:${one.port} ${one.name}`;
      if (source.byKey.has(key)) key += ` ${i}`;
      const host = before.get(key) || { key, counters: new Counters() };
      source.byKey.set(key, host);
      host.label = `${address}:${one.port}`;
      host.name = one.name === one.address ? "" : one.name;
      host.state = one.state === "terminating" ? "draining" : one.state;
      host.backIn = one.ejected_for_seconds;
      for (const name of ["scheme", "weight", "priority", "zone", "failures", "ejections", "requests"]) host[name] = one[name];
      host.inFlight = one.in_flight;
      host.counters.look(at, [one.requests, one.failures]);
      const window = host.counters.window;
      host.rate = window ? window.by[0] / window.seconds : null;
      source.counts[host.state]++;
      return host;
    });
    source.grade = source.why ? "bad" : source.counts.ejected + source.counts.draining > 0 || source.error ? "warn" : "";
    source.traffic.look(at, page.requests, source.hosts.reduce((sum, host) => sum + host.failures, 0), [], []);
  }

  // ---- the numbers: /metrics

  takeMetrics(at, families) {
    const one = (name) => families.get(name)?.[0]?.value ?? null;
    this.isReady = one("remora_ready") === 1;
    this.loops = families.get("remora_loop_up") || [];
    this.started = one("process_start_time_seconds");
    this.memoryBytes = one("process_resident_memory_bytes");
    this.memory.push(at, this.memoryBytes);
    this.cpu.look(at, [one("process_cpu_seconds_total") ?? 0]);
    this.takeTraffic(at, families);
  }

  takeTraffic(at, families) {
    const endpoints = collect(families, "remora_request", (labels) => `${labels.method} ${labels.endpoint}`);
    const backends = collect(families, "remora_backend_request", (labels) => `${labels.method} ${labels.endpoint} backend ${labels.backend}`);
    const total = { requests: 0, failures: 0, bounds: [], buckets: [] };
    for (const endpoint of this.endpoints) {
      const one = endpoints.get(endpoint.key);
      if (!one) continue; // a worker did not answer, or the configuration has changed meanwhile
      endpoint.traffic.look(at, one.requests, one.failures, one.bounds, one.buckets);
      total.requests += one.requests;
      total.failures += one.failures;
      total.bounds = one.bounds;
      total.buckets = one.buckets.map((n, i) => n + (total.buckets[i] || 0));
      for (const backend of endpoint.backends) {
        const call = backends.get(backend.key);
        if (call) backend.traffic.look(at, call.requests, call.failures, call.bounds, call.buckets);
      }
    }
    if (total.bounds.length > 0) this.total.look(at, total.requests, total.failures, total.bounds, total.buckets);
  }

  // ---- the file: /__reload

  takeReload(reload) {
    this.reload = reload;
  }

  // ---- what is wrong, worst first: {bad, title, text, lines}

  refusedFile() {
    const { file, errors, last_attempt, in_force_since } = this.reload;
    const at = (one) => (one.line ? `${one.line}:${one.column}: ` : "") + (one.key ? `${one.key}: ` : "");
    const lines = errors.slice(0, 20).map((one) => at(one) + one.text);
    if (errors.length > lines.length) lines.push(`and ${errors.length - lines.length} more`);
    return { key: "reload", bad: true, title: file, text: `refused at ${last_attempt}; what was in force at ${in_force_since} still is`, lines: lines.join("\n") };
  }

  problems() {
    const found = [];
    if (this.reload?.result === "failure") found.push(this.refusedFile());
    for (const loop of this.missing || []) found.push({ key: `loop ${loop}`, bad: true, title: loop, text: "does not answer: what it knows is missing here" });
    for (const source of this.sources) {
      const name = `${source.sd} ${source.name}`;
      const out = source.hosts.filter((host) => host.state === "ejected");
      if (source.why) found.push({ key: `${source.key} why`, bad: true, title: name, text: source.why });
      else if (source.error) found.push({ key: `${source.key} error`, title: name, text: `${source.error}; the last good list is used` });
      if (out.length > 0 && !source.why)
        found.push({ key: `${source.key} ejected`, title: name, text: `${out.length} of ${showMany(source.hosts.length, "host")} ejected: ${out.slice(0, 4).map((host) => host.label).join(", ")}${out.length > 4 ? ", …" : ""}` });
    }
    return found.sort((a, b) => (b.bad ? 1 : 0) - (a.bad ? 1 : 0));
  }
}
