"""deploy/k8s and the chart's values, without a cluster and without helm: what kinds, keys and values they have is what the API server's
own schemas (tests/chart/schemas) and the chart's (helm/values.schema.json) allow. What helm makes of the chart is checked in tests/slow."""
# SPDX-License-Identifier: Apache-2.0
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "tests/chart/schemas"
VALUES = yaml.safe_load((ROOT / "helm/values.yaml").read_text())
VALUES_SCHEMA = json.loads((ROOT / "helm/values.schema.json").read_text())
MANIFESTS = [
    one
    for path in sorted((ROOT / "deploy/k8s").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text())
    if one["kind"] != "Kustomization"  # kubectl's own
]


def findings(document, schema):
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(document)]


@pytest.mark.parametrize("one", MANIFESTS, ids=lambda one: "%s-%s" % (one["kind"], one["metadata"]["name"]))
def test_manifest_is_what_the_api_server_takes(one):
    schema = json.loads((SCHEMAS / (one["kind"].lower() + ".json")).read_text())
    assert not findings(one, schema)
    assert findings(dict(one, metadate={}), schema)


def test_values_are_what_the_chart_takes():
    assert not findings(VALUES, VALUES_SCHEMA)
    for path in (ROOT / "tests/chart/values").glob("*.yaml"):
        given = yaml.safe_load(path.read_text())
        assert not findings(given.get("remora", given), VALUES_SCHEMA), path
    assert findings({"replcas": 1}, VALUES_SCHEMA) and findings({"image": {"name": "remora"}}, VALUES_SCHEMA)


def keys(values, schema, prefix=""):
    """The values that the schema knows one by one."""
    for key, value in values.items():
        below = schema["properties"][key].get("properties")
        yield from keys(value, schema["properties"][key], prefix + key + ".") if below else [prefix + key]


def test_each_value_is_documented_and_no_other():
    table = (ROOT / "helm/README.md").read_text().partition("## Values")[2]
    documented = [name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`([\w.]+)`", row)]
    assert sorted(documented) == sorted(keys(VALUES, VALUES_SCHEMA))


def test_versions_are_the_programs():
    version = re.search(r"project\(remora VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    chart = yaml.safe_load((ROOT / "helm/Chart.yaml").read_text())
    tags = yaml.safe_load((ROOT / "deploy/k8s/kustomization.yaml").read_text())["images"]
    assert chart["appVersion"] == version == next(one["newTag"] for one in tags if one["name"] == "remora")
