#!/usr/bin/env python3
"""Checks the rules of src/README.md that no compiler checks; `--self-test` proves that each check can fail.

Prints one line a finding, `file:line: what`, and exits 1 if there is any.
"""
# SPDX-License-Identifier: Apache-2.0
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What the files of a folder may include beside their own folder, <remora/...> and the C library.
PLUG_IN = {"base"}  # sd/, net/, codec/, step/: the interfaces in include/remora and base, nothing else of remora
LAYERS = {
    "include/remora": set(),
    "src/base": set(),
    "src/value": {"base"},
    "src/loop": {"base"},
    "src/conf": {"base", "value"},
    "src/pool": {"base", "loop"},
    "src/net": PLUG_IN,
    "src/codec": PLUG_IN,
    "src/step": PLUG_IN,
    "src/policy": {"base", "value", "loop"},
    "sd": PLUG_IN,
    "src/flow": {"base", "value", "loop", "conf", "pool", "codec", "step", "net", "policy"},
    "src/front": {"base", "value", "conf", "flow", "loop", "pool"},
    "src/observe": {"base", "value"},
    "src/admin": {"base", "value", "conf", "flow", "front", "loop", "observe", "policy", "pool"},
}

# Each third-party header has one owner; libyaml has two, as a configuration has places and an answer has limits, and libcurl, as a worker's engine and the API client share nothing.
OWNERS = {
    "microhttpd.h": {"src/front/mhd.c"},
    "expat.h": {"src/codec/markup.c"},
    "pcre2.h": {"src/value/regex.c"},
    "yaml.h": {"src/conf/yaml.c", "src/codec/yaml.c"},
    "ares.h": {"sd/resolve.c"},
    "curl/curl.h": {"src/net/curl.c", "sd/api_http.c"},
    "jansson.h": {"sd/k8s_event.c"},
    "openssl/err.h": {"src/front/tls.c", "src/policy/signature.c"},
    "openssl/evp.h": {"src/net/sigv4.c", "src/policy/signature.c"},
    "openssl/core_names.h": {"src/policy/signature.c"},
    "openssl/ecdsa.h": {"src/policy/signature.c"},
    "openssl/hmac.h": {"src/net/sigv4.c", "src/policy/signature.c"},
    "openssl/param_build.h": {"src/policy/signature.c"},
    "openssl/rsa.h": {"src/policy/signature.c"},
    "openssl/x509v3.h": {"src/front/tls.c"},
    "zlib.h": {"src/net/gunzip.c"},
    "openssl/ssl.h": {"src/net/curl.c", "src/front/tls.c"},
}

POINTS = "tests/kubernetes-points.md"

BANNED = {
    "strcpy": "rm_buf or snprintf",
    "strcat": "rm_buf or snprintf",
    "strncpy": "memcpy with a checked length",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "strtok": "rm_str_sub",
    "atoi": "strtol with its end checked",
    "atol": "strtol with its end checked",
    "gets": "fgets",
    "alloca": "an arena",
    "rand": "getrandom",
    "getaddrinfo": "sd/resolve.c: it blocks",
    "gethostbyname": "sd/resolve.c: it blocks",
    "sleep": "a timer of the loop",
    "usleep": "a timer of the loop",
}

HEAP = re.compile(r"\b(malloc|calloc|realloc|free|strdup|strndup|asprintf)\s*\(")
LINES_MAX = 600
OPENING_MAX = 12
# In pieces, so that this file does not name them itself.
MACHINE_PATHS = re.compile("(?<![A-Za-z0-9._~-])/(" + "|".join(["wo" + "rk", "ro" + "ot", "tm" + "p"]) + ")/")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def code_only(text):
    """The text with comments and the contents of string literals blanked out, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] * 2
        return "\n" * found.count("\n") + " "

    return pattern.sub(blank, text)


def in_program(path):
    return path.startswith(("src/", "sd/", "include/"))


def check_includes(path, text):
    folder = os.path.dirname(path)
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match.group(2)
        owners = OWNERS.get(name)
        if owners and in_program(path) and path not in owners:
            yield number, "%s belongs to %s" % (name, " and ".join(sorted(owners)))
        if folder not in LAYERS or match.group(1) == "<":
            continue
        if ".." in name.split("/"):
            yield number, "an include must not climb with .."
            continue
        target = name.split("/")[0] if "/" in name else os.path.basename(folder)
        if target != os.path.basename(folder) and target not in LAYERS[folder]:
            yield number, "%s/ must not include %s" % (folder, name)


def check_calls(path, text):
    threads = not in_program(path) or path == "src/main.c" or path.startswith("src/loop/")
    # src/main.c frees the text that conf/dump.c gives it.
    heap = not in_program(path) or path.startswith("src/base/") or path in set().union(*OWNERS.values()) or path == "src/main.c"
    for number, line in enumerate(code_only(text).splitlines(), 1):
        for name in re.findall(r"\b([a-z]+)\s*\(", line):
            if name in BANNED:
                yield number, "%s() is banned: use %s" % (name, BANNED[name])
        if not threads and re.search(r"\bpthread_|<pthread\.h>|<threads\.h>", line):
            yield number, "threads are the business of src/loop and src/main.c"
        if not heap and HEAP.search(line):
            yield number, "%s() outside src/base and the owners of third-party headers: use an arena" % HEAP.search(
                line
            ).group(1)


def check_form(path, text):
    lines = text.splitlines()
    if not lines or not lines[0].startswith("//"):
        yield 1, "the file must open with a comment: what it is, what it owns, what it must not do"
    opening = lines[: next((i for i, line in enumerate(lines) if not line.startswith("//")), len(lines))]
    if "// SPDX-License-Identifier: Apache-2.0" not in opening:
        yield 1, "the opening comment must end with `// SPDX-License-Identifier: Apache-2.0`"
    if len(opening) > OPENING_MAX:
        yield 1, "an opening comment of %d lines: what is said at length belongs to src/README.md" % len(opening)
    if in_program(path):
        if len(lines) > LINES_MAX:
            yield LINES_MAX, "%d lines, %d allowed: one noun a file" % (len(lines), LINES_MAX)
        for number, line in enumerate(lines, 1):
            if re.search(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", line):
                yield number, "left open: finish it"


def check_paths(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATHS.search(line):
            yield number, "names a path of one machine"


def check_cmake(path, text):
    """USES in a layer's CMakeLists.txt must be what the table here says."""
    folder = os.path.dirname(path)
    if folder not in LAYERS:
        return
    text = re.sub(r"#[^\n]*", "", text)
    uses = re.search(r"\bUSES\s+([a-z_\s]*?)(?=\bLIBS\b|\bSOURCES\b|\))", text)
    uses = set(uses.group(1).split()) if uses else set()
    if uses - LAYERS[folder]:
        yield 1, "USES %s is against the layer rules" % " ".join(sorted(uses - LAYERS[folder]))


def check(path, text):
    found = []
    if path.endswith((".c", ".h")):
        for one in (check_includes, check_calls, check_form):
            found += one(path, text)
    if os.path.basename(path) == "CMakeLists.txt":
        found += check_cmake(path, text)
    found += check_paths(path, text)
    return found


def check_points(table, names):
    """Each point of tests/kubernetes-points.md has a test named after it, in each tier that its row names.

    `names` has what each test file says, by its path."""
    tiers = {"always": ("tests/unit/", "tests/integration/"), "slow": ("tests/slow/",)}
    for number, line in enumerate(table.splitlines(), 1):
        row = re.match(r"\| (\d+) \| ([a-z, ]+) \|", line)
        if not row:
            continue
        test = re.compile(r"\b(test_)?p%02d_\w+\(" % int(row.group(1)))
        for tier in row.group(2).split(", "):
            if not any(path.startswith(tiers[tier]) and test.search(text) for path, text in names.items()):
                yield number, "no test of point %s in the tier `%s`" % (row.group(1), tier)


def files():
    """Tracked files; without git (an unpacked archive) all files but those that a build or a run leaves."""
    try:
        out = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "-z"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ).stdout
        return [os.fsdecode(name) for name in out.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        out = []
        for folder, folders, names in os.walk(ROOT):
            folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__", ".pytest_cache")]
            out += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
        return out


def main():
    bad = seen = 0
    tests = {}
    for path in sorted(files()):
        try:
            with open(os.path.join(ROOT, path), "rb") as file:
                data = file.read()
        except (FileNotFoundError, IsADirectoryError):
            continue  # deleted but not yet committed, or a link to a folder
        if b"\0" in data or path.startswith(("tests/fuzz/corpus/", "tests/fuzz/regress/")):
            continue
        seen += 1
        text = data.decode("utf-8", "replace")
        if path.startswith("tests/") and path.endswith((".c", ".py", "points.md")):
            tests[path] = text
        for number, what in check(path, text):
            print("%s:%d: %s" % (path, number, what))
            bad += 1
    for number, what in check_points(tests[POINTS], tests):
        print("%s:%d: %s" % (POINTS, number, what))
        bad += 1
    print("lint: %d files, %d findings" % (seen, bad))
    return 1 if bad or not seen else 0


# ---------------------------------------------------------------- self-test

HEAD = "// What it is.\n// SPDX-License-Identifier: Apache-2.0\n"
GOOD = [
    ("src/base/a.c", HEAD + '#include "base/arena.h"\n#include <remora/base.h>\nvoid *p(void) { return malloc(1); }\n'),
    ("src/conf/a.c", HEAD + '#include "conf.h"\n#include "value/value.h"\n// strcpy(a, b) in a comment\n'),
    ("src/step/a.c", HEAD + 'const char *s = "free(x) // sleep(1)";\nint my_free(int a);\nint x = rm_arena_free(1);\n'),
    ("src/front/mhd.c", HEAD + "#include <microhttpd.h>\nvoid f(void *p) { free(p); }\n"),
    ("src/loop/a.c", HEAD + "#include <pthread.h>\npthread_t t;\n"),
    ("src/base/CMakeLists.txt", "rm_layer(base\n    SOURCES a.c)\n"),
    ("src/net/CMakeLists.txt", "rm_layer(net\n    SOURCES a.c\n    USES base\n    LIBS PkgConfig::CURL)\n"),
    ("README.md", "see https://example.org" + "/wo" + "rk/ and build" + "/tm" + "p/ and .." + "/ro" + "ot/\n"),
    ("tests/unit/test_a.c", HEAD + "void f(void *p) { free(p); }\n"),
]
BAD = [
    ("src/base/a.c", HEAD + '#include "conf/conf.h"\n', "must not include conf/conf.h"),
    ("src/net/a.c", HEAD + '#include "loop/loop.h"\n', "must not include loop/loop.h"),
    ("src/conf/a.c", HEAD + '#include "../base/arena.h"\n', "climb"),
    ("sd/dns.c", HEAD + "#include <ares.h>\n", "belongs to sd/resolve.c"),
    ("src/front/reply.c", HEAD + "#include <microhttpd.h>\n", "belongs to src/front/mhd.c"),
    ("src/step/a.c", HEAD + "void f(char *a, char *b)\n{\n    strcpy (a, b);\n}\n", "strcpy() is banned"),
    ("tests/unit/test_a.c", HEAD + "void f(void) { sleep(1); }\n", "sleep() is banned"),
    ("src/flow/a.c", HEAD + "pthread_mutex_t m;\n", "threads are the business"),
    ("src/flow/a.c", HEAD + "void *p(void) { return calloc(1, 2); }\n", "calloc() outside"),
    ("src/flow/a.c", "// SPDX-License-Identifier: Apache-2.0\nint a;\n" + "int b;\n" * LINES_MAX, "lines, 600 allowed"),
    ("src/flow/a.c", "int a;\n", "must open with a comment"),
    ("src/flow/a.h", "// What it is.\nint a;\n// SPDX-License-Identifier: Apache-2.0\n", "must end with"),
    ("src/flow/a.c", HEAD + "int a; // TO" + "DO later\n", "left open"),
    ("README.md", "run it in /wo" + "rk/main\n", "path of one machine"),
    ("tests/x.py", 'open("/tm' + 'p/x")\n', "path of one machine"),
    ("src/net/CMakeLists.txt", "rm_layer(net SOURCES a.c USES base conf LIBS x)\n", "USES conf"),
]


def self_test():
    wrong = 0
    for path, text in GOOD:
        for number, what in check(path, text):
            print("a good %s was refused: %d: %s" % (path, number, what))
            wrong += 1
    for path, text, expected in BAD:
        found = [what for _, what in check(path, text)]
        if not any(expected in what for what in found):
            print("%s: expected `%s`, found %s" % (path, expected, found))
            wrong += 1
    names = {"tests/unit/test_a.c": "static void p01_one(void **state)", "tests/slow/test_a.py": "def test_p02_two(shop):"}
    found = [number for number, _ in check_points("| 1 | always | a |\n| 2 | always, slow | b |\n", names)]
    if found != [2]:
        print("points without a test: expected line 2, found %s" % found)
        wrong += 1
    print("lint self-test: %d snippets, %d wrong" % (len(GOOD) + len(BAD), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else main())
