"""Hostile clients, byte by byte. For each case: the right refusal (or answer), no second request at the backend, an
innocent client beside it undisturbed, memory under its limit, and an ordinary request right after.

What is expected stands in RFC 9112 and RFC 9110 and in the limits of the README's threat model; where two behaviours
are right, exactly those are allowed. The backend of these cases (kit/backend.py) is itself strict: whatever reaches it
that is no clean HTTP/1.1 request fails the case, and so does any request for /smuggled."""
# SPDX-License-Identifier: Apache-2.0
import os
import random
from dataclasses import dataclass

import pytest

from kit.backend import Backend
from kit.gateway import Innocent, Lasting, fill
from kit.wire import request

CONFIG = """
version: 3
timeout: 30s
listen_ip: 127.0.0.1
max_shutdown_wait_time: 5s
extra_config: {remora: {limits: {body_timeout: 3s}}}
host: ["$evil"]
endpoints:
  - endpoint: /plain
    backend: [{url_pattern: /plain}]
  - endpoint: /smuggled
    backend: [{url_pattern: /smuggled}]
  - endpoint: /p/{x}
    backend: [{url_pattern: "/p/{x}"}]
  - endpoint: /q
    input_query_strings: ["*"]
    backend: [{url_pattern: /q}]
  - endpoint: /h
    input_headers: ["*"]
    backend: [{url_pattern: /h}]
  - endpoint: /post
    method: POST
    backend: [{url_pattern: /post}]
  - endpoint: /stream
    method: POST
    output_encoding: no-op
    backend: [{url_pattern: /stream}]
  - endpoint: /innocent
    backend: [{host: ["$good"], url_pattern: /innocent}]
  - endpoint: /after
    backend: [{host: ["$good"], url_pattern: /after}]
"""

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
MIB = 1 << 20


# ---------------------------------------------------------------- what may happen


@dataclass(frozen=True)
class Outcome:
    """Answers with these statuses, in this order (each a set of allowed ones), so many whole requests at the backend,
    and then the connection closed by remora, or kept."""

    statuses: tuple = ()
    hits: tuple = (0,)
    closes: bool = True

    def fits(self, statuses):
        return len(statuses) <= len(self.statuses) and all(got in may for got, may in zip(statuses, self.statuses))


def refused(*statuses):
    """One answer, nothing at the backend, closed."""
    return [Outcome((frozenset(statuses),))]


def refused_kept(*statuses):
    """One answer, nothing at the backend; the framing was clear, so the connection may stay."""
    return [Outcome((frozenset(statuses),)), Outcome((frozenset(statuses),), closes=False)]


def silent():
    """Closed without a word, nothing at the backend: RFC 9112 3 would have 400, but a line that libmicrohttpd cannot
    take for HTTP at all it ends like this."""
    return [Outcome(())]


def served(times=1, status=200):
    return [Outcome((frozenset([status]),) * times, (times,), closes=False)]


def served_closed(times=1, status=200):
    return [Outcome((frozenset([status]),) * times, (times,))]


def first_then(times, *statuses):
    """`times` good answers, then one refusal and the end."""
    return [Outcome((frozenset([200]),) * times + (frozenset(statuses),), (times,))]


@dataclass
class Case:
    name: str
    send: object  # bytes, an iterable of bytes, or a callable that gives one
    outcomes: list
    after: str = ""  # "half-close" or "reset" once all is sent
    check: object = None  # called with (requests at the backend, answers)


CASES = []


def case(name, send, outcomes, after="", check=None):
    CASES.append(Case(name, send, outcomes, after, check))


def line(text, **more):
    return request(text, **more)


def plain(*fields, **more):
    return request("GET /plain HTTP/1.1", *fields, **more)


# ---------------------------------------------------------------- request line

case("good", plain(), served())
case("good-after-empty-line", b"\r\n" + plain(), served())
case("good-byte-by-byte", lambda: [bytes([b]) for b in plain("X-A: b")], served())
for name, text, allowed in [
    ("method-lower-case", "get /plain HTTP/1.1", refused_kept(405, 501)),
    ("method-unknown", "BREW /plain HTTP/1.1", refused_kept(405, 501)),
    ("method-trace", "TRACE /plain HTTP/1.1", refused_kept(405, 501)),
    ("method-connect-authority", "CONNECT gateway.test:443 HTTP/1.1", refused(405)),
    ("method-connect-path", "CONNECT /plain HTTP/1.1", refused(400, 405)),
    ("method-no-token", "G@T /plain HTTP/1.1", refused(400, 405, 501)),
    ("method-with-colon", "GET: /plain HTTP/1.1", refused(400, 405, 501)),
    ("method-empty", " /plain HTTP/1.1", refused(400) + silent()),
    ("method-high-byte", "G\xc9T /plain HTTP/1.1", refused(400, 405, 501)),
    ("method-nul", "GE\0T /plain HTTP/1.1", refused(400) + silent()),
    ("method-long", "A" * 5000 + " /plain HTTP/1.1", refused_kept(400, 405, 414, 431, 501)),
    ("two-spaces-before-target", "GET  /plain HTTP/1.1", refused(400)),
    ("two-spaces-after-target", "GET /plain  HTTP/1.1", refused(400)),
    ("tab-before-target", "GET\t/plain HTTP/1.1", refused(400) + silent()),
    ("tab-after-target", "GET /plain\tHTTP/1.1", refused(400)),
    ("vertical-tab", "GET\x0b/plain HTTP/1.1", refused(400) + silent()),
    ("leading-space", " GET /plain HTTP/1.1", refused(400) + silent()),
    ("trailing-space", "GET /plain HTTP/1.1 ", refused(400, 505)),
    ("trailing-word", "GET /plain HTTP/1.1 more", refused(400, 505)),
    ("space-in-target", "GET /plain /smuggled HTTP/1.1", refused(400)),
    ("no-target", "GET HTTP/1.1", refused(400, 505)),
    ("version-missing", "GET /plain", refused(400, 505) + silent()),
    ("version-0.9", "GET /plain HTTP/0.9", refused(400, 505)),
    # RFC 9110 2.5: a higher minor version may be served as 1.1.
    ("version-1.2", "GET /plain HTTP/1.2", refused(400, 505) + served() + served_closed()),
    ("version-1.9", "GET /plain HTTP/1.9", refused(400, 505) + served() + served_closed()),
    ("version-2.0", "GET /plain HTTP/2.0", refused(400, 505)),
    ("version-3.0", "GET /plain HTTP/3.0", refused(400, 505)),
    ("version-2", "GET /plain HTTP/2", refused(400, 505)),
    ("version-1", "GET /plain HTTP/1", refused(400, 505)),
    ("version-1.10", "GET /plain HTTP/1.10", refused(400, 505)),
    ("version-1.01", "GET /plain HTTP/1.01", refused(400, 505)),
    ("version-01.1", "GET /plain HTTP/01.1", refused(400, 505)),
    ("version-lower-case", "GET /plain http/1.1", refused(400, 505)),
    ("version-comma", "GET /plain HTTP/1,1", refused(400, 505)),
    ("version-letter", "GET /plain HTTP/1.x", refused(400, 505)),
    ("version-other-protocol", "GET /plain HTTPS/1.1", refused(400, 505)),
    ("version-sip", "INVITE sip:a@b SIP/2.0", refused(400, 505)),
    ("target-relative", "GET plain HTTP/1.1", refused(400)),
    ("target-authority-with-get", "GET gateway.test:80 HTTP/1.1", refused(400)),
    ("target-asterisk-with-get", "GET * HTTP/1.1", refused(400)),
    ("target-fragment", "GET /plain#f HTTP/1.1", refused(400)),
    ("target-fragment-in-query", "GET /q?a=b#f HTTP/1.1", refused(400)),
    ("target-nul", "GET /plain\0x HTTP/1.1", refused(400) + silent()),
    ("target-nul-then-space", "GET /plain\0 HTTP/1.1", refused(400) + silent()),
    ("target-control-01", "GET /plain\x01 HTTP/1.1", refused(400)),
    ("target-control-1f", "GET /plain\x1f HTTP/1.1", refused(400)),
    ("target-del", "GET /plain\x7f HTTP/1.1", refused(400)),
    ("target-control-in-query", "GET /q?a=\x02 HTTP/1.1", refused(400)),
    ("target-bare-cr", "GET /pl\rain HTTP/1.1", refused(400)),
    ("target-bare-cr-in-query", "GET /q?a=\r HTTP/1.1", refused(400)),
    ("absolute-empty-host", "GET http:///plain HTTP/1.1", refused(400)),
    ("absolute-user", "GET http://u:p@gateway.test/plain HTTP/1.1", refused(400)),
    ("absolute-bad-port", "GET http://gateway.test:x/plain HTTP/1.1", refused(400)),
    ("absolute-other-scheme", "GET ftp://gateway.test/plain HTTP/1.1", refused(400)),
    ("absolute-control", "GET http://gateway\x01.test/plain HTTP/1.1", refused(400)),
    ("absolute-backslash", "GET http://gateway.test\\@b/plain HTTP/1.1", refused(400)),
]:
    case("line-" + name, line(text), allowed)

case("line-bare-cr-end", b"GET /plain HTTP/1.1\rHost: gateway.test\r\r", refused(400), after="half-close")
# RFC 9112 2.2: a bare LF may be taken for a line's end.
case("line-bare-lf-end", b"GET /plain HTTP/1.1\nHost: gateway.test\n\n", refused(400) + served() + served_closed())
case("line-cr-cr-lf", b"GET /plain HTTP/1.1\r\r\nHost: gateway.test\r\n\r\n", refused(400, 505))
case("line-asterisk-options", line("OPTIONS * HTTP/1.1"), refused_kept(200, 204, 400, 404, 405))
case("line-options", line("OPTIONS /plain HTTP/1.1"), refused_kept(405))
case(
    "line-put",
    line("PUT /plain HTTP/1.1"),
    refused_kept(405),
    check=lambda requests, answers: answers[0].header("Allow") == "GET",
)
case("line-unknown-path", line("GET /nowhere HTTP/1.1"), refused_kept(404))


def forwarded_host(expected):
    return lambda requests, answers: requests[0].values("X-Forwarded-Host") == [expected]


case("absolute-form", line("GET http://gateway.test/plain HTTP/1.1"), served(), check=forwarded_host("gateway.test"))
case("absolute-form-upper-case", line("GET HTTP://gateway.test/plain HTTP/1.1"), served())
case(
    "absolute-form-other-host",
    line("GET http://a.test:81/plain HTTP/1.1", host="Host: b.test"),
    served(),
    check=forwarded_host("a.test:81"),
)
case("absolute-form-without-host", line("GET http://a.test/plain HTTP/1.1", host=None), refused(400))
case("absolute-form-without-path", line("GET http://gateway.test HTTP/1.1"), refused_kept(404))
case("absolute-form-query-only", line("GET http://gateway.test?a=b HTTP/1.1"), refused_kept(404))
case("absolute-form-https", line("GET https://gateway.test/plain HTTP/1.1"), served() + refused(400, 421))
case("http-1.0-without-host", line("GET /plain HTTP/1.0", host=None), served_closed())
case("http-1.0-with-host", line("GET /plain HTTP/1.0"), served_closed())
case("http-1.0-keep-alive", request("GET /plain HTTP/1.0", "Connection: keep-alive") * 2, served(2) + served_closed(1))
case("http-1.0-bad-host", line("GET /plain HTTP/1.0", host="Host: a b"), refused(400))

# ---------------------------------------------------------------- other protocols

case("http2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", refused(400, 405, 505))
case(
    "tls-hello",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    refused(400) + silent(),
    after="half-close",
)
case("ssh", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", refused(400, 505) + silent(), after="half-close")
case("smtp", b"EHLO client.test\r\nMAIL FROM:<a@b.test>\r\n\r\n", refused(400, 505) + silent(), after="half-close")
case("proxy-protocol", b"PROXY TCP4 10.0.0.1 10.0.0.2 5 80\r\n" + plain(), refused(400, 505) + silent())
case("proxy-protocol-2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\x7f\0\0\1" * 3 + plain(), refused(400) + silent())
case("redis", b"*1\r\n$4\r\nPING\r\n\r\n", refused(400, 505) + silent(), after="half-close")
case("nuls", b"\0" * 4096, refused(400, 414, 431) + silent(), after="half-close")
case(
    "noise",
    lambda: random.Random(7).randbytes(1 << 16),
    refused(400, 414, 431, 405, 501, 505) + silent(),
    after="half-close",
)
case(
    "noise-lines",
    lambda: b"\r\n".join(random.Random(n).randbytes(30) for n in range(200)) + b"\r\n\r\n",
    refused(400, 405, 501, 505) + silent(),
    after="half-close",
)
case("empty-lines", b"\r\n" * (1 << 15), refused(400) + silent(), after="half-close")
case("nothing", b"", silent(), after="half-close")
case("json-line", b'{"method":"GET","path":"/plain"}\r\n\r\n', refused(400, 505) + silent(), after="half-close")

# ---------------------------------------------------------------- Host

for name, host, allowed in [
    ("missing", None, refused(400)),
    ("empty", "Host:", refused(400)),
    ("twice", "Host: gateway.test\r\nHost: gateway.test", refused(400)),
    ("two", "Host: gateway.test\r\nHost: other.test", refused(400)),
    ("two-far-apart", "Host: a.test\r\nX-A: b\r\nhost: a.test", refused(400)),
    ("list", "Host: a.test, b.test", refused(400)),
    ("space", "Host: a b", refused(400)),
    ("path", "Host: a.test/x", refused(400)),
    ("user", "Host: u@a.test", refused(400)),
    ("scheme", "Host: http://a.test", refused(400)),
    ("query", "Host: a.test?x", refused(400)),
    ("fragment", "Host: a.test#x", refused(400)),
    ("backslash", "Host: a.test\\b", refused(400)),
    ("angle", "Host: <a>", refused(400)),
    ("quote", 'Host: "a.test"', refused(400)),
    ("control", "Host: a\x01b", refused(400)),
    ("nul", "Host: a\0b", refused(400)),
    ("high-byte", "Host: \xe9.test", refused(400)),
    ("port-letters", "Host: a.test:http", refused(400)),
    ("two-ports", "Host: a.test:80:80", refused(400)),
    ("port-too-big", "Host: a.test:99999", refused(400)),
    ("port-sign", "Host: a.test:-1", refused(400)),
    ("v6-open", "Host: [::1", refused(400)),
    ("v6-rest", "Host: [::1]x", refused(400)),
    ("v6-letters", "Host: [xyz]", refused(400)),
    ("port-empty", "Host: a.test:", served() + refused(400)),  # RFC 3986 3.2.3 allows it
    ("v6", "Host: [::1]:8080", served()),
    ("underscore", "Host: a_b.test", served()),
    ("upper-case", "HOST: GATEWAY.TEST", served()),
    ("white-space", "Host: \t gateway.test \t", served()),
    ("no-space", "Host:gateway.test", served()),
]:
    case("host-" + name, plain(host=host), allowed)

# ---------------------------------------------------------------- headers

for name, field, allowed in [
    ("space-before-colon", "X-A : b", refused(400)),
    ("tab-before-colon", "X-A\t: b", refused(400)),
    ("no-colon", "X-A", refused(400)),
    ("empty-name", ": b", refused(400)),
    ("space-in-name", "X A: b", refused(400)),
    ("paren-in-name", "X(A): b", refused(400)),
    ("slash-in-name", "X/A: b", refused(400)),
    ("at-in-name", "X@A: b", refused(400)),
    ("quote-in-name", 'X"A: b', refused(400)),
    ("high-byte-in-name", "X\xe9: b", refused(400)),
    ("control-in-name", "X\x02: b", refused(400)),
    ("nul-in-name", "X\0A: b", refused(400)),
    ("bare-cr-in-name", "X\rA: b", refused(400)),
    ("nul-in-value", "X-A: b\0c", refused(400)),
    ("nul-at-end", "X-A: b\0", refused(400)),
    ("control-in-value", "X-A: b\x01c", refused(400)),
    ("escape-in-value", "X-A: \x1b[31m", refused(400)),
    ("del-in-value", "X-A: \x7f", refused(400)),
    ("vertical-tab-in-value", "X-A: b\x0bc", refused(400)),
    ("bare-cr-in-value", "X-A: b\rc", refused(400)),
    ("bare-cr-as-line", "X-A: b\rTransfer-Encoding: chunked", refused(400)),
    ("fold-space", "X-A: b\r\n c", refused(400)),
    ("fold-tab", "X-A: b\r\n\tc", refused(400)),
    ("fold-host", "X-A: b\r\n Host: c", refused(400)),
    ("fold-empty", "X-A: b\r\n \r\nX-B: c", refused(400)),
    ("bare-lf", "X-A: b\nX-B: c", refused(400) + served() + served_closed()),
    ("lf-lf", "X-A: b\n\nGET /smuggled HTTP/1.1", refused(400) + first_then(1, 400)),
    ("long-name", "X" * 9000 + ": a", refused(400, 431)),
    ("long-value", "X-A: " + "b" * 9000, refused(431)),
    ("long-value-twice-the-pool", "X-A: " + "b" * 40000, refused(431)),
    ("just-fits", "X-A: " + "b" * 6000, served()),
    ("value-empty", "X-A:", served()),
    ("value-tab", "X-A: b\tc", served()),
    ("value-high-byte", "X-A: \xe9", served()),
    ("value-colon", "X-A: b:c: d", served()),
    ("name-marks", "!#$%&'*+-.^_`|~: a", served()),
    ("expect-unknown", "Expect: 200-ok", refused(417)),
    ("expect-list", "Expect: 100-continue, more", refused(417)),
    ("expect-empty", "Expect:", refused(400, 417) + served()),
    ("expect-without-body", "Expect: 100-continue", served()),
]:
    case("header-" + name, plain(field), allowed)
case("header-first-is-folded", b"GET /plain HTTP/1.1\r\n Host: gateway.test\r\n\r\n", refused(400))
case("header-white-space-line", b"GET /plain HTTP/1.1\r\n \r\nHost: gateway.test\r\n\r\n", refused(400))
case("headers-60", plain(*["X-%d: a" % n for n in range(60)]), served())
case("headers-101", plain(*["X-%d: a" % n for n in range(101)]), refused(431))
case("headers-1000", plain(*["X-%d: a" % n for n in range(1000)]), refused(431))
case("headers-20k-in-all", plain(*["X-%d: %s" % (n, "b" * 500) for n in range(40)]), refused(431))


def endless(first, piece, total=4 * MIB):
    """Bytes that never come to an end of their own."""

    def pieces():
        yield first
        for _ in range(total // len(piece)):
            yield piece

    return pieces


case(
    "headers-endless",
    endless(b"GET /plain HTTP/1.1\r\nHost: gateway.test\r\n", b"X-Abc: defgh\r\n" * 1000),
    refused(431),
)
case("header-endless", endless(b"GET /plain HTTP/1.1\r\nHost: gateway.test\r\nX: ", b"a" * 65536), refused(431))
case("line-endless", endless(b"GET /plain?", b"a" * 65536), refused(414, 431))
case("line-endless-method", endless(b"", b"A" * 65536), refused(400, 405, 414, 431, 501) + silent())
case("line-9k", line("GET /q?" + "a" * 9000 + " HTTP/1.1"), refused(414, 431))
case("line-40k", line("GET /" + "a" * 40000 + " HTTP/1.1"), refused(414, 431))
case(
    "line-6k",
    line("GET /q?a=" + "b" * 6000 + " HTTP/1.1"),
    served(),
    check=lambda requests, answers: requests[0].target == "/q?a=" + "b" * 6000,
)

# ---------------------------------------------------------------- what may not be passed on


def absent(*names):
    return lambda requests, answers: not any(requests[0].values(name) for name in names)


def every(*checks):
    return lambda requests, answers: all(check(requests, answers) for check in checks)


def passed(name, value):
    return lambda requests, answers: requests[0].values(name) == [value]


def all_headers(*fields):
    return request("GET /h HTTP/1.1", *fields)


case(
    "hop-connection-lists",
    all_headers("Connection: X-Secret, X-Other", "X-Secret: 1", "X-Other: 2", "X-Kept: 3"),
    served() + served_closed(),
    check=every(absent("X-Secret", "X-Other"), passed("X-Kept", "3")),
)
case(
    "hop-connection-twice",
    all_headers("Connection: X-Secret", "Connection: X-Other", "X-Secret: 1", "X-Other: 2"),
    served() + served_closed(),
    check=absent("X-Secret", "X-Other"),
)
case(
    "hop-connection-close",
    all_headers("Connection: close, X-Secret", "X-Secret: 1"),
    served_closed(),
    check=absent("X-Secret"),
)
# A client must not be able to take away what the gateway adds.
case(
    "hop-connection-lists-forwarded",
    all_headers("Connection: X-Forwarded-For, X-Forwarded-Host"),
    served() + served_closed(),
    check=lambda requests, answers: requests[0].values("X-Forwarded-For") == ["127.0.0.1"],
)
case(
    "hop-fields",
    all_headers(
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "Trailer: X-A",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic YTpi",
        "HTTP2-Settings: AAMAAABk",
    ),
    served() + served_closed(),
    check=absent("Keep-Alive", "TE", "Trailer", "Proxy-Connection", "Proxy-Authorization", "HTTP2-Settings"),
)
case(
    "upgrade-websocket",
    all_headers(
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
    served() + served_closed() + refused(400),
    check=lambda requests, answers: not requests or absent("Upgrade")(requests, answers),
)
case(
    "upgrade-h2c",
    all_headers("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
    served() + served_closed() + refused(400),
    check=lambda requests, answers: not requests or absent("Upgrade", "HTTP2-Settings")(requests, answers),
)
case(
    "upgrade-with-post",
    request("POST /post HTTP/1.1", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 2", body=b"{}"),
    served() + served_closed() + refused(400),
)
case(
    "spoofed-forwarded",
    all_headers("X-Forwarded-For: 10.0.0.1, junk", "X-Forwarded-Host: evil.test"),
    served(),
    check=every(
        lambda requests, answers: len(requests[0].values("X-Forwarded-For")) == 1, forwarded_host("gateway.test")
    ),
)
case(
    "method-override",
    all_headers("X-HTTP-Method-Override: POST"),
    served(),
    check=lambda requests, answers: requests[0].method == "GET",
)
case("content-length-to-get", all_headers("Content-Length: 0"), served())

# ---------------------------------------------------------------- paths

for name, path, allowed in [
    ("dots", "/p/..", refused_kept(301, 400, 404)),
    ("dot", "/p/.", refused_kept(301, 400, 404)),
    ("dots-encoded", "/p/%2e%2e", refused_kept(400)),
    ("dots-encoded-upper", "/p/%2E%2E", refused_kept(400)),
    ("dots-half-encoded", "/p/.%2e", refused_kept(400)),
    ("dots-other-half", "/p/%2e.", refused_kept(400)),
    ("dot-encoded", "/p/%2e", refused_kept(400)),
    ("dots-twice-encoded", "/p/%252e%252e", refused_kept(400)),
    ("dots-then-path", "/p/../smuggled", refused_kept(301, 400, 404)),
    ("dots-encoded-then-path", "/p/%2e%2e/smuggled", refused_kept(301, 400, 404)),
    ("slash-encoded", "/p/a%2Fb", refused_kept(400, 404)),
    ("slash-twice-encoded", "/p/a%252Fb", refused_kept(400)),
    ("escape-encoded", "/p/a%2520b", refused_kept(400)),
    ("question-encoded", "/p/a%3Fb", refused_kept(400)),
    ("fragment-encoded", "/p/a%23b", refused_kept(400)),
    ("nul-encoded", "/p/a%00b", refused_kept(400)),
    ("nul-encoded-at-end", "/p/a%00", refused_kept(400)),
    ("cr-encoded", "/p/a%0db", refused_kept(400)),
    ("lf-encoded", "/p/a%0ab", refused_kept(400)),
    ("header-injection", "/p/a%0d%0aX-Evil:%20b", refused_kept(400)),
    ("request-injection", "/p/a%20HTTP/1.1%0d%0a%0d%0aGET%20/smuggled", refused_kept(400, 404)),
    ("del-encoded", "/p/a%7fb", refused_kept(400)),
    ("escape-broken", "/p/a%zz", refused_kept(400)),
    ("escape-short", "/p/a%2", refused_kept(400)),
    ("escape-alone", "/p/%", refused_kept(400)),
    ("escape-u", "/p/%u0041", refused_kept(400)),
    ("empty-parameter", "/p/", refused_kept(301, 400, 404)),
    ("two-slashes", "//plain", refused_kept(301, 404)),
    ("slashes-as-host", "//evil.test/plain", refused_kept(301, 400, 404)),
    ("dot-segment", "/./plain", refused_kept(301, 400, 404)),
    ("dots-up-and-down", "/x/../plain", refused_kept(301, 400, 404)),
    ("above-the-root", "/../../plain", refused_kept(301, 400, 404)),
    ("semicolon-dots", "/p/..;/x", refused_kept(301, 400, 404)),
    ("health-below", "/__health/../smuggled", refused_kept(301, 400, 404)),
]:
    case("path-" + name, line("GET %s HTTP/1.1" % path), allowed)


def one_target(*expected):
    return lambda requests, answers: not requests or requests[0].target in expected


for name, path, targets in [
    ("space", "/p/a%20b", ["/p/a%20b"]),
    ("utf8", "/p/%C3%A9", ["/p/%C3%A9"]),
    ("utf8-lower-case", "/p/%c3%a9", ["/p/%C3%A9", "/p/%c3%a9"]),
    ("sub-delims", "/p/a:b@c!$&'()*+,=;", None),
    ("plus", "/p/a+b", ["/p/a+b", "/p/a%2Bb"]),
    ("literal-encoded", "/%70lain", ["/plain"]),
    ("tilde", "/p/~a", ["/p/~a"]),
    ("three-dots", "/p/...", ["/p/..."]),
    ("dots-in-name", "/p/..a", ["/p/..a"]),
]:
    case("path-" + name, line("GET %s HTTP/1.1" % path), served(), check=one_target(*targets) if targets else None)
for name, path in [
    ("backslash", "/p/a\\b"),
    ("backslash-dots", "/p/..\\..\\x"),
    ("backslash-encoded", "/p/%5c..%5cx"),
    ("invalid-utf8", "/p/%ff%fe"),
    ("overlong-utf8", "/p/%c0%ae%c0%ae"),
    ("raw-high-byte", "/p/\xff"),
    ("quote", '/p/"a"'),
    ("angle", "/p/<a>"),
    ("braces", "/p/{x}"),
    ("pipe", "/p/a|b"),
]:
    # Refused, or passed on in clean ASCII: the backend's own parser is the judge.
    case(
        "path-" + name,
        line("GET %s HTTP/1.1" % path),
        served() + refused_kept(400, 404),
        check=lambda requests, answers: all(b"\\" not in r.target.encode() and r.target.isascii() for r in requests),
    )
for name, query in [
    ("crlf-encoded", "a=%0d%0aX-Evil:%20b"),
    ("nul-encoded", "a=%00"),
    ("escape-broken", "a=%zz"),
    ("escape-alone", "%"),
    ("marks", "a=1&&;b=2&=3&c"),
    ("dots", "a=/../.."),
    ("slashes", "a=//b?c"),
    ("plus", "a=b+c"),
    ("empty", ""),
    ("many", "&".join("a%d=b" % n for n in range(150))),
]:
    case(
        "query-" + name,
        line("GET /q?%s HTTP/1.1" % query),
        served() + refused_kept(400),
        check=lambda requests, answers: not requests or requests[0].target.startswith("/q"),
    )
case(
    "query-very-many",
    line("GET /q?%s HTTP/1.1" % "&".join("a%d=b" % n for n in range(800))),
    served() + refused(414, 431),
)
case("query-not-listed", line("GET /plain?x=%0d%0a HTTP/1.1"), served(), check=one_target("/plain"))

# ---------------------------------------------------------------- framing: on a buffered and on a streamed endpoint

FRAMING = []


def framing(name, fields, body, outcomes, after="", streamed=None, version="HTTP/1.1", check=None, send=None):
    """`streamed`: the outcomes of the streamed endpoint, where they are others."""
    FRAMING.append((name, fields, body, outcomes, after, streamed, version, check, send))


CHUNKED = "Transfer-Encoding: chunked"
GOOD_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def got(body):
    return lambda requests, answers: requests[0].body == body


hello = got(b"hello")
framing("length", ["Content-Length: 5"], b"hello", served(), check=hello)
framing("length-zero", ["Content-Length: 0"], b"", served(), check=got(b""))
framing("length-leading-zeros", ["Content-Length: 005"], b"hello", served(), check=hello)
framing("length-white-space", ["Content-Length: \t5 "], b"hello", served(), check=hello)
framing("no-length", [], b"", served(), check=got(b""))
framing("chunked", [CHUNKED], GOOD_CHUNKS, served(), check=hello)
framing("chunked-upper-case", ["Transfer-Encoding: CHUNKED"], GOOD_CHUNKS, served() + refused(400, 501))
for name, value in [
    ("plus", "+5"),
    ("minus", "-5"),
    ("letter", "5a"),
    ("hex", "0x5"),
    ("empty", ""),
    ("list-same", "5, 5"),
    ("list", "5, 0"),
    ("list-empty", "5,"),
    ("two-words", "5 0"),
    ("fraction", "5.0"),
    ("exponent", "5e0"),
    ("parameter", "5;a=b"),
    ("quoted", '"5"'),
    ("arabic", "\xd9\xa5"),
    ("underscore", "1_0"),
    ("vertical-tab", "\x0b5"),
    ("nul", "5\0"),
]:
    framing("length-" + name, ["Content-Length: " + value], b"hello" + SMUGGLED, refused(400))
for name, value in [("2-63", "9223372036854775808"), ("2-64-and-5", "18446744073709551621"), ("huge", "9" * 100)]:
    framing("length-" + name, ["Content-Length: " + value], b"hello" + SMUGGLED, refused(400, 413))
framing("length-twice-same", ["Content-Length: 5", "Content-Length: 5"], b"hello", refused(400))
framing("length-twice", ["Content-Length: 5", "Content-Length: 0"], b"hello" + SMUGGLED, refused(400))
framing("length-twice-reversed", ["Content-Length: 0", "Content-Length: 5"], SMUGGLED, refused(400))
framing("length-space-before-colon", ["Content-Length : 5"], b"hello", refused(400))
framing("length-space-before-colon-beside-good", ["Content-Length: 0", "Content-Length : 5"], SMUGGLED, refused(400))
framing("length-folded", ["Content-Length:\r\n 5"], b"hello", refused(400))
framing("length-after-bare-cr", ["X-A: b\rContent-Length: 70"], SMUGGLED, refused(400))
framing("length-underscore-name", ["Content_Length: 50", "Content-Length: 0"], SMUGGLED[:0], served(), check=got(b""))
framing("both-length-first", ["Content-Length: 5", CHUNKED], b"0\r\n\r\n" + SMUGGLED, refused(400))
framing("both-coding-first", [CHUNKED, "Content-Length: 5"], b"0\r\n\r\n" + SMUGGLED, refused(400))
framing(
    "both-length-covers-all",
    ["Content-Length: %d" % (len(SMUGGLED) + 5), CHUNKED],
    b"0\r\n\r\n" + SMUGGLED,
    refused(400),
)
framing("both-length-zero", ["Content-Length: 0", CHUNKED], GOOD_CHUNKS, refused(400))
framing(
    "both-coding-hidden-by-tab",
    ["Content-Length: 5", "Transfer-Encoding\t: chunked"],
    b"0\r\n\r\n" + SMUGGLED,
    refused(400),
)
framing(
    "both-coding-hidden-by-space",
    ["Content-Length: 5", "Transfer-Encoding : chunked"],
    b"0\r\n\r\n" + SMUGGLED,
    refused(400),
)
framing(
    "both-coding-in-fold",
    ["Content-Length: 5", "X-A: b\r\n Transfer-Encoding: chunked"],
    b"0\r\n\r\n" + SMUGGLED,
    refused(400),
)
framing("both-coding-unknown", ["Content-Length: 5", "Transfer-Encoding: x"], b"hello", refused(400, 501))
for name, value in [
    ("unknown", "xchunked"),
    ("prefix", "chunke"),
    ("suffix", "chunkedx"),
    ("gzip-chunked", "gzip, chunked"),
    ("gzip", "gzip"),
    ("chunked-gzip", "chunked, gzip"),
    ("identity", "identity"),
    ("identity-chunked", "identity, chunked"),
    ("chunked-identity", "chunked, identity"),
    ("twice-in-list", "chunked, chunked"),
    ("parameter", "chunked;q=1"),
    ("quoted", '"chunked"'),
    ("empty", ""),
    ("comma", "chunked,"),
    ("comma-first", ",chunked"),
    ("vertical-tab", "\x0bchunked"),
    ("nul", "chunked\0"),
    ("high-byte", "chunked\xa0"),
    ("space-inside", "chun ked"),
    ("cr", "\rchunked"),
]:
    framing("coding-" + name, ["Transfer-Encoding: " + value], GOOD_CHUNKS + SMUGGLED, refused(400, 501))
framing("coding-twice", [CHUNKED, CHUNKED], GOOD_CHUNKS, refused(400))
framing("coding-twice-differing", [CHUNKED, "Transfer-Encoding: identity"], GOOD_CHUNKS, refused(400, 501))
framing("coding-folded", ["Transfer-Encoding:\r\n chunked"], GOOD_CHUNKS, refused(400))
framing("coding-http-1.0", [CHUNKED], GOOD_CHUNKS, refused(400, 505), version="HTTP/1.0")
framing(
    "coding-http-1.0-with-length",
    [CHUNKED, "Content-Length: 5"],
    b"0\r\n\r\n" + SMUGGLED,
    refused(400),
    version="HTTP/1.0",
)
framing("coding-underscore-name", ["Transfer_Encoding: chunked", "Content-Length: 5"], b"hello", served(), check=hello)
framing("te-is-no-framing", ["TE: chunked", "Content-Length: 5"], b"hello", served(), check=hello)

# A broken body is answered with 400. Where the upload is already on its way to the backend, closing must do.
BAD = refused(400)
BAD_STREAMED = refused(400) + silent()
for name, body in [
    ("hex-prefix", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    ("minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    ("letters", b"five\r\nhello\r\n0\r\n\r\n"),
    ("empty-size", b"\r\nhello\r\n0\r\n\r\n"),
    ("leading-space", b" 5\r\nhello\r\n0\r\n\r\n"),
    ("leading-tab", b"\t5\r\nhello\r\n0\r\n\r\n"),
    ("two-sizes", b"5 5\r\nhello\r\n0\r\n\r\n"),
    ("size-comma", b"5,\r\nhello\r\n0\r\n\r\n"),
    ("nul-in-size", b"5\0\r\nhello\r\n0\r\n\r\n"),
    ("high-byte-size", b"\xb5\r\nhello\r\n0\r\n\r\n"),
    ("data-too-long", b"5\r\nhelloX\r\n0\r\n\r\n"),
    ("data-too-short", b"5\r\nhell\r\n0\r\n\r\n"),
    ("no-crlf-after-data", b"5\r\nhello0\r\n\r\n"),
    ("cr-cr-after-data", b"5\r\nhello\r\r0\r\n\r\n"),
    ("17-digits", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("overflow-to-0", b"10000000000000000\r\n\r\n" + SMUGGLED),
    ("many-digits", b"f" * 300 + b"\r\nhello"),
    ("bare-cr-in-size", b"5\rhello\r\n0\r\n\r\n"),
    ("lf-cr", b"5\n\rhello\r\n0\r\n\r\n"),
    ("size-lf", b"5\nhello\r\n0\r\n\r\n"),
    ("data-lf", b"5\r\nhello\n0\r\n\r\n"),
    ("all-lf", b"5\nhello\n0\n\n"),
    ("extension-lf", b"5;a\nhello\r\n0\r\n\r\n"),
    ("extension-bare-cr", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    ("extension-lf-smuggle", b"5;\nxx\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
]:
    framing("chunk-" + name, [CHUNKED], body, refused(400, 413), streamed=refused(400, 413) + silent())
# A size that is one, but that no body has: what follows is data until it ends.
framing(
    "chunk-16-fs",
    [CHUNKED],
    b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    refused(400, 413) + silent(),
    after="half-close",
)
framing(
    "chunk-15-fs",
    [CHUNKED],
    b"fffffffffffffff\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    refused(400, 413) + silent(),
    after="half-close",
)
framing("chunk-extension", [CHUNKED], b"5;a=b\r\nhello\r\n0;c\r\n\r\n", served(), check=hello)
framing("chunk-extension-quoted", [CHUNKED], b'5;a="b;c\\"d"\r\nhello\r\n0\r\n\r\n', served(), check=hello)
framing(
    "chunk-extension-empty", [CHUNKED], b"5;\r\nhello\r\n0\r\n\r\n", served() + BAD, streamed=served() + BAD_STREAMED
)
framing(
    "chunk-extension-nul", [CHUNKED], b"5;\0\r\nhello\r\n0\r\n\r\n", served() + BAD, streamed=served() + BAD_STREAMED
)
framing(
    "chunk-extension-20k",
    [CHUNKED],
    b"5;a=" + b"b" * 20000 + b"\r\nhello\r\n0\r\n\r\n",
    refused(400, 413, 431) + served(),
    streamed=refused(400, 413, 431) + silent() + served(),
)
framing(
    "chunk-trailing-space", [CHUNKED], b"5 \r\nhello\r\n0\r\n\r\n", served() + BAD, streamed=served() + BAD_STREAMED
)
framing("chunk-leading-zeros", [CHUNKED], b"0005\r\nhello\r\n00\r\n\r\n", served(), check=hello)
framing("chunk-upper-hex", [CHUNKED], b"A\r\nhellohello\r\n0\r\n\r\n", served(), check=got(b"hellohello"))
framing("chunk-lower-hex", [CHUNKED], b"a\r\nhellohello\r\n0\r\n\r\n", served(), check=got(b"hellohello"))
framing("chunks-of-one", [CHUNKED], b"1\r\na\r\n" * 3000 + b"0\r\n\r\n", served(), check=got(b"a" * 3000))
framing(
    "chunks-byte-by-byte",
    [CHUNKED],
    b"",
    served(),
    check=hello,
    send=lambda head: [head] + [bytes([b]) for b in GOOD_CHUNKS],
)
framing("chunk-empty-body", [CHUNKED], b"0\r\n\r\n", served(), check=got(b""))


def no_trailer(requests, answers):
    """A trailer never becomes a header, least of all one that frames."""
    return (
        requests[0].body == b"hello"
        and not requests[0].values("X-Trailer")
        and requests[0].values("Host") != ["evil.test"]
    )


framing("trailer", [CHUNKED], b"5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n", served(), check=no_trailer)
for name, trailer in [
    ("length", b"Content-Length: 50"),
    ("coding", b"Transfer-Encoding: gzip"),
    ("host", b"Host: evil.test"),
]:
    framing(
        "trailer-" + name,
        [CHUNKED],
        b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n",
        served() + BAD,
        streamed=served() + BAD_STREAMED,
        check=lambda requests, answers: not requests or no_trailer(requests, answers),
    )
for name, trailer in [("no-colon", b"junk"), ("space", b" a: b"), ("nul", b"a: \0"), ("bare-cr", b"a: b\rc")]:
    framing(
        "trailer-" + name,
        [CHUNKED],
        b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n",
        BAD + served() + served_closed(),
        streamed=BAD_STREAMED + served() + served_closed(),
    )
framing(
    "trailer-40k",
    [CHUNKED],
    b"5\r\nhello\r\n0\r\n" + b"X-A: bcdefghi\r\n" * 3000 + b"\r\n",
    refused(400, 413, 431),
    streamed=refused(400, 413, 431) + silent() + served_closed(),
)

# Bodies that end before they should: the backend must never take one for whole.
for name, fields, body in [
    ("length-nothing", ["Content-Length: 5"], b""),
    ("length-short", ["Content-Length: 5"], b"hell"),
    ("length-short-by-much", ["Content-Length: 100000"], b"a" * 50000),
    ("chunk-none", [CHUNKED], b""),
    ("chunk-in-size", [CHUNKED], b"5"),
    ("chunk-in-size-cr", [CHUNKED], b"5\r"),
    ("chunk-after-size", [CHUNKED], b"5\r\n"),
    ("chunk-in-data", [CHUNKED], b"5\r\nhel"),
    ("chunk-after-data", [CHUNKED], b"5\r\nhello"),
    ("chunk-after-data-cr", [CHUNKED], b"5\r\nhello\r"),
    ("chunk-before-last", [CHUNKED], b"5\r\nhello\r\n"),
    ("chunk-in-last", [CHUNKED], b"5\r\nhello\r\n0"),
    ("chunk-after-last", [CHUNKED], b"5\r\nhello\r\n0\r\n"),
    ("chunk-in-trailer", [CHUNKED], b"5\r\nhello\r\n0\r\nX-A: b"),
]:
    for after in ("half-close", "reset"):
        framing("cut-%s-%s" % (name, after), fields, body, refused(400, 408) + silent(), after=after)

# Expect (RFC 9110 10.1.1)
framing("expect-continue", ["Expect: 100-continue", "Content-Length: 5"], b"hello", served(), check=hello)
framing("expect-upper-case", ["Expect: 100-Continue", "Content-Length: 5"], b"hello", served(), check=hello)
framing("expect-unknown", ["Expect: 200-ok", "Content-Length: 5"], b"hello", refused(417))
framing(
    "expect-http-1.0",
    ["Expect: 100-continue", "Content-Length: 5"],
    b"hello",
    served_closed(),
    version="HTTP/1.0",
    check=hello,
)

for name, fields, body, outcomes, after, streamed, version, check, send in FRAMING:
    for path in ("/post", "/stream"):
        head = request("POST %s %s" % (path, version), *fields)
        case(
            "%s-%s" % (path[1:], name),
            send(head) if send else head + body,
            streamed if streamed is not None and path == "/stream" else outcomes,
            after,
            check,
        )

# ---------------------------------------------------------------- big bodies (the limit is 10 MiB where a body is kept)


def big(fields, pieces, path="/post"):
    def whole():
        yield request("POST %s HTTP/1.1" % path, *fields)
        yield from pieces()

    return whole


def blocks(n, piece=b"a" * 65536):
    return lambda: (piece for _ in range(n))


case(
    "post-10-mib",
    big(["Content-Length: %d" % (10 * MIB)], blocks(160)),
    served(),
    check=lambda requests, answers: requests[0].body == b"a" * (10 * MIB),
)
case("post-10-mib-and-1", request("POST /post HTTP/1.1", "Content-Length: %d" % (10 * MIB + 1)), refused(413))
case("post-10-mib-and-1-sent", big(["Content-Length: %d" % (10 * MIB + 1)], blocks(161)), refused(413))
case("post-1-tib", request("POST /post HTTP/1.1", "Content-Length: %d" % (1 << 40)), refused(413))
case(
    "post-1-tib-expect",
    request("POST /post HTTP/1.1", "Content-Length: %d" % (1 << 40), "Expect: 100-continue"),
    refused(413),
)
case("post-chunks-12-mib", big([CHUNKED], blocks(192, b"10000\r\n" + b"a" * 65536 + b"\r\n")), refused(413))
case("post-chunk-of-1-gib", big([CHUNKED], lambda: iter([b"40000000\r\n"] + [b"a" * 65536] * 176)), refused(408, 413))
case("post-chunks-endless", big([CHUNKED], blocks(1 << 12, b"10000\r\n" + b"a" * 65536 + b"\r\n")), refused(413))
case("get-with-a-body", request("GET /plain HTTP/1.1", "Content-Length: 5", body=b"hello") + plain(), served(2))
case("get-with-20-mib", request("GET /plain HTTP/1.1", "Content-Length: %d" % (20 * MIB)), refused(413))
case(
    "unknown-path-with-20-mib", request("POST /nowhere HTTP/1.1", "Content-Length: %d" % (20 * MIB)), refused(404, 413)
)
case(
    "wrong-method-with-chunks",
    big([CHUNKED], blocks(400, b"10000\r\n" + b"a" * 65536 + b"\r\n"), path="/plain"),
    refused(405, 413),
)

# ---------------------------------------------------------------- pipelining

post = request("POST /post HTTP/1.1", "Content-Length: 5", body=b"hello")
chunked = request("POST /post HTTP/1.1", CHUNKED, body=GOOD_CHUNKS)
case("pipe-two", plain() * 2, served(2))
case("pipe-twenty", plain() * 20, served(20))
case("pipe-post-get", post + plain(), served(2))
case("pipe-chunked-get", chunked + plain(), served(2))
case("pipe-chunked-post-get", chunked + post + plain(), served(3))
case(
    "pipe-stream-get",
    request("POST /stream HTTP/1.1", CHUNKED, body=GOOD_CHUNKS) + plain(),
    served(2) + served_closed(1),
)
case("pipe-byte-by-byte", lambda: [bytes([b]) for b in post + chunked + plain()], served(3))
case("pipe-empty-line-between", post + b"\r\n" + plain(), served(2))
case("pipe-garbage", plain() + b"\0\1\2garbage\r\n\r\n", first_then(1, 400, 405, 501, 505) + served_closed(1))
case("pipe-bad-host", plain() + plain(host="Host: a b"), first_then(1, 400))
case(
    "pipe-both-framings",
    plain() + request("POST /post HTTP/1.1", "Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
    first_then(1, 400),
)
case("pipe-bad-chunk", plain() + request("POST /post HTTP/1.1", CHUNKED, body=b"x\r\n" + SMUGGLED), first_then(1, 400))
case(
    "pipe-body-longer-than-said",
    request("POST /post HTTP/1.1", "Content-Length: 5", body=b"hello world\r\n\r\n"),
    first_then(1, 400, 405, 501, 505) + served_closed(1),
)
case(
    "pipe-half-a-request",
    plain() + b"GET /smuggled HTTP/1.1\r\nHost: gate",
    [Outcome((frozenset([200]),), (1,)), Outcome((frozenset([200]), frozenset([400, 408])), (1,)), Outcome((), (0, 1))],
    after="half-close",
)
case("pipe-after-close", plain("Connection: close") + SMUGGLED, served_closed(1))
case("pipe-after-http-1.0", line("GET /plain HTTP/1.0") + SMUGGLED, served_closed(1))
case(
    "pipe-after-404",
    line("GET /nowhere HTTP/1.1") + plain(),
    [Outcome((frozenset([404]), frozenset([200])), (1,), closes=False), Outcome((frozenset([404]),))],
)
case(
    "pipe-after-405-with-body",
    request("POST /plain HTTP/1.1", "Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + plain(),
    [Outcome((frozenset([405]), frozenset([200])), (1,), closes=False), Outcome((frozenset([405]),))],
)
case("pipe-after-413", request("POST /post HTTP/1.1", "Content-Length: %d" % (20 * MIB), body=SMUGGLED), refused(413))
case(
    "pipe-after-417",
    request("POST /post HTTP/1.1", "Expect: x", "Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    refused(417),
)
case(
    "pipe-after-get-with-length",
    request("GET /plain HTTP/1.1", "Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    served(),
)
case(
    "pipe-after-head",
    request("HEAD /nowhere HTTP/1.1") + plain(),
    [Outcome((frozenset([404]), frozenset([200])), (1,), closes=False), Outcome((frozenset([404]),))],
)

# ---------------------------------------------------------------- ends

# An end of the client's side may mean that it is gone; then its request is cancelled.
case("end-half-close-after-request", plain(), served() + served_closed() + [Outcome((), (0, 1))], after="half-close")
case("end-half-close-in-head", plain()[:-10], silent() + refused(400, 408), after="half-close")
case("end-half-close-in-line", b"GET /pl", silent() + refused(400, 408), after="half-close")
case("end-reset-after-request", plain(), [Outcome((), (0, 1))], after="reset")
case("end-reset-in-head", plain()[:-2], silent(), after="reset")
case("end-reset-in-line", b"GET", silent(), after="reset")
case("end-reset-after-post", post, [Outcome((), (0, 1))], after="reset")
case("end-reset-of-10-mib", big(["Content-Length: %d" % (10 * MIB)], blocks(100)), silent(), after="reset")
case(
    "end-reset-of-stream",
    big(["Content-Length: %d" % (10 * MIB)], blocks(100), path="/stream"),
    silent(),
    after="reset",
)


# ---------------------------------------------------------------- the run


@pytest.fixture(scope="module")
def evil_backend():
    with Backend(lambda peer, req: b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}') as one:
        yield one


@pytest.fixture(scope="module")
def lasting_gateway(tmp_path_factory, evil_backend, innocent_backend):
    config = fill(CONFIG, evil=evil_backend.url, good=innocent_backend.url)
    with Lasting(config, tmp_path_factory.mktemp("raw-clients")) as one:
        yield one
    innocent_backend.check()


@pytest.fixture
def gateway(lasting_gateway):
    return lasting_gateway.get()


def converse(wire, case):
    """Sends what the case says and gives back the answers and whether remora closed by itself."""
    send = case.send() if callable(case.send) else case.send
    most = max(len(outcome.statuses) for outcome in case.outcomes)
    wire.send(send)
    if case.after == "reset":
        wire.reset()
        return [], True
    if case.after == "half-close":
        wire.half_close()
    answers = []
    method = "HEAD" if isinstance(send, bytes) and send.startswith(b"HEAD ") else "GET"
    while len(answers) < most:
        answer = wire.answer(method if not answers else "GET")
        if answer is None:
            break
        assert answer.whole, answer
        answers.append(answer)
        statuses = [one.status for one in answers]
        fitting = [outcome for outcome in case.outcomes if outcome.fits(statuses)]
        assert fitting, "answers %s" % statuses
        if all(len(outcome.statuses) == len(answers) for outcome in fitting):
            break
    if case.after == "half-close":
        rest = wire.to_end()
        assert not rest, "more than was asked for: %r" % rest[:500]
        return answers, True
    statuses = [one.status for one in answers]
    fitting = [
        outcome for outcome in case.outcomes if outcome.fits(statuses) and len(outcome.statuses) == len(statuses)
    ]
    if fitting and not any(outcome.closes for outcome in fitting):
        wire.half_close()
        rest = wire.to_end()
        assert not rest, "more than was asked for: %r" % rest[:500]
        return answers, False
    if not any(not outcome.closes for outcome in fitting):
        rest = wire.to_end()  # by itself: nothing was said or closed here
        assert not rest, "more than was asked for: %r" % rest[:500]
        return answers, True
    says_close = any((one.header("Connection") or "").lower() == "close" for one in answers[-1:])
    if not says_close:
        wire.half_close()
    rest = wire.to_end()
    assert not rest, "more than was asked for: %r" % rest[:500]
    return answers, says_close


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_client(case, gateway, evil_backend, innocent_backend):
    evil_backend.forget()
    gateway.reset_peak()
    with Innocent(gateway, innocent_backend):
        with gateway.wire() as wire:
            answers, closed = converse(wire, case)
        evil_backend.settle()
    statuses = [answer.status for answer in answers]
    gateway.check_alive()

    after = gateway.ask("/after")
    assert after.status == 200 and after.whole and after.completed == "true"
    gateway.check_memory()

    evil_backend.settle()
    requests = list(evil_backend.requests)
    assert not [one.target for one in evil_backend.heads if "smuggled" in one.target], "a request was smuggled"
    fitting = [
        outcome
        for outcome in case.outcomes
        if len(outcome.statuses) == len(statuses)
        and outcome.fits(statuses)
        and len(requests) in outcome.hits
        and (closed or not outcome.closes)
    ]
    assert fitting, "answers %s, %s, %d whole requests at the backend" % (
        statuses,
        "closed" if closed else "kept",
        len(requests),
    )
    if case.check:
        assert case.check(requests, answers), (requests, answers)
    evil_backend.check()


def test_reset_after_pipelined(start, backend):
    """Not one of the cases: how many of the requests are still answered, and when the last one is, nobody can see; in a
    gateway of its own they cannot be taken for those of another case."""
    far = backend(lambda peer, req: b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}')
    remora = start(fill(CONFIG, evil=far.url, good=far.url))
    for _ in range(5):
        with remora.wire() as wire:
            wire.send(plain() * 10)
            wire.reset()
        after = remora.ask("/after")
        assert after.status == 200 and after.whole and after.completed == "true"


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) and len(names) >= 200


@pytest.mark.parametrize("path", ["/post", "/stream"])
def test_expect_is_answered_before_the_body(path, gateway):
    """A client that waits for 100 gets it; it has not sent its body yet."""
    with gateway.wire() as wire:
        wire.send(request("POST %s HTTP/1.1" % path, "Expect: 100-continue", "Content-Length: 5"))
        assert wire.peek().startswith(b"HTTP/1.1 100 ")
        wire.send(b"hello")
        answer = wire.answer()
        assert wire.interim == [100] and answer.status == 200


@pytest.mark.parametrize("length,expect,status", [(1 << 40, "100-continue", 413), (5, "other", 417)])
def test_a_refusal_comes_without_100(length, expect, status, gateway):
    with gateway.wire() as wire:
        wire.send(request("POST /post HTTP/1.1", "Expect: " + expect, "Content-Length: %d" % length))
        answer = wire.answer()
        assert wire.interim == [] and answer.status == status
        assert wire.to_end() == b""


def test_noise_of_many_kinds_ends_nothing(gateway, evil_backend):
    """Mutations of good requests, from a fixed seed: whatever they are answered, remora lives and smuggles nothing."""
    evil_backend.forget()
    seeds = [
        plain("X-A: b"),
        post,
        chunked,
        request("POST /stream HTTP/1.1", CHUNKED, body=GOOD_CHUNKS),
        line("GET /p/a?b HTTP/1.1"),
    ]
    dice = random.Random(int(os.environ.get("REMORA_TEST_SEED") or 20))
    for _ in range(150):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            kind = dice.randrange(4)
            if kind == 0:
                data[at] = dice.choice(b"\0\r\n\t :;,%/0\xff")
            elif kind == 1:
                data.insert(at, dice.choice(b"\0\r\n\t :;,%/0\xff"))
            elif kind == 2:
                del data[at]
            else:
                data[at:at] = data[max(0, at - 9) : at]
        with gateway.wire() as wire:
            wire.send(bytes(data))
            wire.half_close()
            wire.to_end()
    gateway.check_alive()
    evil_backend.settle()
    evil_backend.check()
    assert gateway.ask("/after").status == 200
