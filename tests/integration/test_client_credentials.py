"""auth/client-credentials: a token of remora's own for a backend, fetched, kept, renewed, and waited for."""
# SPDX-License-Identifier: Apache-2.0
import base64
import json
import threading
import urllib.parse

import pytest

from kit.backend import answer
from kit.gateway import run
from kit.waiting import until


class Issuer:
    """The token's server: `said` its answers, the last one again and again; n tokens are t1, t2, ..."""

    def __init__(self, backend):
        self.n, self.expires, self.status, self.said, self.form_only = 0, 3600, "200 OK", None, False
        self.held = threading.Event()
        self.held.set()
        self.far = backend(self.script)

    def script(self, peer, req):
        assert (req.method, req.target) == ("POST", "/token")
        self.held.wait(30)
        form = urllib.parse.parse_qs(req.body.decode(), strict_parsing=True)
        basic = req.values("authorization")
        if self.form_only and basic:
            return answer('{"error": "invalid_client"}', "401 Unauthorized")
        if self.said is not None:
            return answer(self.said, self.status)
        self.n += 1
        self.form, self.basic = form, basic
        return answer(json.dumps({"access_token": "t%d" % self.n, "token_type": "Bearer", "expires_in": self.expires}), self.status)


@pytest.fixture
def issuer(backend):
    return Issuer(backend)


@pytest.fixture
def gateway(start, backend, issuer):
    def begin(timeout="20s", **more):
        shop = backend(lambda peer, req: answer(json.dumps({"token": req.values("authorization")})))
        credentials = {"client_id": "re:mora", "client_secret": "s/e c", "token_url": issuer.far.url + "/token", **more}
        one = {"host": [shop.url], "url_pattern": "/", "extra_config": {"auth/client-credentials": credentials}}
        config = {"version": 3, "listen_ip": "127.0.0.1", "timeout": timeout,
                  "endpoints": [{"endpoint": "/a", "backend": [one], "input_headers": ["Authorization"]}, {"endpoint": "/b", "backend": [one]}]}
        remora = start(json.dumps(config), workers=4)
        remora.shop = shop
        return remora

    return begin


def token(remora, path="/a", *fields):
    got = remora.ask(path, *fields)
    return json.loads(got.body)["token"] if got.status == 200 else got.status


def test_one_token_for_all_calls(gateway, issuer):
    remora = gateway(scopes="read,write", endpoint_params={"audience": ["a b", "c&d"]})
    for _ in range(5):
        assert token(remora) == token(remora, "/b") == ["Bearer t1"]
    assert issuer.n == 1
    assert issuer.form == {"grant_type": ["client_credentials"], "scope": ["read write"], "audience": ["a b", "c&d"]}
    assert issuer.basic == ["Basic " + base64.b64encode(b"re%3Amora:s%2Fe%20c").decode()]


def test_a_clients_own_does_not_reach_the_backend(gateway):
    assert token(gateway(), "/a", "Authorization: Bearer of-a-client") == ["Bearer t1"]


def test_calls_before_the_first_token_wait_for_it(gateway, issuer):
    issuer.held.clear()
    remora = gateway()
    said = []
    threads = [threading.Thread(target=lambda: said.append(token(remora))) for _ in range(10)]
    for thread in threads:
        thread.start()
    until(lambda: issuer.far.requests, "the fetch")
    assert said == []
    issuer.held.set()
    for thread in threads:
        thread.join()
    assert said == [["Bearer t1"]] * 10 and issuer.n == 1


def test_renewed_before_it_is_over(gateway, issuer):
    """While calls go on: each has a token that is good, and nobody waits."""
    issuer.expires = 2
    remora = gateway()
    seen = set()

    def another():
        said = token(remora)
        assert isinstance(said, list), said
        seen.add(said[0])
        return len(seen) >= 3

    until(another, "the third token")


def test_without_an_end_it_is_kept(gateway, issuer):
    issuer.expires = 0
    remora = gateway()
    assert [token(remora) for _ in range(3)] == [["Bearer t1"]] * 3


def test_a_server_that_wants_the_form(gateway, issuer):
    issuer.form_only = True
    remora = gateway()
    assert token(remora) == ["Bearer t1"]
    assert issuer.form["client_id"] == ["re:mora"] and issuer.form["client_secret"] == ["s/e c"] and issuer.basic == []


@pytest.mark.parametrize("status, said", [("500 No", ""), ("400 Bad Request", '{"error": "invalid_scope"}'), ("200 OK", "{}"), ("200 OK", "no json"),
                                          ("200 OK", '{"access_token": "a\\r\\nX: b"}'), ("200 OK", '{"access_token": 7}'), ("200 OK", " " * 100000)])
def test_without_a_token_the_backend_is_not_asked(gateway, issuer, status, said):
    issuer.status, issuer.said = status, said
    remora = gateway()
    assert token(remora) == 500
    assert remora.shop.requests == []
    assert remora.log().count("token not fetched") == 1
    assert "s/e c" not in remora.log() and "s%2Fe" not in remora.log()
    issuer.status, issuer.said = "200 OK", None
    until(lambda: token(remora) == ["Bearer t1"], "the token")


def test_a_server_that_hangs_takes_no_longer_than_the_endpoint(gateway, issuer):
    issuer.held.clear()
    remora = gateway(timeout="300ms")
    assert token(remora) == 500
    assert remora.shop.requests == []
    issuer.held.set()
    until(lambda: token(remora) == ["Bearer t1"], "the token")


def test_switched_off(gateway, issuer):
    assert token(gateway(is_disabled=True), "/b") == []
    assert issuer.n == 0


def test_a_reload_keeps_the_token(gateway, issuer):
    remora = gateway()
    assert token(remora) == ["Bearer t1"]
    text = json.loads(remora.config.read_text())
    text["endpoints"].append({"endpoint": "/new", "backend": [{"host": [remora.shop.url], "url_pattern": "/"}]})
    remora.config.write_text(json.dumps(text))
    until(lambda: remora.ask("/new").status == 200, "the reload")
    assert token(remora) == ["Bearer t1"] and issuer.n == 1


def test_check_shows_no_secret(tmp_path):
    path = tmp_path / "remora.json"
    one = {"host": ["http://h"], "url_pattern": "/", "extra_config": {"auth/client-credentials": {"client_id": "me", "client_secret": "HIDDEN", "token_url": "https://id/t"}}}
    path.write_text(json.dumps({"version": 3, "endpoints": [{"endpoint": "/a", "backend": [one]}]}))
    status, out, err = run("check", "-d", "-c", str(path))
    assert status == 0 and "HIDDEN" not in out + err and "client_id" in out
