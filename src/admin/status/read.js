// What the server says, and what has become of it over the last minutes: the metrics' text, growth of counters, quantiles, series.
// The history lives here, in the page; the server keeps none. SPDX-License-Identifier: Apache-2.0
"use strict";

const EVERY_MS = 2000;
const KEEP_MS = 5 * 60 * 1000;
const WINDOW_MS = 10 * 1000; // what is shown as "now" is over this long

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(4 * EVERY_MS) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

// Prometheus's text format: a map of sample names to lists of {labels, value}.
function parseMetrics(text) {
  const families = new Map();
  const unescape = { "\\\\": "\\", "\\n": "\n", '\\"': '"' };
  for (const line of text.split("\n")) {
    const found = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] || "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels[name] = value.replace(/\\[\\n"]/g, (one) => unescape[one]);
    const value = found[3] === "+Inf" ? Infinity : Number(found[3]);
    if (!families.has(found[1])) families.set(found[1], []);
    families.get(found[1]).push({ labels, value });
  }
  return families;
}

// Points of the last minutes; null is a gap.
class Series {
  constructor() {
    this.points = [];
  }
  push(at, value) {
    this.points.push([at, value]);
    while (this.points[0][0] < at - KEEP_MS) this.points.shift();
  }
  get last() {
    return this.points.length > 0 ? this.points[this.points.length - 1][1] : null;
  }
  get most() {
    return this.points.reduce((most, point) => Math.max(most, point[1] ?? 0), 0);
  }
}

// Counters that are read together. Growth is null until there are two looks, and after a restart.
class Counters {
  constructor() {
    this.looks = [];
  }
  look(at, values) {
    const last = this.looks[this.looks.length - 1];
    if (last && (last.values.length !== values.length || values.some((value, i) => value < last.values[i]))) this.looks = [];
    this.looks.push({ at, values });
    while (this.looks.length > 2 && this.looks[1].at <= at - WINDOW_MS) this.looks.shift();
  }
  _since(first) {
    const last = this.looks[this.looks.length - 1];
    if (!first || first === last) return null;
    return { seconds: (last.at - first.at) / 1000, by: last.values.map((value, i) => value - first.values[i]) };
  }
  get step() {
    return this._since(this.looks[this.looks.length - 2]);
  }
  get window() {
    return this._since(this.looks[0]);
  }
}

// Of a histogram: growth of its cumulative buckets, their bounds in seconds. Between two bounds it is taken to be even. null: no sample.
function quantile(q, bounds, counts) {
  const all = counts[counts.length - 1];
  if (!(all > 0)) return null;
  const wanted = q * all;
  const i = counts.findIndex((count) => count >= wanted);
  const from = i > 0 ? bounds[i - 1] : 0;
  if (!Number.isFinite(bounds[i])) return from;
  const before = i > 0 ? counts[i - 1] : 0;
  return counts[i] > before ? from + ((bounds[i] - from) * (wanted - before)) / (counts[i] - before) : bounds[i];
}

// Requests, how many of them failed, and their times: of an endpoint, a backend, or all together.
class Traffic {
  constructor() {
    this.counters = new Counters();
    this.rate = new Series();
    this.failed = new Series();
    this.p50 = new Series();
    this.p99 = new Series();
    this.bounds = [];
    this.now = { rate: null, failed: null, p50: null, p99: null };
  }
  look(at, requests, failures, bounds, buckets) {
    this.bounds = bounds;
    this.counters.look(at, [requests, failures, ...buckets]);
    const step = this._numbers(this.counters.step);
    this.rate.push(at, step.rate);
    this.failed.push(at, step.failed);
    this.p50.push(at, step.p50);
    this.p99.push(at, step.p99);
    this.now = this._numbers(this.counters.window);
  }
  _numbers(growth) {
    if (!growth) return { rate: null, failed: null, p50: null, p99: null };
    const [requests, failures, ...buckets] = growth.by;
    return {
      rate: requests / growth.seconds,
      failed: requests > 0 ? Math.min(1, failures / requests) : null,
      p50: quantile(0.5, this.bounds, buckets),
      p99: quantile(0.99, this.bounds, buckets),
    };
  }
}

// ---- numbers as people read them ---------------------------------------------------------------------------------------

const NONE = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function showRate(rate) {
  if (rate === null || rate === undefined) return NONE;
  return rate === 0 ? "0" : rate < 10 ? rate.toFixed(1) : whole.format(rate);
}
function showShare(share) {
  if (share === null || share === undefined) return NONE;
  const percent = share * 100;
  return percent === 0 ? "0 %" : percent < 0.1 ? "< 0.1 %" : `${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}
function showTime(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const ms = seconds * 1000;
  if (ms >= 1000) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
function showSpan(seconds) {
  for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"]])
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name}`;
  return `${Math.floor(seconds)} s`;
}
const showMany = (n, one, many) => `${whole.format(n)} ${n === 1 ? one : many || one + "s"}`;
