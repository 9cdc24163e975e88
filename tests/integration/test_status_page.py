"""The status page as it is served: one document, complete in itself, that a browser's strictest policy lets run. What it does in a
browser is tested in tests/browser."""
# SPDX-License-Identifier: Apache-2.0
import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from kit.wire import ask

CONFIG = """
version: 3
listen_ip: 127.0.0.1
extra_config:
  remora: {admin: {listen: "127.0.0.1:$admin"}, probes: {listen: "127.0.0.1:$probes"}}
endpoints:
  - endpoint: /a
    backend: [{url_pattern: /, host: ["http://127.0.0.1:1"]}]
"""
VOID = {"meta", "link", "input", "br", "img", "hr"}
MOST_BYTES = 128 << 10


class Document(HTMLParser):
    """What is in a page; tags that do not match are an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.inside = [], [], {"style": [], "script": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), (tag, names)
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):  # of SVG
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]].append(data)


@pytest.fixture
def page(start):
    remora = start(CONFIG)
    answer = ask(remora.admin_port, "/")
    assert answer.status == 200
    answer.remora, answer.text = remora, answer.body.decode("utf-8")
    return answer


def policy_of(page):
    text = page.header("Content-Security-Policy")
    return {part.split()[0]: part.split()[1:] for part in text.split(";")}


def hash_of(text):
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_headers(page):
    assert page.header("Content-Type") == "text/html; charset=utf-8"
    assert page.header("Cache-Control") == "no-store"
    assert page.header("X-Content-Type-Options") == "nosniff"
    assert page.header("Referrer-Policy") == "no-referrer"
    head = ask(page.remora.admin_port, "/", method="HEAD")
    assert head.status == 200 and head.body == b""
    assert head.header("Content-Security-Policy") == page.header("Content-Security-Policy")
    assert ask(page.remora.probes_port, "/").status == 404


def test_the_policy_lets_this_style_and_this_script_run_and_nothing_else(page):
    document = Document(page.text)
    (style,), (script,) = ("".join(document.inside[tag]) for tag in ("style",)), ("".join(document.inside[tag]) for tag in ("script",))
    assert [tag for tag, _ in document.tags].count("script") == 1 and [tag for tag, _ in document.tags].count("style") == 1
    assert policy_of(page) == {
        "default-src": ["'none'"],
        "script-src": [hash_of(script)],
        "style-src": [hash_of(style)],
        "connect-src": ["'self'"],
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


def test_nothing_is_loaded_from_elsewhere(page):
    for tag, attributes in Document(page.text).tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")], (tag, attributes)
        for name in ("src", "href", "action", "data"):
            assert re.match(r"data:image/|[#_a-z][\w?]*$", attributes.get(name, "#")), (tag, attributes)
        if tag in ("script", "style"):
            assert attributes == {}
    elsewhere = [one for one in re.findall(r"[a-z]*://[^\s\"'`;)]*", page.text) if one != "http://www.w3.org/2000/svg"]
    # What is left are addresses that the script writes or takes apart, none that it asks.
    assert all(one.startswith("://") for one in elsewhere), elsewhere
    assert not re.search(r"@import|url\(|\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", page.text)
    assert len(page.body) <= MOST_BYTES


def test_what_it_offers_without_a_mouse(page):
    tags = Document(page.text).tags
    names = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(names) == len(set(names))
    for tag, attributes in tags:
        if tag in ("input", "section", "nav"):
            assert attributes.get("aria-label") or attributes.get("aria-labelledby") in names, (tag, attributes)
        for name in ("aria-labelledby", "for"):
            assert attributes.get(name, names[0]) in names
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in names
    assert ("html", {"lang": "en"}) in tags
    assert any(attributes.get("name") == "viewport" for _, attributes in tags)


def test_the_pages_that_it_asks_and_links_are_there(page):
    linked = [a["href"] for tag, a in Document(page.text).tags if tag == "a" and not a["href"].startswith("#")]
    asked = re.findall(r'ask\("(\w+)"\)', page.text)
    assert set(asked) == {"__hosts", "__graph", "__reload", "metrics"} and set(asked) < {one.split("?")[0] for one in linked}
    for path in linked:
        assert ask(page.remora.admin_port, "/" + path).status == 200, path
