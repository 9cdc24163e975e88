"""auth/validator: which tokens pass, what backends are told of them, and what an attacker tries."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import time

import pytest

from kit.backend import answer
from kit.gateway import DidNotStart, fill
from kit.tokens import Rsa, Secret, b64, jwks, parts
from kit.waiting import until

CONFIG = """
version: 3
listen_ip: 127.0.0.1
host: ["$backend"]
endpoints:
  - endpoint: /a/{name}
    input_headers: [X-Sub, X-Org, X-None, X-Other]
    extra_config:
      auth/validator:
        $keys
        $more
    backend: [{url_pattern: "$pattern"}]
"""
GOOD = {"sub": "user-7", "aud": ["shop"], "org": {"name": "Acme"}, "exp": 4102444800}


@pytest.fixture(scope="module")
def rsa(tmp_path_factory):
    return Rsa("r", tmp_path_factory.mktemp("keys"))


@pytest.fixture
def gateway(start, backend, tmp_path):
    """gateway(alg, key...): (remora, backend, the file of keys)."""

    def begin(alg, *keys, more="", pattern="/b"):
        file = tmp_path / "jwks.json"
        file.write_text(jwks(*keys))
        peer = backend(lambda peer, req: answer('{"ok": true}'))
        names = "alg: %s\n        jwk_local_path: %s" % (alg, file)
        return start(fill(CONFIG, backend=peer.url, keys=names, more=more, pattern=pattern)), peer, file

    return begin


def bearer(token):
    return "Authorization: Bearer " + token


def changed(token):
    """With other claims under the same signature."""
    header, _, signature = token.split(".")
    return ".".join((header, b64(json.dumps(GOOD | {"sub": "admin"}).encode()), signature))


def test_what_an_attacker_tries(gateway, rsa, tmp_path):
    secret, other = Secret("s"), Rsa("r", tmp_path)
    remora, peer, _ = gateway("RS256", rsa, secret, more="audience: [shop]")
    good = rsa.token(GOOD)
    assert remora.ask("/a/x", bearer(good)).status == 200
    n = len(peer.requests)
    none = parts({"alg": "none", "kid": "r"}, GOOD)
    now = int(time.time())
    tokens = {
        "none": none + ".",
        "none with the signature of another": none + "." + good.split(".")[2],
        "None": parts({"alg": "None", "kid": "r"}, GOOD) + ".AA",
        "no signature": good.rpartition(".")[0],
        "the public key as secret": Secret("r", rsa.pem).token(GOOD),
        "the modulus as secret": Secret("r", rsa.modulus).token(GOOD),
        "the other key's algorithm": secret.token(GOOD),
        "HS256 said, RS256 signed": rsa.token(GOOD, alg="HS256"),
        "PS256 said": rsa.token(GOOD, alg="PS256"),
        "another key of the same name": other.token(GOOD),
        "its own key in its header": other.token(GOOD, jwk=other.jwk),
        "an unknown key": rsa.token(GOOD, kid="q"),
        "crit": rsa.token(GOOD, crit=["exp"]),
        "other claims": changed(good),
        "expired": rsa.token(GOOD | {"exp": now - 60}),
        "not valid yet": rsa.token(GOOD | {"nbf": now + 60}),
        "another audience": rsa.token(GOOD | {"aud": "bank"}),
        "a time that is text": rsa.token(GOOD | {"exp": "4102444800"}),
        "a claim twice": rsa.token(b'{"aud": "shop", "exp": 1, "exp": 4102444800}'),
        "alg twice": "%s.%s" % (b64(b'{"alg": "none", "alg": "RS256", "kid": "r"}'), good.partition(".")[2]),
        "padding": good + "==",
        "a fourth part": good + ".AA",
        "too long": rsa.token(GOOD | {"x": "y" * 4000}) + "A",
        "no token": "x",
    }
    for what, token in tokens.items():
        said = remora.ask("/a/x", bearer(token))
        assert (said.status, said.body) == (401, b""), what
        assert said.header("WWW-Authenticate") == 'Bearer error="invalid_token"', what
    said = remora.ask("/a/x")
    assert said.status == 401 and said.header("WWW-Authenticate") == "Bearer"
    assert len(peer.requests) == n


def test_weak_keys_and_sets_without_a_key_are_refused_at_load(gateway, rsa, tmp_path):
    for alg, keys, text in (
        ("RS256", [Rsa("w", tmp_path, bits=1024)], "1024 bits, at least 2048"),
        ("HS256", [Secret("w", b"short")], "5 bytes, at least 16"),
        ("ES256", [rsa], "no key for ES256"),
    ):
        with pytest.raises(DidNotStart, match=text):
            gateway(alg, *keys)


def test_claims_reach_backends_as_headers_whatever_the_client_says(gateway):
    key = Secret("s")
    more = "propagate_claims: [[sub, X-Sub], [org.name, X-Org], [none, X-None]]"
    remora, peer, _ = gateway("HS256", key, more=more)
    token = bearer(key.token(GOOD))
    for fields in (
        [],
        ["X-Sub: admin", "x-sub: root", "X-NONE: admin"],
        ["Connection: X-Sub, X-Org, X-None"],
        ["Connection: close, " + ", ".join("x-%d" % i for i in range(31)), "Connection: x-sub"],
    ):
        assert remora.ask("/a/x", token, "X-Other: o", *fields).status == 200
        asked = peer.requests[-1]
        assert [asked.values(name) for name in ("X-Sub", "X-Org", "X-None")] == [["user-7"], ["Acme"], [""]], fields
        assert asked.values("X-Other") == ["o"] and asked.values("Authorization") == []
    n = len(peer.requests)
    for value in ("a\r\nX-Org: b", "a\nb", "a\x00", "\x7f", ["a", "b\n"]):
        assert remora.ask("/a/x", bearer(key.token(GOOD | {"sub": value}))).status == 401
    assert len(peer.requests) == n


def test_a_claim_in_the_path_stays_in_its_place(gateway):
    key = Secret("s")
    remora, peer, _ = gateway("HS256", key, pattern="/u/{JWT.sub}/{name}?o={JWT.o}")
    for claims, target in (
        ({"sub": "u 7", "o": "a&b"}, "/u/u%207/x?o=a%26b"),
        ({"sub": "../x", "o": 7}, "/u/..%2Fx/x?o=7"),
        ({"sub": ["a", "b"], "o": True}, "/u/a,b/x?o=true"),
    ):
        assert remora.ask("/a/x", bearer(key.token(claims))).status == 200
        assert peer.requests[-1].target == target
    n = len(peer.requests)
    for claims in ({"o": 1}, {"sub": "..", "o": 1}, {"sub": "", "o": 1}, {"sub": {"a": 1}, "o": 1}, {"sub": None, "o": 1}):
        assert remora.ask("/a/x", bearer(key.token(claims))).status == 400, claims
    assert len(peer.requests) == n


def test_a_cookie_counts_where_the_header_has_no_token(gateway):
    key = Secret("s")
    remora, _, _ = gateway("HS256", key)
    good, bad = key.token(GOOD), key.token(GOOD, kid="q")
    for fields, status in (
        (["Cookie: a=b; access_token=%s; c=d" % good], 200),
        (["Cookie: a=b", "Cookie: access_token=" + good], 200),
        (["Cookie: xaccess_token=" + good], 401),
        (["Cookie: access_token=" + bad], 401),
        (["Cookie: access_token=" + good, "Authorization: " + bad], 401),
        (["Cookie: access_token=" + good, "Authorization: "], 200),
        (["Authorization: " + good], 200),
        (["Authorization: bEARER " + good], 200),
        (["Authorization: Basic " + good], 401),
    ):
        assert remora.ask("/a/x", *fields).status == status, fields


def test_a_reload_reads_the_keys_again(gateway):
    old, new = Secret("old"), Secret("new", b"another secret of some length...")
    remora, _, file = gateway("HS256", old)
    assert remora.ask("/a/x", bearer(old.token(GOOD))).status == 200
    file.write_text(jwks(new))
    remora.signal(signal.SIGHUP)
    until(lambda: remora.ask("/a/x", bearer(new.token(GOOD))).status == 200, "the new key")
    assert remora.ask("/a/x", bearer(old.token(GOOD))).status == 401


def test_operation_debug_says_why_and_never_what(gateway):
    key = Secret("s")
    remora, _, _ = gateway("HS256", key, more="operation_debug: true")
    token = key.token(GOOD, kid="kid-of-mine")
    assert remora.ask("/a/x", bearer(token)).status == 401
    until(lambda: "no key is the one that the token names" in remora.log(), "the reason")
    log = remora.log()
    assert "kid-of-mine" not in log and not any(part in log for part in token.split("."))


def test_check_t_reads_the_keys(tmp_path):
    config = tmp_path / "remora.yaml"
    keys = tmp_path / "jwks.json"
    config.write_text(
        "version: 3\nendpoints:\n- endpoint: /a\n  backend: [{host: h, url_pattern: /a}]\n"
        "  extra_config: {auth/validator: {alg: RS256, jwk_local_path: %s}}\n" % keys
    )
    command = [os.environ["REMORA"], "check", "-c", str(config)]

    def check(*more):
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    assert check() == (0, "")
    status, said = check("-t")
    assert status == 1 and "jwks.json: No such file" in said
    keys.write_text(jwks(Secret("s")))
    status, said = check("-t")
    assert status == 1 and "no key for RS256" in said
