"""Checks Signature Version 4 of a request as a server does: from what came on the wire, by AWS's description of it."""
# SPDX-License-Identifier: Apache-2.0
import hashlib
import hmac
import re
import urllib.parse

FORM = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def step(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def check(request, secret, service="lambda"):
    """The signature's (key id, region, signed names); asserts that it is right."""
    match = FORM.match(request.values("authorization")[0])
    assert match, request.values("authorization")
    key_id, day, region, named, names, signature = match.groups()
    assert named == service
    at = request.values("x-amz-date")[0]
    assert at.startswith(day)
    path, _, query = request.target.partition("?")
    lines = "".join("%s:%s\n" % (name, ",".join(re.sub(" +", " ", value.strip()) for value in request.values(name))) for name in names.split(";"))
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    whole = "\n".join([request.method, urllib.parse.quote(path, safe="/~"), "&".join("%s=%s" % pair for pair in pairs), lines, names, sha256(request.body)])
    text = "\n".join(["AWS4-HMAC-SHA256", at, "%s/%s/%s/aws4_request" % (day, region, service), sha256(whole.encode())])
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = step(key, part)
    assert hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == signature
    return key_id, region, names.split(";")
