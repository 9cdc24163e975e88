"""backend/lambda: what a function is asked and how it is signed, what its answer is worth, and what is tried again."""
# SPDX-License-Identifier: Apache-2.0
import base64
import json

import pytest

from kit import sigv4
from kit.backend import answer
from kit.gateway import run

SECRET = "a/secret+of/aws"
ENV = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-central-1"}
INVOKE = "/2015-03-31/functions/%s/invocations"


class Aws:
    """Lambda's Invoke. `said`: a list of answers, the last one again and again; each request's signature is checked."""

    def __init__(self, backend):
        self.said, self.n = [answer('{"a": 1}')], 0
        self.far = backend(self.script)

    def script(self, peer, req):
        assert sigv4.check(req, SECRET)[0] == "AKIATEST"
        one = self.said[min(self.n, len(self.said) - 1)]
        self.n += 1
        return one

    @property
    def asked(self):
        return self.far.requests[-1]


@pytest.fixture
def gateway(start, backend):
    def begin(config, method="GET", path="/x/{First}/{last}", beside=(), env=None, timeout="20s", remora=None, own=None, **more):
        aws = Aws(backend)
        one = {"url_pattern": "/ignored/{first}", "host": ["http://ignored.test"], **more}
        one["extra_config"] = {"backend/lambda": {"region": "eu-west-1", "endpoint": aws.far.url, **config}}
        if own:
            one["extra_config"]["remora"] = {"lambda": own}
        endpoint = {"endpoint": path.replace("First", "first"), "method": method, "timeout": timeout, "backend": [one, *beside]}
        text = {"version": 3, "listen_ip": "127.0.0.1", "endpoints": [endpoint], **(remora or {})}
        got = start(json.dumps(text), env=ENV | (env or {}))
        got.aws = aws
        return got

    return begin


def test_the_parameters_are_a_gets_payload(gateway):
    remora = gateway({"function_name": "fn"})
    got = remora.ask("/x/Ann/a%20b?q=1", "X-H: v")
    assert (got.status, json.loads(got.body), got.completed) == (200, {"a": 1}, "true")
    asked = remora.aws.asked
    assert (asked.method, asked.target) == ("POST", INVOKE % "fn")
    assert json.loads(asked.body) == {"first": "Ann", "last": "a b"}
    assert asked.values("x-amz-invocation-type") == ["RequestResponse"] and asked.values("x-h") == []
    assert sigv4.check(asked, SECRET)[1:] == ("eu-west-1", ["content-type", "host", "x-amz-date", "x-amz-invocation-type", "x-amz-log-type"])


def test_the_body_is_another_methods_payload(gateway):
    remora = gateway({"function_name": "fn"}, method="POST")
    for body in (b'{"a": [1, "\xc3\xbc"]}', b"hello", b"x" * 300000, b""):
        assert remora.ask("/x/a/b", method="POST", body=body).status == 200
        assert remora.aws.asked.body == body


@pytest.mark.parametrize("name", ["fn:3", "arn:aws:lambda:eu-west-1:123456789012:function:fn", "fn:$LATEST", "a b/c"])
def test_names_in_the_path(gateway, name):
    remora = gateway({"function_name": name})
    assert remora.ask("/x/a/b").status == 200
    assert remora.aws.asked.target == INVOKE % "".join(c if c.isalnum() or c in "-._~" else "%%%02X" % ord(c) for c in name)


@pytest.mark.parametrize("config", [{"function_param_name": "Name"}, {"function_param_name": "name"}])
def test_a_parameter_names_the_function(gateway, config):
    remora = gateway(config, path="/f/{name}")
    assert remora.ask("/f/one%3A2").status == 200
    assert remora.aws.asked.target == INVOKE % "one%3A2"


def test_the_default_parameter_is_function(gateway):
    """KrakenD's never matches."""
    remora = gateway({}, path="/f/{function}")
    assert remora.ask("/f/chosen").status == 200
    assert remora.aws.asked.target == INVOKE % "chosen"


def test_a_session_token_is_sent_and_signed(gateway):
    remora = gateway({"function_name": "fn"}, env={"AWS_SESSION_TOKEN": "a token"})
    assert remora.ask("/x/a/b").status == 200
    assert remora.aws.asked.values("x-amz-security-token") == ["a token"]
    assert "x-amz-security-token" in sigv4.check(remora.aws.asked, SECRET)[2]


@pytest.mark.parametrize("config, region", [({"region": ""}, "eu-central-1"), ({"region": "", "function_name": "arn:aws:lambda:us-west-2:1:function:f"}, "us-west-2")])
def test_where_the_region_comes_from(gateway, config, region):
    remora = gateway({"function_name": "fn"} | config)
    assert remora.ask("/x/a/b").status == 200
    assert sigv4.check(remora.aws.asked, SECRET)[1] == region


def test_merged_with_an_http_backend(gateway, backend):
    shop = backend(lambda peer, req: answer('{"n": 1}'))
    remora = gateway({"function_name": "fn"}, beside=[{"host": [shop.url], "url_pattern": "/"}], group="fn", allow=["a"])
    remora.aws.said = [answer('{"a": 1, "b": 2}')]
    assert json.loads(remora.ask("/x/a/b").body) == {"fn": {"a": 1}, "n": 1}


@pytest.mark.parametrize("payload", ['"text"', "[1]", "no json"])
def test_what_is_no_object_is_no_answer(gateway, payload):
    remora = gateway({"function_name": "fn"})
    remora.aws.said = [answer(payload)]
    got = remora.ask("/x/a/b")
    assert (got.status, got.body) == (500, b"")


def test_a_function_that_fails_is_a_failure(gateway):
    """KrakenD passes its error object on as data."""
    failed = answer('{"errorMessage": "boom", "errorType": "Boom"}', "200 OK", "X-Amz-Function-Error: Unhandled")
    remora = gateway({"function_name": "fn"})
    remora.aws.said = [failed]
    got = remora.ask("/x/a/b")
    assert (got.status, got.body) == (500, b"")
    assert remora.aws.n == 1 and "boom" not in remora.log()
    remora = gateway({"function_name": "fn"}, own={"function_error": "data"})
    remora.aws.said = [failed]
    assert json.loads(remora.ask("/x/a/b").body)["errorMessage"] == "boom"


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_the_services_own_errors_keep_their_status(gateway, status):
    remora = gateway({"function_name": "fn", "max_retries": 0})
    remora.aws.said = [answer('{"Message": "no"}', "%d No" % status)]
    got = remora.ask("/x/a/b")
    assert (got.status, got.body) == (status, b"")
    assert remora.aws.n == 1


def test_what_is_tried_again(gateway):
    no = answer("{}", "429 Too Many Requests")
    remora = gateway({"function_name": "fn", "max_retries": 2})
    remora.aws.said = [no, answer("{}", "503 No"), answer('{"a": 3}')]
    assert json.loads(remora.ask("/x/a/b").body) == {"a": 3}
    assert remora.aws.n == 3
    remora.aws.said, remora.aws.n = [no], 0
    assert remora.ask("/x/a/b").status == 429
    assert remora.aws.n == 3
    remora.aws.said, remora.aws.n = [answer("{}", "404 No")], 0
    assert remora.ask("/x/a/b").status == 404
    assert remora.aws.n == 1


def test_nothing_is_tried_again_when_there_is_no_time(gateway):
    remora = gateway({"function_name": "fn", "max_retries": 10}, timeout="250ms")
    remora.aws.said = [answer("{}", "503 No")]
    assert remora.ask("/x/a/b").status == 503
    assert 1 < remora.aws.n <= 3  # after 100 ms; 200 ms later there would be no time


def test_answers_as_for_an_api_gateway(gateway):
    def said(wrapper):
        remora.aws.said = [answer(json.dumps(wrapper))]
        got = remora.ask("/x/a/b")
        return got.status, json.loads(got.body) if got.body else None

    remora = gateway({"function_name": "fn"}, own={"answer": "api_gateway"})
    assert said({"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": '{"b": 2}'}) == (200, {"b": 2})
    coded = base64.b64encode(b'{"b": "\xc3\xbc"}').decode()
    assert said({"statusCode": 200, "body": coded, "isBase64Encoded": True}) == (200, {"b": "\u00fc"})
    assert said({"c": 3}) == (200, {"c": 3})  # without a status the whole is the body
    assert said({"statusCode": 404, "body": "no"}) == (404, None)
    for wrong in ({"statusCode": "x", "body": "{}"}, {"statusCode": 200, "body": 7}, {"statusCode": 200, "body": "!", "isBase64Encoded": True}, {"statusCode": 200}):
        assert said(wrong)[0] == 500, wrong


def test_without_credentials_it_does_not_start(tmp_path):
    path = tmp_path / "remora.json"
    path.write_text(json.dumps({"version": 3, "endpoints": [{"endpoint": "/x", "backend": [{"extra_config": {"backend/lambda": {"function_name": "f", "region": "r"}}}]}]}))
    status, out, err = run("run", "-c", str(path), "-p", "1")
    assert status == 1 and "no credentials in AWS_ACCESS_KEY_ID" in out + err
