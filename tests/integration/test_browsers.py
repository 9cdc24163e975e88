"""CORS and security headers over the wire: on every answer, whoever makes it, and preflights that go no further."""
# SPDX-License-Identifier: Apache-2.0
import pytest

from kit.backend import answer
from kit.certificates import Authority, client_context
from kit.gateway import fill
from kit.waiting import until


@pytest.fixture
def far(backend):
    return backend(lambda peer, req: answer(b'{"a":1}'))


SERVICE = """
version: 3
listen_ip: 127.0.0.1
extra_config: {$policy}
endpoints:
  - endpoint: /a
    output_encoding: $encoding
    backend: [{host: ["$backend"], url_pattern: /a}]
"""
CORS = "security/cors: {allow_origins: ['https://shop.test'], expose_headers: [X-Out], max_age: 10m}"
ORIGIN = "Origin: https://shop.test"
HEADERS = "security/http: {frame_deny: true, content_type_nosniff: true, sts_seconds: 60, sts_include_subdomains: true}"


@pytest.mark.parametrize("encoding", ["json", "no-op"])
def test_scripts_of_an_origin_read_every_answer(encoding, start, backend):
    far = backend(lambda peer, req: answer(b'{"a":1}', "200 OK", "Access-Control-Allow-Origin: *", "Vary: Accept"))
    remora = start(fill(SERVICE, policy=CORS, encoding=encoding, backend=far.url))
    for path, status in (("/a", 200), ("/none", 404), ("/a/", 301), ("/__health", 200)):
        said = remora.ask(path, ORIGIN)
        assert said.status == status
        assert said.header("Access-Control-Allow-Origin") == "https://shop.test"
        assert said.header("Access-Control-Expose-Headers") == "X-Out"
        assert b"Origin" in [value for name, value in said.headers if name == b"vary"]
    # What is passed through without an Origin is the backend's own.
    assert remora.ask("/a").header("Access-Control-Allow-Origin") == ("*" if encoding == "no-op" else None)


@pytest.mark.parametrize("path", ["/a", "/none", "/__health"])
def test_a_preflight_is_answered_here(path, start, far):
    remora = start(fill(SERVICE, policy=CORS, encoding="json", backend=far.url))
    said = remora.ask(path, ORIGIN, "Access-Control-Request-Method: GET", method="OPTIONS")
    assert (said.status, said.body) == (204, b"")
    assert said.header("Access-Control-Allow-Origin") == "https://shop.test"
    assert said.header("Access-Control-Allow-Methods") == "GET"
    assert said.header("Access-Control-Max-Age") == "600"
    assert not far.requests and "error=" not in remora.log()


@pytest.mark.parametrize("tls", [False, True])
def test_security_headers_are_on_every_answer(tls, start, far, tmp_path):
    config, context = fill(SERVICE, policy=HEADERS, encoding="json", backend=far.url), None
    if tls:
        authority = Authority(tmp_path)
        config += "tls: {keys: [{public_key: %s, private_key: %s}]}\n" % authority.issue("server")
        context = client_context(authority)
    remora = start(config, tls=context)
    for path in ("/a", "/none", "/__health"):
        said = remora.ask(path)
        assert said.header("X-Frame-Options") == "DENY"
        assert said.header("X-Content-Type-Options") == "nosniff"
        assert said.header("Strict-Transport-Security") == ("max-age=60; includeSubDomains" if tls else None)


def listening(remora):
    """It turns away what asks it whether it is there, and so says that it is."""

    def answers():
        try:
            return remora.ask("/__health").status
        except OSError:
            return None

    until(answers, "remora's port")
    return remora


def test_a_host_that_is_not_served(start, far):
    policy = "security/http: {allowed_hosts: [shop.test]}"
    remora = listening(start(fill(SERVICE, policy=policy, encoding="json", backend=far.url), wait=False))
    with remora.wire() as wire:
        wire.send(b"GET /a HTTP/1.1\r\nHost: evil.test\r\n\r\n")
        said = wire.answer()
        assert (said.status, said.body) == (500, b"Bad Host")
        wire.send(b"GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        assert wire.answer().status == 200
    assert "error=denied" in remora.log()


def test_to_https(start, far):
    policy = "security/http: {ssl_redirect: true, ssl_host: shop.test, ssl_proxy_headers: {X-Forwarded-Proto: https}}"
    remora = listening(start(fill(SERVICE, policy=policy, encoding="json", backend=far.url), wait=False))
    said = remora.ask("/a?b=%20c")
    assert (said.status, said.header("Location")) == (301, "https://shop.test/a?b=%20c")
    assert remora.ask("/a", "X-Forwarded-Proto: https").status == 200
