#!/usr/bin/env python3
"""What a request costs in countable things, whatever else the machine does: instructions in user space by part, and system calls.

    budget.py HARNESS/compare.py [--workloads plain,merge5] [--top 15]

remora (the release build, with debug information) runs under callgrind and under strace, with a fixed number of requests from h2load;
origin and configuration are the harness's (see peers.py). Instructions of the C library count for the part that called it. callgrind
counts a string instruction once a byte: libmicrohttpd's 24 KiB of zeroes a request look like 24,000, and take half a microsecond.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import collections
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import peers

REQUESTS = {"plain": 4000, "json": 4000, "merge2": 3000, "merge5": 2000, "bigpass": 500, "bigjson": 300, "slow": 4000}


def load(port, path, n, conns):
    out = subprocess.run(["h2load", "--h1", "-t1", "-c%d" % conns, "-n%d" % n, "http://127.0.0.1:%d%s" % (port, path)],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    if not re.search(r"status codes: %d 2xx" % n, out):
        raise SystemExit("budget.py: h2load said: " + out)


class Bench:
    def __init__(self, harness, remora):
        self.harness, self.remora, self.dir = harness, remora, tempfile.mkdtemp(prefix="remora-bench-")
        harness.build(self.dir, "origin")
        for name, body in harness.bodies().items():
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(harness.compact(body))
        routes = ["%s=%s" % (p, os.path.join(self.dir, b)) for p, b in harness.ROUTES.items()]
        self.port = harness.free_port()
        self.origin = harness.Process([os.path.join(self.dir, "origin"), str(self.port)] + routes, None, os.devnull)
        harness.wait_ready(self.port, self.origin.child, time.monotonic())

    def stop(self):
        self.origin.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, workload, under, during):
        """Starts remora, warms it up, and calls during(process, function that makes the requests)."""
        path, conns = self.harness.WORKLOADS[workload][0], 1000 if workload == "slow" else 64
        gateway = self.harness.Gateway("remora", {"workloads": [], "config": "krakend.json"},
                                       template=" ".join(under + [self.remora, "run", "-c", "{config}", "-p", "{port}"]))
        proc = gateway.start(os.path.join(self.dir, "run"), self.port, None)
        try:
            if proc.ready is None:
                raise SystemExit("budget.py: remora does not start")
            load(proc.port, path, 3 * conns, conns)
            during(proc.child.pid, lambda: load(proc.port, path, REQUESTS[workload], conns))
        finally:
            proc.stop()


# ---------------------------------------------------------------- instructions

def instructions(bench, workload):
    out = os.path.join(bench.dir, "callgrind.out")

    def during(pid, requests):
        subprocess.run(["callgrind_control", "-z", str(pid)], stdout=subprocess.DEVNULL, check=True)
        requests()
        subprocess.run(["callgrind_control", "-d", str(pid)], stdout=subprocess.DEVNULL, check=True)

    bench.run(workload, ["valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=" + out], during)
    return out + ".1"


def part_of(path):
    m = re.search(r"/(src/\w+|sd|include/remora)/[\w./]+$", os.path.normpath(path)) if path else None
    names = {"include/remora": "base", "src/microhttpd": "libmicrohttpd"}
    return None if not m else names.get(m.group(1), m.group(1).replace("src/", ""))


def parts(path):
    """Counters by part and by (part, function). A function's own cost, and what the C library did for it."""
    names, by_part, by_function = {}, collections.Counter(), collections.Counter()
    ob = file = inlined = function = callee_ob = callee = None
    called = False

    def name(kind, text):
        m = re.match(r"\((\d+)\)(?: (.*))?$", text)
        if m.group(2) is not None:
            names[kind, m.group(1)] = m.group(2)
        return names[kind, m.group(1)]

    with open(path, errors="replace") as f:
        for line in f:
            m = re.match(r"(ob|fl|fi|fe|fn|cob|cfi|cfl|cfn)=(.*)", line.rstrip("\n"))
            if m:
                key = m.group(1)
                text = name({"b": "object", "n": "function"}.get(key[-1], "file"), m.group(2))
                if key == "ob":
                    ob = text
                elif key == "fl":
                    file = inlined = text
                elif key in ("fi", "fe"):
                    inlined = text
                elif key == "fn":
                    function, callee_ob = text.split("'")[0], None
                elif key == "cob":
                    callee_ob = text
                elif key == "cfn":
                    callee = text.split("'")[0]
                continue
            if line.startswith("calls="):
                called = True
                continue
            m = re.match(r"[+\-*\d]+ (\d+)$", line)
            if not m:
                continue
            cost, in_libc = int(m.group(1)), "libc.so" in (ob or "")
            part = part_of(inlined) or part_of(file) or (
                "libmicrohttpd" if function.startswith(("MHD_", "get_req", "call_", "build_header", "add_response",
                                                        "resume_susp", "internal_susp", "process_")) else "others")
            if called:
                called = False
                into, callee_ob = callee_ob or ob, None
                if "libc.so" in into and not in_libc:
                    by_part[part] += cost
                    by_function[part, "%s > %s" % (function, callee)] += cost
            elif not in_libc:
                by_part[part] += cost
                by_function[part, function] += cost
    return by_part, by_function


# ---------------------------------------------------------------- system calls

def system_calls(bench, workload):
    out, calls = os.path.join(bench.dir, "strace.out"), {}

    def during(pid, requests):
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", out, "-p", str(pid)], stderr=subprocess.DEVNULL)
        time.sleep(1)
        requests()
        tracer.send_signal(signal.SIGINT)
        tracer.wait()

    bench.run(workload, [], during)
    with open(out) as f:
        for line in f:
            w = line.split()
            if len(w) >= 5 and w[3].isdigit() and w[-1] != "total":
                calls[w[-1]] = int(w[3]) / REQUESTS[workload]
    return calls


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("harness", help="path of compare.py")
    ap.add_argument("--remora", default=os.path.join(peers.ROOT, "build", "release", "remora"))
    ap.add_argument("--workloads", default="plain,json,merge2,merge5,bigpass,bigjson")
    ap.add_argument("--top", type=int, default=0, help="also the dearest functions of each workload")
    args = ap.parse_args()
    bench = Bench(peers.load_harness(os.path.abspath(args.harness)), args.remora)
    workloads, columns, calls, functions = args.workloads.split(","), {}, {}, {}
    try:
        for w in workloads:
            columns[w], functions[w] = parts(instructions(bench, w))
            calls[w] = system_calls(bench, w)
    finally:
        bench.stop()
    print("| instructions a request | " + " | ".join(workloads) + " |\n|---|" + "---:|" * len(workloads))
    total = sum(columns.values(), collections.Counter())
    for part, _ in total.most_common():
        row = [columns[w][part] / REQUESTS[w] for w in workloads]
        if max(row) >= 50:
            print("| %s | " % part + " | ".join(format(round(x), ",") for x in row) + " |")
    print("| all | " + " | ".join(format(round(sum(columns[w].values()) / REQUESTS[w]), ",") for w in workloads) + " |")
    names = sorted({n for w in workloads for n, x in calls[w].items() if x >= 0.2}, key=lambda n: -calls[workloads[0]].get(n, 0))
    print("\n| system calls a request | " + " | ".join(workloads) + " |\n|---|" + "---:|" * len(workloads))
    for n in names:
        print("| %s | " % n + " | ".join("%.1f" % calls[w].get(n, 0) for w in workloads) + " |")
    for w in workloads if args.top else []:
        print("\n%s:" % w)
        for (part, function), cost in functions[w].most_common(args.top):
            print("%9d  %-14s %s" % (cost / REQUESTS[w], part, function))


if __name__ == "__main__":
    main()
