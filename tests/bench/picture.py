"""Bars of a result of peers.py as an SVG: one group a workload, CPU time of a request, shorter is better. Plain text and shapes, readable
without colours; the same figures stand in its description."""
# SPDX-License-Identifier: Apache-2.0
from xml.sax.saxutils import escape

WHAT = {
    "plain": "250 B passed through",
    "json": "250 B of JSON decoded and encoded",
    "merge2": "2 × 1 KB of JSON merged",
    "merge5": "5 × 1 KB merged; allow, mapping, group",
    "bigpass": "256 KB passed through",
    "bigjson": "256 KB of JSON decoded and encoded",
    "slow": "1,000 requests in flight, 100 ms each",
    "https": "250 B from a backend behind TLS",
}
NAMES = {"remora": "remora", "nginx": "nginx", "nginx-lua": "nginx + Lua", "haproxy": "HAProxy", "krakend": "KrakenD"}
COLOURS = {"remora": "#0b62a4", "nginx": "#8a9099", "nginx-lua": "#8a9099", "haproxy": "#8a9099", "krakend": "#c9ced6"}
WIDTH, LEFT, BAR_MOST, LINE, GAP = 860, 120, 520, 22, 44


def number(us):
    return "%s µs" % format(round(us), ",") if us >= 100 else "%.1f µs" % us


def rows_of(workload, data, krakend):
    """(gateway, µs, measured in this run) in the order of the picture."""
    rows = [(n, data[n]["us"], True) for n in ("remora", "nginx", "nginx-lua", "haproxy", "krakend") if data.get(n, {}).get("us")]
    peer, times = krakend["times"].get(workload, (None, None))
    if "krakend" not in data and data.get(peer, {}).get("us"):
        rows.append(("krakend", times * data[peer]["us"], False))
    return rows


def group(workload, rows, y):
    ours = next((us for n, us, _ in rows if n == "remora"), None)
    longest = max(us for _, us, _ in rows)
    out = ['<text x="16" y="%d" class="w">%s</text>' % (y, workload),
           '<text x="%d" y="%d" class="d">%s</text>' % (LEFT, y, escape(WHAT.get(workload, "")))]
    for name, us, measured in rows:
        y += LINE
        width = max(2, BAR_MOST * us / longest)
        dashes = "" if measured else ' stroke="#6b7280" stroke-dasharray="4 3"'
        times = "" if name == "remora" or not ours else ", %.1f ×" % (us / ours)
        out.append('<text x="%d" y="%d" class="n">%s%s</text>' % (LEFT - 8, y, NAMES[name], "" if measured else " *"))
        out.append('<rect x="%d" y="%d" width="%.1f" height="15" rx="2" fill="%s"%s/>' % (LEFT, y - 12, width, COLOURS[name], dashes))
        out.append('<text x="%.1f" y="%d" class="v%s">%s%s</text>' % (
            LEFT + width + 8, y, " o" if name == "remora" else "", number(us), times))
    return out, y


def draw(result, krakend):
    body, spoken, y = [], [], 74
    starred = False
    for workload in WHAT:
        rows = rows_of(workload, result["workloads"].get(workload, {}), krakend)
        if not any(n == "remora" for n, _, _ in rows):
            continue
        starred = starred or any(not m for _, _, m in rows)
        shapes, y = group(workload, rows, y)
        body += shapes
        spoken.append("%s: %s" % (workload, ", ".join("%s %s" % (NAMES[n], number(us)) for n, us, _ in rows)))
        y += GAP
    foot = "%s, %d processors, %s; each gateway on one processor; %s" % (
        result["machine"]["cpu"], result["machine"]["cpus"], result["machine"]["system"], result["date"])
    notes = [foot]
    if starred:
        notes.append("* KrakenD %s: its ratio to nginx in an earlier run on the same kind of machine, times nginx in this one" % krakend["version"])
    height = y + 18 * len(notes) - 10
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="t d">' % (
        WIDTH, height, WIDTH, height),
        '<title id="t">CPU time of one request: remora and its peers</title>',
        '<desc id="d">%s.</desc>' % escape("; ".join(spoken)),
        "<style>text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:13px;fill:#1f2937}"
        ".h{font-size:18px;font-weight:600}.w{font-weight:600;font-size:14px}.d,.f{fill:#4b5563}.f{font-size:11px}"
        ".n{text-anchor:end}.v{fill:#374151}.o{font-weight:600}</style>",
        '<rect width="%d" height="%d" fill="#ffffff"/>' % (WIDTH, height),
        '<text x="16" y="30" class="h">CPU time of one request</text>',
        '<text x="16" y="50" class="d">shorter is better; × is the multiple of remora\'s</text>']
    out += body
    for i, note in enumerate(notes):
        out.append('<text x="16" y="%d" class="f">%s</text>' % (y - 10 + 18 * i, escape(note)))
    return "\n".join(out + ["</svg>", ""])
