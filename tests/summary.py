#!/usr/bin/env python3
"""Adds up the tests of several CTest runs, by tier: `summary.py build/release/tests.xml build/asan/tests.xml ...`.

CTest counts programs; this counts the cases inside them: TAP lines of unit tests, pytest's own summary of integration
tests, one for each fuzz corpus and check. What was skipped is named, with its reason. Exit status 1 if anything failed or a report is missing.
"""
# SPDX-License-Identifier: Apache-2.0
import os
import re
import sys
import xml.etree.ElementTree as ET

PYTEST = re.compile(r"(\d+) (passed|failed|error)")
# pytest -rs: `SKIPPED [2] path/test_x.py:12: reason`; cmocka: `not ok 3 # SKIP name`, a case that does not apply to this build.
SKIPPED = re.compile(r"^(?:SKIPPED \[\d+\] (?:.*/)?(\S+: .*)|not ok \d+ # SKIP (\w+))", re.M)


def cases(tier, output):
    """(passed, failed) as the test's own output tells it."""
    if tier == "unit":
        return (len(re.findall(r"^ok \d+(?! # SKIP)\b", output, re.M)), len(re.findall(r"^not ok \d+(?! # SKIP)\b", output, re.M)))
    if tier in ("integration", "slow"):
        last = [line for line in output.splitlines() if re.search(r" in [\d.]+s", line)][-1:]
        passed = failed = 0
        for number, what in PYTEST.findall("".join(last)):
            if what == "passed":
                passed += int(number)
            else:
                failed += int(number)
        return passed, failed
    return 0, 0


def read(path):
    """{tier: [passed, failed]}, the names of the failed CTest entries of one report, and what was skipped."""
    tiers, bad, skipped = {}, [], []
    for case in ET.parse(path).getroot().iter("testcase"):
        name = case.get("name")
        ok = case.get("status") == "run"
        tier = name.split("_")[0]
        output = case.findtext("system-out") or ""
        passed, failed = cases(tier, output)
        skipped += ["%s: %s" % (name, by_pytest or by_cmocka) for by_pytest, by_cmocka in SKIPPED.findall(output)]
        if ok and passed == 0:
            passed = 1
        if not ok:
            bad.append(name)
            failed = max(failed, 1)
        sums = tiers.setdefault(tier, [0, 0])
        sums[0] += passed
        sums[1] += failed
    return tiers, bad, skipped


def main(paths):
    passed = failed = 0
    for path in paths:
        preset = os.path.basename(os.path.dirname(path))
        try:
            tiers, bad, skipped = read(path)
        except (OSError, ET.ParseError) as error:
            print("%-8s no report: %s" % (preset, error))
            failed += 1
            continue
        for tier, (good, wrong) in sorted(tiers.items()):
            print("%-8s %-12s %5d passed, %d failed" % (preset, tier, good, wrong))
            passed += good
            failed += wrong
        for name in bad:
            print("%-8s failed: %s" % (preset, name))
        for one in skipped:
            print("%-8s skipped: %s" % (preset, one))
        if not tiers:
            print("%-8s has no tests" % preset)
            failed += 1
    print("all tests: %d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
