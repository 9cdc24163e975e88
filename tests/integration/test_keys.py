"""`remora keys`: the reference of every key and the JSON Schema say what `check` does, as they come from the same tables."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import subprocess

import jsonschema
import pytest
import yaml

from test_examples import CONFIGS

REMORA = os.environ["REMORA"]


def run(*arguments):
    done = subprocess.run([REMORA, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def keys(*arguments):
    status, out, err = run("keys", *arguments)
    assert (status, err) == (0, "")
    return out


@pytest.fixture(scope="module")
def schema():
    found = json.loads(keys("--format", "schema"))
    jsonschema.Draft7Validator.check_schema(found)
    return jsonschema.Draft7Validator(found)


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_the_schema_takes_what_check_takes(name, schema, tmp_path):
    config = tmp_path / "remora.yaml"
    config.write_text(CONFIGS[name])
    schema.validate(yaml.safe_load(config.read_text()))
    status, out, _ = run("check", "-d", "-c", str(config))
    assert status == 0
    schema.validate(json.loads(out))  # each key there is, with its default


ENDPOINT = {"endpoint": "/v1/products", "backend": [{"host": "http://h", "url_pattern": "/p"}]}


def with_service(**more):
    return {"version": 3, "endpoints": [ENDPOINT], **more}


def with_endpoint(**more):
    return {"version": 3, "endpoints": [{**ENDPOINT, **more}]}


def with_backend(**more):
    return {"version": 3, "endpoints": [{**ENDPOINT, "backend": [{**ENDPOINT["backend"][0], **more}]}]}


def own(**more):
    return {"extra_config": {"remora": more}}


GOOD = {
    "numbers as text": with_service(port="8080", debug_endpoint="true"),
    "a size": with_service(max_header_bytes="16KiB"),
    "durations": with_endpoint(timeout="1m30.5s", cache_ttl="0"),
    "no time": with_endpoint(cache_ttl=0),
    "other letters": with_endpoint(method="post"),
    "one string for a list": with_endpoint(input_headers="Accept"),
    "an old name": with_endpoint(headers_to_pass=["Accept"]),
    "a comment": with_service(**{"$schema": "x", "@note": 1}),
    "documentation": with_endpoint(extra_config={"documentation/openapi": {"summary": "all products"}}),
    "an old namespace": with_backend(extra_config={"github.com/devopsfaith/krakend-ratelimit/juju/proxy": {"max_rate": 0.5}}),
    "off": with_service(**own(admin={"listen": False})),
    "a switch": with_backend(**own(retry=False, eject={"max_percent": 20})),
}
BAD = {
    "no version": {"endpoints": [ENDPOINT]},
    "an unknown key": with_service(prot=8080),
    "an unknown key of an endpoint": with_endpoint(timeouts="1s"),
    "an unknown key of a backend": with_backend(hosts=["http://h"]),
    "a port": with_service(port=65536),
    "no unit": with_endpoint(timeout=3000),
    "not KrakenD's unit": with_endpoint(timeout="1d"),
    "a number": with_endpoint(concurrent_calls="two"),
    "no list": with_service(endpoints={}),
    "a method": with_endpoint(method="FETCH"),
    "a namespace": with_endpoint(extra_config={"qos/ratelimit/ruter": {"max_rate": 1}}),
    "its key": with_endpoint(extra_config={"qos/ratelimit/router": {"max_rates": 1}}),
    "what is not here": with_service(extra_config={"modifier/lua-endpoint": {"sources": ["x.lua"]}}),
    "a choice": with_backend(**own(balancer="roundrobin")),
    "a size's unit": with_service(**own(limits={"head_bytes": "16kB"})),
}


def checked(config, tmp_path):
    path = tmp_path / "remora.json"
    path.write_text(json.dumps(config))
    return run("check", "--strict", "-c", str(path))


@pytest.mark.parametrize("name", GOOD)
def test_both_take_it(name, schema, tmp_path):
    schema.validate(GOOD[name])
    assert checked(GOOD[name], tmp_path)[0] == 0


@pytest.mark.parametrize("name", BAD)
def test_both_refuse_it(name, schema, tmp_path):
    assert not schema.is_valid(BAD[name])
    assert checked(BAD[name], tmp_path)[0] == 1


def properties(schema, path=""):
    """Each key in the schema, with dots before it."""
    for choice in schema.get("anyOf", []):
        yield from properties(choice, path)
    for name, member in schema.get("properties", {}).items():
        yield path + name
        if name not in ("extra_config", "endpoints", "backend"):
            yield from properties(member, path + name + ".")


def test_both_name_the_same_keys(schema):
    """By the tables of the page: the service's, the endpoint's and the backend's, each followed by those of its namespaces."""
    page = keys()
    service = schema.schema
    endpoint = service["properties"]["endpoints"]["items"]
    backend = endpoint["properties"]["backend"]["items"]
    for title, level in (("the service", service), ("an endpoint", endpoint), ("a backend", backend)):
        spaces = {"## Of " + title: level}
        for name, space in level["properties"]["extra_config"]["properties"].items():
            spaces['### `extra_config["%s"]` of %s' % (name, title)] = space
        for heading, space in spaces.items():
            if heading not in page:
                assert "Also as `%s`" % heading.split('"')[1] in page
                continue
            table = page.split(heading + "\n", 1)[1].split("\n#", 1)[0]
            rows = re.findall(r"^\| `([^`]+)` \|", table, re.M)
            old = re.findall(r"; `(\w+)` of KrakenD 1\.x", table)
            assert sorted(rows + old) == sorted(properties(space)), heading


def test_the_page_is_made_of_tables():
    rows = [line for line in keys().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) in (4, 5), row


def test_what_is_not_here_is_told_as_check_tells_it(tmp_path):
    said = re.search(r"^\| `modifier/lua-endpoint` \| (.*) \| (.*) \|$", keys(), re.M).groups()
    assert "(%s): %s" % said in checked(BAD["what is not here"], tmp_path)[2]


@pytest.mark.parametrize("arguments", [["--format", "yaml"], ["--format"], ["-c", "x"], ["x"]])
def test_misuse_is_2(arguments):
    status, out, err = run("keys", *arguments)
    assert (status, out) == (2, "") and "usage: remora keys" in err
