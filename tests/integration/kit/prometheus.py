"""A strict reader of Prometheus's text format 0.0.4: what `promtool check metrics` refuses or complains of is an error here, too."""
# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
SAMPLE = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\S+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)\Z|NaN\Z")
KINDS = ("counter", "gauge", "histogram")
# What promtool would have in the base unit instead.
WRONG_UNITS = re.compile(r"_(milliseconds|microseconds|ms|us|minutes|hours|kilobytes|kib|mib|percent)(_|\Z)")


class BadMetrics(AssertionError):
    pass


@dataclass
class Family:
    kind: str
    help: str
    samples: dict = field(default_factory=dict)  # of frozenset((label, value), ...) to number


def _labels(text, line):
    labels, at = [], 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match or (match.group(3) == "," and match.end() == len(text)):
            raise BadMetrics("malformed labels: " + line)
        value = re.sub(r'\\(["\\n])', lambda m: "\n" if m.group(1) == "n" else m.group(1), match.group(2))
        labels.append((match.group(1), value))
        at = match.end()
    if len({name for name, _ in labels}) != len(labels):
        raise BadMetrics("a label twice: " + line)
    return frozenset(labels)


def _family(name, kind, text):
    if not NAME.match(name) or kind not in KINDS or not text:
        raise BadMetrics("a family without name, type or help: %r %r %r" % (name, kind, text))
    if name.endswith("_total") != (kind == "counter"):
        raise BadMetrics("%s is a %s: counters, and they alone, end in _total" % (name, kind))
    if WRONG_UNITS.search(name):
        raise BadMetrics("%s is not in a base unit" % name)
    return Family(kind, text)


def _check_histogram(name, family):
    """Each series: growing bounds, numbers that do not fall, +Inf the last and equal to _count, a _sum."""
    series = {}
    for labels, value in family.samples.items():
        have = dict(labels)
        part, bound = have.pop(""), have.pop("le", None)
        if (part == "_bucket") != (bound is not None):
            raise BadMetrics("%s%s: le belongs to buckets, and to them alone" % (name, part))
        series.setdefault(frozenset(have.items()), {}).setdefault(part, []).append((bound, value))
    for labels, parts in series.items():
        bounds = [float(bound) for bound, _ in parts.get("_bucket", [])]
        numbers = [value for _, value in parts.get("_bucket", [])]
        if bounds != sorted(set(bounds)) or numbers != sorted(numbers) or not bounds or bounds[-1] != float("inf"):
            raise BadMetrics("%s %s: buckets %s %s" % (name, dict(labels), bounds, numbers))
        if parts.get("_count") != [(None, numbers[-1])] or len(parts.get("_sum", [])) != 1:
            raise BadMetrics("%s %s: _count or _sum" % (name, dict(labels)))


def parse(body):
    """{name: Family} of a page; BadMetrics where a scraper or promtool would not be content."""
    text = body.decode("utf-8")
    if not text.endswith("\n"):
        raise BadMetrics("the last line does not end")
    families, lines = {}, text.split("\n")[:-1]
    name, at = None, 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("# HELP "):
            _, _, name, about = line.split(" ", 3)
            if at + 1 == len(lines) or not lines[at + 1].startswith("# TYPE %s " % name):
                raise BadMetrics("HELP without TYPE: " + line)
            if name in families:
                raise BadMetrics("%s stands twice: its samples must be together" % name)
            families[name] = _family(name, lines[at + 1].split(" ")[3], about)
            at += 2
            continue
        match = SAMPLE.match(line)
        suffixes = ("_bucket", "_sum", "_count") if name and families[name].kind == "histogram" else ("",)
        if not match or match.group(1) not in [name + suffix for suffix in suffixes] or not NUMBER.match(match.group(3)):
            raise BadMetrics("no sample of %s: %s" % (name, line))
        labels = _labels(match.group(2) or "", line)
        if families[name].kind == "histogram":
            labels |= {("", match.group(1)[len(name):])}
        if labels in families[name].samples:
            raise BadMetrics("the same sample twice: " + line)
        families[name].samples[labels] = float(match.group(3))
        if families[name].kind == "counter" and not families[name].samples[labels] >= 0:
            raise BadMetrics("a counter below 0: " + line)
        at += 1
    for name, family in families.items():
        if family.kind == "histogram":
            _check_histogram(name, family)
    return families


class Metrics:
    def __init__(self, body):
        self.families = parse(body)

    def all(self, name, **labels):
        """[(labels, value)] of the samples that have these labels."""
        family = self.families.get(name)
        samples = family.samples.items() if family else ()
        return [(dict(have), value) for have, value in samples if labels.items() <= dict(have).items()]

    def count(self, name, **labels):
        """A histogram's _count."""
        return sum(value for have, value in self.all(name, **labels) if have[""] == "_count")

    def value(self, name, **labels):
        """The one sample's value; the sum where there are several."""
        found = self.all(name, **labels)
        if not found:
            raise BadMetrics("no %s with %s" % (name, labels))
        return sum(value for _, value in found)
