"""auth/validator with jwk_url: keys that are fetched, rotate, are late, wrong, or not there at all."""
# SPDX-License-Identifier: Apache-2.0
import json
import threading

import pytest

from kit.backend import answer
from kit.certificates import Authority, server_context
from kit.gateway import fill
from kit.tokens import Rsa, Secret, jwks
from kit.waiting import until

CONFIG = """
version: 3
listen_ip: 127.0.0.1
timeout: 20s
host: ["$backend"]
endpoints:
  - endpoint: /a
    extra_config:
      auth/validator: {alg: RS256, jwk_url: "$url", $more failed_jwk_key_cooldown: 1s}
    backend: [{url_pattern: /}]
  - endpoint: /b
    extra_config:
      auth/validator: {alg: RS256, jwk_url: "$url", $more failed_jwk_key_cooldown: 1s}
    backend: [{url_pattern: /}]
"""
GOOD = {"sub": "user-7", "exp": 4102444800}
HTTP = "disable_jwk_security: true,"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [Rsa(name, folder) for name in ("old", "new", "stranger")]


class Issuer:
    """The key server: `said` is what it answers, None nothing at all."""

    def __init__(self, backend, tls=None):
        self.said, self.status, self.held = "{}", "200 OK", threading.Event()
        self.held.set()
        self.far = backend(self.script, tls=tls)

    def script(self, peer, req):
        assert req.target == "/keys?set=1"
        self.held.wait(30)
        if self.said is None:
            peer.reset()
            return None
        return answer(self.said, self.status)

    @property
    def url(self):
        return self.far.url + "/keys?set=1"

    @property
    def n(self):
        return len(self.far.requests)


@pytest.fixture
def issuer(backend):
    return Issuer(backend)


@pytest.fixture
def gateway(start, backend, issuer):
    def begin(said, more=HTTP, url=None):
        issuer.said = said
        shop = backend(lambda peer, req: answer('{"ok": true}'))
        return start(fill(CONFIG, backend=shop.url, url=url or issuer.url, more=more), workers=4)

    return begin


def status(remora, key, target="/a", **header):
    return remora.ask(target, "Authorization: Bearer " + key.token(GOOD, **header)).status


def test_one_fetch_for_all(gateway, issuer, keys):
    remora = gateway(jwks(keys[0]))
    for _ in range(10):
        assert status(remora, keys[0]) == status(remora, keys[0], "/b") == 200
    assert issuer.n == 1


def test_a_new_key_is_fetched_when_a_token_names_it(gateway, issuer, keys):
    old, new, stranger = keys
    remora = gateway(jwks(old))
    assert status(remora, old) == 200
    issuer.said = jwks(new)
    until(lambda: status(remora, new) == 200, "the new key")
    assert status(remora, old) == 401  # revoked
    assert status(remora, stranger) == 401


def test_the_token_that_comes_first_waits_for_its_key(gateway, issuer, keys):
    """No request is lost to a rotation: the one that brings the new name goes on when the keys are there."""
    issuer.held.clear()
    remora = gateway(jwks(keys[0]))
    said = []
    threads = [threading.Thread(target=lambda: said.append(status(remora, keys[0]))) for _ in range(20)]
    for thread in threads:
        thread.start()
    until(lambda: issuer.far.requests, "the fetch")
    assert said == []
    issuer.held.set()
    for thread in threads:
        thread.join()
    assert said == [200] * 20
    assert issuer.n == 1


def test_a_storm_of_unknown_names(gateway, issuer, keys):
    remora = gateway(jwks(keys[0]))
    assert status(remora, keys[0]) == 200
    token = Secret("x")
    said = []

    def run(k):
        for i in range(50):
            said.append(status(remora, token, kid="%d-%d" % (k, i)))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(said) == {401}
    n = issuer.n
    rsa = [status(remora, keys[2], kid="r-%d" % i) for i in range(100)]
    assert set(rsa) == {401}
    assert issuer.n - n <= 3  # one a second at most
    assert status(remora, keys[0]) == 200


@pytest.mark.parametrize("wrong", [None, "", "{}", "[]", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}', '{"keys"' + " " * 600000 + ": []}"])
def test_an_answer_that_is_no_set_of_keys(gateway, issuer, keys, wrong):
    """Nothing passes without keys; when they come it does; and what comes then that is none changes nothing."""
    remora = gateway(wrong)
    assert status(remora, keys[0]) == 401
    assert remora.log().count("keys not fetched") == 1
    assert "set=1" not in remora.log()  # a query may have secrets in it
    issuer.said = jwks(keys[0])
    until(lambda: status(remora, keys[0]) == 200, "the keys")
    issuer.said = wrong
    n = issuer.n
    until(lambda: status(remora, keys[1]) == 401 and issuer.n > n, "another fetch")
    assert status(remora, keys[0]) == 200


def test_a_status_that_is_not_200(gateway, issuer, keys):
    issuer.status = "503 Service Unavailable"
    remora = gateway(jwks(keys[0]))
    assert status(remora, keys[0]) == 401
    assert "status 503" in remora.log()
    issuer.status = "200 OK"
    until(lambda: status(remora, keys[0]) == 200, "the keys")


def test_a_server_that_hangs_holds_nobody_longer_than_the_endpoint_may_take(start, backend, issuer, keys):
    issuer.held.clear()
    issuer.said = jwks(keys[0])
    shop = backend(lambda peer, req: answer('{"ok": true}'))
    remora = start(fill(CONFIG, backend=shop.url, url=issuer.url, more=HTTP).replace("timeout: 20s", "timeout: 300ms"), workers=1)
    assert status(remora, keys[0]) == 500
    assert shop.requests == []
    issuer.held.set()
    until(lambda: status(remora, keys[0]) == 200, "the keys")


def test_clients_that_leave_while_they_wait(gateway, issuer, keys):
    issuer.held.clear()
    remora = gateway(jwks(keys[0]))
    for _ in range(20):
        with remora.wire() as wire:
            wire.send(("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n" % keys[0].token(GOOD)).encode())
    issuer.held.set()
    until(lambda: status(remora, keys[0]) == 200, "the keys")


def test_a_reload_keeps_the_keys(gateway, issuer, keys):
    remora = gateway(jwks(keys[0]))
    assert status(remora, keys[0]) == 200
    issuer.said = None
    remora.config.write_text(remora.config.read_text() + "  - {endpoint: /new, backend: [{url_pattern: /}]}\n")
    until(lambda: remora.ask("/new").status == 200, "the reload")
    assert status(remora, keys[0]) == 200
    assert issuer.n == 1


def test_another_url_after_a_reload(gateway, issuer, keys, backend):
    remora = gateway(jwks(keys[0]))
    assert status(remora, keys[0]) == 200
    other = Issuer(backend)
    other.said = jwks(keys[1])
    remora.config.write_text(remora.config.read_text().replace(issuer.url, other.url))
    until(lambda: status(remora, keys[1]) == 200, "the other keys")
    assert status(remora, keys[0]) == 401


def test_over_tls(gateway, backend, keys, tmp_path):
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    far = Issuer(backend, server_context(*ours.issue("keys")))
    far.said = jwks(keys[0])
    assert status(gateway("", "jwk_local_ca: %s," % ours.certificate, far.url), keys[0]) == 200
    n = far.n
    remora = gateway("", "jwk_local_ca: %s," % theirs.certificate, far.url)
    assert status(remora, keys[0]) == 401
    assert "keys not fetched" in remora.log() and "error=tls" in remora.log()
    assert status(gateway("", "", far.url), keys[0]) == 401  # the system's authorities
    assert far.n == n
