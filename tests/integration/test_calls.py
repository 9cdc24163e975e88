"""extra_config.remora of backends: which are asked, whose headers the client gets, which redirects are followed; and items of lists in the URLs
of a sequence."""
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from kit.backend import answer

LIST = {"a": [{"b": "one"}, {"b": "two", "c": [1, [7, 8]]}], "s": "x"}


def script(peer, req):
    path = req.target.partition("?")[0]
    if path == "/list":
        return answer(json.dumps(LIST))
    if path == "/moved":
        return b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"
    if path == "/cookies":
        return answer('{"c": 1}', "200 OK", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Total: 7", "X-Other: o", "Cache-Control: max-age=9")
    if path == "/more":
        return answer('{"m": 1}', "200 OK", "Set-Cookie: c=3", "X-TOTAL: 8")
    if path == "/no":
        return answer("{}", "500 No", "X-Total: 9")
    return answer(json.dumps({"at": req.target}))


@pytest.fixture
def gateway(start, backend):
    def begin(*backends, path="/x", **endpoint):
        far = backend(script)
        config = {"version": 3, "timeout": "20s", "listen_ip": "127.0.0.1", "host": [far.url],
                  "endpoints": [{"endpoint": path, "backend": list(backends), **endpoint}]}
        remora = start(json.dumps(config), workers=1)
        remora.far = far
        return remora

    return begin


def asks(path, group=None, client=None, **own):
    extra = ({"remora": own} if own else {}) | ({"backend/http/client": client} if client else {})
    return {"url_pattern": path} | ({"group": group} if group else {}) | ({"extra_config": extra} if extra else {})


SEQUENCE = {"extra_config": {"proxy": {"sequential": True}}}


# ------------------------------------------------------------ items of lists


@pytest.mark.parametrize("field, value", [("a.0.b", "one"), ("a.1.b", "two"), ("a.1.c.0", "1"), ("a.1.c.1", "7,8"), ("a.1.c.1.0", "7")])
def test_an_item_by_its_number(gateway, field, value):
    remora = gateway(asks("/list"), asks("/next/{resp0_%s}" % field), **SEQUENCE)
    assert remora.ask("/x").status == 200
    assert remora.far.requests[-1].target.replace("%2C", ",") == "/next/" + value


@pytest.mark.parametrize("field", ["a.2.b", "a.00.b", "a.-1.b", "a.x.b", "a.99999999999999999999.b", "s.0"])
def test_what_is_no_item_fails_that_backend(gateway, field):
    remora = gateway(asks("/list"), asks("/next/{resp0_%s}" % field), **SEQUENCE)
    got = remora.ask("/x")
    assert (got.status, json.loads(got.body), got.completed) == (200, LIST, "false")
    assert len(remora.far.requests) == 1


# ------------------------------------------------------------ the rest of a path


@pytest.mark.parametrize("asked, target", [
    ("/files/a/b", "/store/a/b"),
    ("/files/", "/store/"),
    ("/files/a%2Fb/%C3%A9?v=2&no=1", "/store/a%2Fb/%C3%A9?v=2"),
    ("/files/a//b/", "/store/a//b/"),
])  # fmt: skip
def test_a_wildcard_takes_what_follows(gateway, asked, target):
    remora = gateway(asks("/store"), path="/files/*", input_query_strings=["v"])
    assert json.loads(remora.ask(asked).body) == {"at": target}
    assert [req.target for req in remora.far.requests] == [target]


def test_a_wildcard_for_each_backend_that_is_merged(gateway):
    remora = gateway(asks("/one", group="one"), asks("/two/", group="two"), path="/u/{id}/*")
    got = json.loads(remora.ask("/u/7/a/b").body)
    assert got == {"one": {"at": "/one/a/b"}, "two": {"at": "/two/a/b"}}


@pytest.mark.parametrize("asked", ["/files/..", "/files/a/../../b", "/files/%2e%2e/b", "/files/a%2F..%2Fb", "/files/.", "/files/%zz"])
def test_nothing_climbs_through_a_wildcard(gateway, asked):
    remora = gateway(asks("/store"), path="/files/*")
    assert remora.ask(asked).status == 400
    assert not remora.far.requests


def test_a_wildcard_can_be_looked_at(gateway):
    remora = gateway(asks("/a", when={"value": "param:*", "matches": "^v2/"}), asks("/b", group="b"), path="/x/*")
    assert json.loads(remora.ask("/x/v1/y").body) == {"b": {"at": "/b/v1/y"}}
    assert json.loads(remora.ask("/x/v2/y").body) == {"at": "/a/v2/y", "b": {"at": "/b/v2/y"}}


# ------------------------------------------------------------ conditions


@pytest.mark.parametrize(
    "when, target, fields, asked",
    [
        ({"value": "query:more"}, "/x/1?more=", [], True),
        ({"value": "query:more"}, "/x/1?less=1", [], False),
        ({"value": "query:m r", "equals": "a b"}, "/x/1?z&m+r=a%20b", [], True),
        ({"value": "query:more", "not": True}, "/x/1", [], True),
        ({"value": "header:X-Beta", "equals": "yes"}, "/x/1", ["x-beta: yes"], True),
        ({"value": "header:X-Beta", "equals": "yes"}, "/x/1", ["x-beta: Yes"], False),
        ({"value": "header:X-Beta", "equals": "yes", "not": True}, "/x/1", [], True),
        ({"value": "param:id", "equals": "1"}, "/x/1", [], True),
        ({"value": "param:id", "equals": "1"}, "/x/2", [], False),
        ({"value": "param:id", "matches": "^[0-9]+$"}, "/x/12", [], True),
        ({"value": "param:id", "matches": "^[0-9]+$"}, "/x/12a", [], False),
        ({"value": "param:id", "matches": "^(a+)+$"}, "/x/" + "a" * 3000 + "b", [], False),
    ],
)
def test_asked_only_when_it_is_so(gateway, when, target, fields, asked):
    """What is not asked is missing from nothing: the answer is complete."""
    remora = gateway(asks("/one", "one"), asks("/two", "two", when=when), path="/x/{id}")
    got = remora.ask(target, *fields)
    assert (got.status, got.completed) == (200, "true")
    assert ("two" in json.loads(got.body)) == asked
    assert len(remora.far.requests) == 1 + asked


def test_by_an_earlier_answer(gateway):
    for when, asked in (({"value": "resp0_a.1.b", "equals": "two"}, True), ({"value": "resp0_a.1.b", "equals": "one"}, False),
                        ({"value": "resp0_none"}, False), ({"value": "resp0_s", "matches": "X", "not": True}, True)):
        remora = gateway(asks("/list"), asks("/two", "two", when=when), asks("/three", "three"), **SEQUENCE)
        got = remora.ask("/x")
        assert (got.status, got.completed) == (200, "true")
        assert ("two" in json.loads(got.body)) == asked and "three" in json.loads(got.body)


def test_a_required_one_that_is_not_asked_is_no_failure(gateway):
    remora = gateway(asks("/one", "one"), asks("/two", "two", required=True, when={"value": "query:q"}))
    assert remora.ask("/x").status == 200
    assert gateway(asks("/one", when={"value": "query:q"})).ask("/x").status == 200


# ------------------------------------------------------------ headers of answers


def fields(got, name):
    return [value.decode() for key, value in got.headers if key == name.encode()]


def test_chosen_headers_reach_the_client(gateway):
    remora = gateway(asks("/cookies", response_headers=["x-total", "Set-Cookie"]), asks("/more"))
    got = remora.ask("/x")
    assert fields(got, "x-total") == ["7"] and fields(got, "set-cookie") == ["a=1", "b=2"]
    assert fields(got, "x-other") == [] and fields(got, "cache-control") == []
    assert fields(gateway(asks("/cookies")).ask("/x"), "x-total") == []


def test_of_two_backends(gateway):
    """The later one's, as with data; cookies beside each other; a failed one has none."""
    names = ["X-Total", "Set-Cookie"]
    got = gateway(asks("/cookies", response_headers=names), asks("/more", response_headers=names)).ask("/x")
    assert fields(got, "x-total") == ["8"] and fields(got, "set-cookie") == ["a=1", "b=2", "c=3"]
    got = gateway(asks("/cookies", response_headers=names), asks("/no", response_headers=names)).ask("/x")
    assert fields(got, "x-total") == ["7"]


def test_what_the_endpoint_says_itself_wins(gateway):
    remora = gateway(asks("/cookies", response_headers=["Cache-Control"]), cache_ttl="60s")
    assert fields(remora.ask("/x"), "cache-control") == ["public, max-age=60"]
    assert fields(gateway(asks("/cookies", response_headers=["Cache-Control"])).ask("/x"), "cache-control") == ["max-age=9"]


# ------------------------------------------------------------ redirects


def test_redirects(gateway):
    assert json.loads(gateway(asks("/moved")).ask("/x").body) == {"at": "/there"}
    remora = gateway(asks("/moved", client={"no_redirect": True}))
    assert remora.ask("/x").status == 500
    assert len(remora.far.requests) == 1
    got = gateway(asks("/moved", client={"no_redirect": True}), output_encoding="no-op").ask("/x")
    assert (got.status, got.header("location")) == (302, "/there")
