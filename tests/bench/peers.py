#!/usr/bin/env python3
"""Measures remora beside its peers, and renders what was measured.

    peers.py measure HARNESS/compare.py [--name NAME] [--seconds 4] [--reps 3]    -> results/NAME.json
    peers.py render results/NAME.json                                             -> peers.svg, and tables on stdout

compare.py is the harness of the comparison: it starts gateways, an origin and wrk on processors of their own, interleaves the gateways
round after round, checks every answer and reads the CPU time of the gateway's processes. It is not part of this repository; what it needs
(wrk, nginx with its Lua module, HAProxy, h2load) comes from the distribution. Two workloads are added here, with the harness's means: a
backend behind TLS (https.py), and two workers on two processors.

Nothing here fails by a time, and CTest does not run it.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import datetime
import importlib.util
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import https
import picture

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = "nginx,haproxy,nginx-lua,krakend"
# Workload: the peer that the bar is measured against, and the most that remora may cost beside it.
BARS = {"plain": ("nginx", 1.3), "json": ("nginx-lua", 0.65), "merge2": ("nginx-lua", 0.4), "merge5": ("nginx-lua", 0.4),
        "bigpass": ("haproxy", 1.2), "bigjson": ("nginx-lua", 0.08), "slow": ("nginx", 1.3), "https": ("haproxy", 1.3)}


def load_harness(path):
    spec = importlib.util.spec_from_file_location("compare", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


# ---------------------------------------------------------------- measuring

def machine():
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    system = next((l.split("=", 1)[1].strip().strip('"') for l in open("/etc/os-release") if l.startswith("PRETTY_NAME")), "")
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "system": system}


def collect(harness, raw):
    """The figures of one compare.py --json file: workload, gateway, figure."""
    out, mode = {}, raw["modes"][0]
    for w, data in mode["workloads"].items():
        for gateway, d in data.items():
            samples = d["load"].get(mode["main"][w])
            if not samples:
                continue
            calm = harness.quiet(samples)
            row = {"us": median([s["us"] for s in calm]), "rps": median([s["rps"] for s in calm]),
                   "p50_us": median([s["p50"] for s in calm]), "p99_us": median([s["p99"] for s in calm]),
                   "samples": len(calm), "disturbed": all(s["other"] > harness.QUIET for s in samples),
                   "bad": sum(s["bad"] for s in samples)}
            rate = next((k for k in d["load"] if k.endswith("/s")), None)
            if rate:
                row["rate"] = rate
                row["rate_p99_us"] = median([s["p99"] for s in harness.quiet(d["load"][rate])])
            if d["hold"]:
                row["kb_in_flight"] = median([(h["flight_kb"] - h["before_kb"]) / h["count"] for h in d["hold"]])
            out.setdefault(w, {})[gateway] = row
    sizes = {n: {"start_ms": 1000 * median(v["start"]), "idle_mb": median([k / 1024 for d in mode["workloads"].values()
                                                                            if n in d for k in d[n]["idle_kb"]]),
                 "version": v["version"]} for n, v in raw["sizes"].items()}
    return out, sizes


def thread_seconds(pid):
    """CPU time of each worker thread."""
    out = {}
    for task in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/comm" % (pid, task)) as f:
                name = f.read().strip()
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                out[name] = int(f.read().split()[0]) / 1e9
        except OSError:
            pass
    return {n: s for n, s in out.items() if n.startswith("worker")}


def workers(harness, remora, seconds, reps):
    """One worker and two, nothing pinned: CPU time of a request, and how evenly two share it."""
    scratch = tempfile.mkdtemp(prefix="remora-bench-")
    os.chmod(scratch, 0o755)
    try:
        harness.build(scratch, "origin")
        for k, v in harness.bodies().items():
            with open(os.path.join(scratch, k), "w") as f:
                f.write(harness.compact(v))
        routes = ["%s=%s" % (p, os.path.join(scratch, b)) for p, b in harness.ROUTES.items()]
        port = harness.free_port()
        origin = harness.Process([os.path.join(scratch, "origin"), str(port)] + routes, None, os.path.join(scratch, "origin.log"))
        harness.wait_ready(port, origin.child, time.monotonic())
        out = {}
        try:
            for rep in range(reps):
                for n in (1, 2):
                    template = "env REMORA_WORKERS=%d %s run -c {config} -p {port}" % (n, remora)
                    gateway = harness.Gateway("remora-%d" % n, {"workloads": [], "config": "krakend.json"}, template=template)
                    proc = gateway.start(os.path.join(scratch, "w%d" % n), port, None)
                    if proc.ready is None:
                        raise SystemExit("peers.py: remora does not start with %d workers" % n)
                    try:
                        harness.wrk(proc.port, "/plain", 64, 1, None)
                        pid = proc.pids()[0]
                        before = thread_seconds(pid)
                        s = harness.sample(lambda: harness.wrk(proc.port, "/plain", 64, seconds, None), proc, origin, 3)
                        after = thread_seconds(pid)
                    finally:
                        proc.stop()
                    spent = [after[t] - before.get(t, 0) for t in after]
                    row = out.setdefault("workers-%d" % n, {"us": [], "share": []})
                    row["us"].append(s["us"])
                    row["share"].append(100 * max(spent) / sum(spent))
        finally:
            origin.stop()
        return {n: {"us": median(r["us"]), "largest_share": median(r["share"])} for n, r in out.items()}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def measure(args):
    harness = load_harness(args.harness)
    fd, raw_file = tempfile.mkstemp(suffix=".json")
    os.close(fd)
    try:
        command = [sys.executable, "-B", args.harness, "--peers", PEERS, "--json", raw_file, "--seconds", str(args.seconds),
                   "--short", str(max(1, args.seconds // 2)), "--reps", str(args.reps), "--conns", "64",
                   "--gateway", "remora=%s run -c {config} -p {port}" % args.remora]
        if args.workloads:
            command += ["--workloads", args.workloads]
        subprocess.run(command, stdout=subprocess.DEVNULL)
        with open(raw_file) as f:
            figures, sizes = collect(harness, json.load(f))
    finally:
        for name in (raw_file, raw_file + ".part"):
            if os.path.exists(name):
                os.unlink(name)
    if not args.workloads or "https" in args.workloads:
        figures["https"] = https.measure(harness, args.remora, args.seconds, args.reps)
    result = {"date": datetime.date.today().isoformat(), "machine": machine(), "seconds": args.seconds, "reps": args.reps,
              "workloads": figures, "gateways": sizes}
    if not args.workloads:
        result["workers"] = workers(harness, args.remora, args.seconds, args.reps)
    os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
    name = os.path.join(HERE, "results", args.name + ".json")
    with open(name, "w") as f:
        json.dump(rounded(result), f, indent=1)
        f.write("\n")
    print("written: " + os.path.relpath(name))
    return name


def rounded(value):
    if isinstance(value, float):
        return float("%.4g" % value)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- tables

def cell(v, form="%.1f"):
    return "-" if v is None else form % v


def tables(result):
    out = ["| workload | remora, µs | compared with | ratio | at most | p99 at a fixed rate, ratio |", "|---|---:|---|---:|---:|---:|"]
    for w, (peer, most) in BARS.items():
        data = result["workloads"].get(w, {})
        ours, theirs = data.get("remora"), data.get(peer)
        if not ours or not theirs or not ours["us"] or not theirs["us"]:
            continue
        ratio = ours["us"] / theirs["us"]
        p99 = ours["rate_p99_us"] / theirs["rate_p99_us"] if ours.get("rate_p99_us") and theirs.get("rate_p99_us") else None
        mark = " ~" if ours["disturbed"] or theirs["disturbed"] else ""
        out.append("| %s | %s | %s %s | %.2f%s%s | %g | %s |" % (
            w, cell(ours["us"], "%.4g"), peer, cell(theirs["us"], "%.4g"), ratio, mark, "" if ratio <= most else ", **over**", most,
            cell(p99, "%.2f")))
    slow = result["workloads"].get("slow", {}).get("remora", {})
    if slow.get("kb_in_flight"):
        out.append("| slow: KB a request in flight | %.1f | - | - | 22 | - |" % slow["kb_in_flight"])
    sizes, ours = result["gateways"], result["gateways"].get("remora")
    if ours and sizes.get("nginx"):
        for key, what, most in (("idle_mb", "RSS idle, MB", 0.8), ("start_ms", "start to the first answer, ms", 1.5)):
            out.append("| %s | %.1f | nginx %.1f | %.2f | %g | - |" % (
                what, ours[key], sizes["nginx"][key], ours[key] / sizes["nginx"][key], most))
    both = result.get("workers")
    if both:
        one, two = both["workers-1"], both["workers-2"]
        out.append("| two workers, plain | %.1f | one worker %.1f | %.2f | 1.1 | - |" % (two["us"], one["us"], two["us"] / one["us"]))
        out.append("| two workers: larger share of the work, %% | %.0f | - | - | 60 | - |" % two["largest_share"])
    out.append("")
    out.append("~: no sample without other work on the machine. %s, %d processors, %s, Linux %s; %s." % (
        result["machine"]["cpu"], result["machine"]["cpus"], result["machine"]["system"], result["machine"]["kernel"],
        ", ".join("%s %s" % (n, re.sub(r"^.*?(\d[\w.+-]*).*$", r"\1", s["version"])) for n, s in result["gateways"].items() if s["version"])))
    return "\n".join(out)


def render(args):
    with open(args.result) as f:
        result = json.load(f)
    with open(os.path.join(HERE, "krakend.json")) as f:
        krakend = json.load(f)
    with open(os.path.join(HERE, "peers.svg"), "w") as f:
        f.write(picture.draw(result, krakend))
    print(tables(result))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="command", required=True)
    m = sub.add_parser("measure")
    m.add_argument("harness", help="path of compare.py")
    m.add_argument("--remora", default=os.path.join(ROOT, "build", "release", "remora"))
    m.add_argument("--name", default=datetime.date.today().isoformat())
    m.add_argument("--seconds", type=int, default=4)
    m.add_argument("--reps", type=int, default=3)
    m.add_argument("--workloads", help="only these, comma-separated; https is one")
    m.add_argument("--render", action="store_true", help="and then render")
    r = sub.add_parser("render")
    r.add_argument("result")
    args = ap.parse_args()
    if args.command == "measure":
        args.harness = os.path.abspath(args.harness)
        args.result = measure(args)
    if args.command == "render" or args.render:
        render(args)


if __name__ == "__main__":
    main()
