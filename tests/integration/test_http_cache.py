"""qos/http-cache: what is answered without the backend, what is asked for again, and for whom."""
# SPDX-License-Identifier: Apache-2.0
import json
import threading

import pytest

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import until

CONFIG = """
version: 3
listen_ip: 127.0.0.1
timeout: 20s
host: ["$backend"]
endpoints:
  - endpoint: /own/{x}
    input_headers: [Accept-Language, Authorization, Cache-Control, If-None-Match]
    input_query_strings: [q]
    backend: [{url_pattern: "/{x}", extra_config: {qos/http-cache: {}}}]
  - endpoint: /noop/{x}
    input_headers: [Accept-Language, Range, If-None-Match]
    output_encoding: no-op
    backend: [{url_pattern: "/{x}", extra_config: {qos/http-cache: {}}}]
  - endpoint: /shared/{x}
    output_encoding: no-op
    backend: [{url_pattern: "/{x}", extra_config: {qos/http-cache: {shared: true}}}]
  - endpoint: /shared/{x}
    method: PUT
    output_encoding: no-op
    backend: [{url_pattern: "/{x}", method: PUT, extra_config: {qos/http-cache: {shared: true}}}]
  - endpoint: /also/{x}
    output_encoding: no-op
    backend: [{url_pattern: "/{x}", extra_config: {qos/http-cache: {shared: true}}}]
  - endpoint: /small/{x}
    backend: [{url_pattern: "/{x}", extra_config: {qos/http-cache: {max_items: 2}}}]
"""


class Far:
    """Answers {"n": how many requests there were}, with the fields that a test sets."""

    def __init__(self):
        self.fields, self.status, self.body, self.breaks = ["Cache-Control: max-age=300"], "200 OK", None, False
        self.n, self.lock = 0, threading.Lock()

    def script(self, peer, req):
        with self.lock:
            self.n += 1
            n = self.n
        if self.breaks:
            peer.reset()
            return None
        if self.status.startswith("304"):
            return "\r\n".join(["HTTP/1.1 304 Not Modified", *self.fields, "", ""]).encode()
        return answer(self.body or json.dumps({"n": n}), self.status, *self.fields)


@pytest.fixture(params=[1, 4])
def gateway(request, start, backend):
    far = Far()
    far.backend = backend(far.script)
    remora = start(fill(CONFIG, backend=far.backend.url), workers=request.param)
    remora.far = far
    return remora


def n_of(got):
    assert got.status == 200
    return json.loads(got.body)["n"]


@pytest.mark.parametrize("path", ["/own/a", "/noop/a", "/shared/a"])
def test_a_fresh_answer_is_served_again(gateway, path):
    assert [n_of(gateway.ask(path)) for _ in range(20)] == [1] * 20
    assert gateway.far.n == 1
    assert n_of(gateway.ask(path.replace("/a", "/b"))) == 2  # another URL


def test_the_query_is_part_of_the_url(gateway):
    assert n_of(gateway.ask("/own/a?q=1")) == 1
    assert n_of(gateway.ask("/own/a?q=2")) == 2
    assert n_of(gateway.ask("/own/a?q=1")) == 1


def test_a_stored_answer_tells_its_age(gateway):
    first = gateway.ask("/noop/a")
    again = gateway.ask("/noop/a")
    assert first.header("age") is None
    assert int(again.header("age")) >= 0
    assert again.header("cache-control") == "max-age=300"


def test_without_a_lifetime_nothing_is_kept(gateway):
    gateway.far.fields = []
    assert [n_of(gateway.ask("/own/a")) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("fields", [["Cache-Control: no-store, max-age=9"], ["Cache-Control: private, max-age=9"],
                                    ["Cache-Control: max-age=9", "Vary: *"], ["Cache-Control: max-age=9", "Set-Cookie: a=b"]])
def test_what_is_for_one_client_is_not_kept(gateway, fields):
    gateway.far.fields = fields
    assert [n_of(gateway.ask("/noop/a")) for _ in range(3)] == [1, 2, 3]


def test_nobody_gets_what_somebody_elses_credentials_have_brought(gateway):
    for path in ("/own/a",):
        assert n_of(gateway.ask(path, "Authorization: Bearer one")) == 1
        assert n_of(gateway.ask(path, "Authorization: Bearer two")) == 2
        assert n_of(gateway.ask(path)) == 3
    gateway.far.fields = ["Cache-Control: public, max-age=300"]
    assert n_of(gateway.ask("/own/b", "Authorization: Bearer one")) == 4
    assert n_of(gateway.ask("/own/b", "Authorization: Bearer two")) == 4


def test_vary(gateway):
    gateway.far.fields = ["Cache-Control: max-age=300", "Vary: Accept-Language"]
    for path in ("/own/a", "/noop/a"):
        first = n_of(gateway.ask(path, "Accept-Language: de"))
        other = n_of(gateway.ask(path, "Accept-Language: fr"))
        assert first != other
        assert n_of(gateway.ask(path, "Accept-Language: de")) == first
        assert n_of(gateway.ask(path, "Accept-Language: fr")) == other


def test_a_client_may_ask_for_a_new_one(gateway):
    assert n_of(gateway.ask("/own/a")) == 1
    assert n_of(gateway.ask("/own/a", "Cache-Control: no-cache")) == 2
    assert n_of(gateway.ask("/own/a")) == 2


@pytest.mark.parametrize("path", ["/own/a", "/noop/a"])
def test_a_stale_answer_is_asked_for_with_its_validators(gateway, path):
    far = gateway.far
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    far.fields = ["Cache-Control: max-age=0", 'ETag: "v1"', "Last-Modified: " + date]
    assert n_of(gateway.ask(path)) == 1
    far.status, far.fields = "304 Not Modified", ["Cache-Control: max-age=300", 'ETag: "v1"', "X-New: 1"]
    got = gateway.ask(path)
    assert n_of(got) == 1
    assert far.n == 2
    asked = far.backend.requests[-1]
    assert asked.values("if-none-match") == ['"v1"'] and asked.values("if-modified-since") == [date]
    assert n_of(gateway.ask(path)) == 1 and far.n == 2  # the 304 has made it fresh
    if path.startswith("/noop"):
        assert got.header("x-new") == "1"


def test_changed_after_all(gateway):
    far = gateway.far
    far.fields = ["Cache-Control: max-age=0", 'ETag: "v1"']
    assert n_of(gateway.ask("/own/a")) == 1
    far.fields = ["Cache-Control: max-age=300", 'ETag: "v2"']
    assert n_of(gateway.ask("/own/a")) == 2
    assert n_of(gateway.ask("/own/a")) == 2 and far.n == 2


@pytest.mark.parametrize("path", ["/own/a", "/noop/a"])
def test_stale_if_error(gateway, path):
    far = gateway.far
    far.fields = ["Cache-Control: max-age=0, stale-if-error=300", 'ETag: "v1"']
    assert n_of(gateway.ask(path)) == 1
    far.status, far.fields = "503 Service Unavailable", []
    assert n_of(gateway.ask(path)) == 1
    far.breaks = True
    assert n_of(gateway.ask(path)) == 1
    assert far.n >= 3  # it was asked each time


def test_without_leave_a_failure_is_a_failure(gateway):
    far = gateway.far
    far.fields = ["Cache-Control: max-age=0", 'ETag: "v1"']
    assert n_of(gateway.ask("/own/a")) == 1
    far.status = "503 Service Unavailable"
    assert gateway.ask("/own/a").status == 500


def test_conditions_and_parts_are_the_clients(gateway):
    assert n_of(gateway.ask("/noop/a")) == 1
    assert n_of(gateway.ask("/noop/a", "Range: bytes=0-3")) == 2
    assert n_of(gateway.ask("/noop/a", 'If-None-Match: "x"')) == 3
    assert n_of(gateway.ask("/noop/a")) == 1


def test_shared_by_those_that_say_so(gateway):
    assert n_of(gateway.ask("/shared/a")) == 1
    assert n_of(gateway.ask("/also/a")) == 1
    assert n_of(gateway.ask("/noop/a")) == 2


def test_what_changes_the_resource_empties_its_place(gateway):
    assert n_of(gateway.ask("/shared/a")) == 1
    assert gateway.ask("/shared/a", method="PUT", body=b"x").status == 200
    assert n_of(gateway.ask("/also/a")) == 3


def test_max_items(gateway):
    assert [n_of(gateway.ask("/small/%d" % i)) for i in range(3)] == [1, 2, 3]
    assert sum(n_of(gateway.ask("/small/%d" % i)) == i + 1 for i in range(3)) <= 2
    assert n_of(gateway.ask("/small/9")) == n_of(gateway.ask("/small/9"))


def test_a_large_answer_is_streamed_from_the_store(gateway):
    """In pieces, to a client that reads slowly; one too large is not kept."""
    far = gateway.far
    far.body = json.dumps({"n": 1, "text": "x" * 1500000})
    for _ in range(3):
        assert len(gateway.ask("/noop/a").body) == len(far.body)
    assert far.n == 1
    far.body = json.dumps({"n": 1, "text": "x" * 3000000})
    for _ in range(2):
        assert len(gateway.ask("/noop/b").body) == len(far.body)
    assert far.n == 3


def test_kept_over_a_reload(gateway):
    assert n_of(gateway.ask("/own/a")) == 1
    gateway.config.write_text(gateway.config.read_text() + "  - {endpoint: /new, backend: [{url_pattern: /}]}\n")
    until(lambda: gateway.ask("/new").status == 200, "the reload")
    n = gateway.far.n
    assert n_of(gateway.ask("/own/a")) == 1
    assert gateway.far.n == n


def test_a_crowd(gateway):
    """Many clients at once, over a store that is too small for what they ask."""
    far, failed = gateway.far, []

    def run(k):
        for i in range(60):
            got = gateway.ask("/small/%d" % ((i * 7 + k) % 9))
            if got.status != 200:
                failed.append(got.status)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert far.n < 480
