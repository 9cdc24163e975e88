#!/usr/bin/env python3
"""Adds up the tests of several CTest runs, by tier: `summary.py build/release/tests.xml build/asan/tests.xml ...`.

CTest counts programs; this counts the cases inside them: TAP lines of unit tests, pytest's own summary of integration
tests, one for each fuzz corpus and check. Exit status 1 if anything failed or a report is missing.
"""
# SPDX-License-Identifier: Apache-2.0
import os
import re
import sys
import xml.etree.ElementTree as ET

PYTEST = re.compile(r"(\d+) (passed|failed|error)")


def cases(tier, output):
    """(passed, failed) as the test's own output tells it."""
    if tier == "unit":
        # cmocka writes `not ok 3 # SKIP name` for a case that does not apply to this build.
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
    """{tier: [passed, failed]} and the names of the failed CTest entries of one report."""
    tiers, bad = {}, []
    for case in ET.parse(path).getroot().iter("testcase"):
        name = case.get("name")
        ok = case.get("status") == "run"
        tier = name.split("_")[0]
        passed, failed = cases(tier, case.findtext("system-out") or "")
        if ok and passed == 0:
            passed = 1
        if not ok:
            bad.append(name)
            failed = max(failed, 1)
        sums = tiers.setdefault(tier, [0, 0])
        sums[0] += passed
        sums[1] += failed
    return tiers, bad


def main(paths):
    passed = failed = 0
    for path in paths:
        preset = os.path.basename(os.path.dirname(path))
        try:
            tiers, bad = read(path)
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
        if not tiers:
            print("%-8s has no tests" % preset)
            failed += 1
    print("all tests: %d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
