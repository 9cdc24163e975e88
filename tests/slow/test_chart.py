"""helm/ with five files of values: linted, rendered, checked against schemas, installed in a namespace with restricted Pod Security at
the real API server; and remora serves what the chart has made of the values, with the rights that it gives and no more."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from kit.gateway import Remora, run
from kit.waiting import until

from cluster import programs, schemas
from cluster.charts import CHART, ROOT, VALUES, Charts, as_json, find, helm, pod_of
from cluster.pods import pod_address
from cluster.shop import endpoint

SCHEMAS = ROOT / "tests/chart/schemas"
A = pod_address(1)
RESTRICTED = {"pod-security.kubernetes.io/%s" % mode: "restricted" for mode in ("enforce", "warn", "audit")}
SPACES = ("shop", "marketing", "warehouse")


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    assert len(VALUES) == 5
    return Charts(tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="module")
def spaces(cluster):
    for name in SPACES:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(space))
    cluster.kubectl("create", "serviceaccount", "gateway", "-n", "shop")  # of existing.yaml


def kubeconform(text):
    location = str(SCHEMAS / "{{.ResourceKind}}.json")
    command = [programs.path("kubeconform"), "-strict", "-summary", "-schema-location", location, "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


def configuration(objects, folder):
    (one,) = [one for one in objects if one["kind"] == "ConfigMap"]
    path = Path(folder) / "remora.yaml"
    path.write_text(one["data"]["remora.yaml"])
    return path


# ------------------------------------------------------------ without a cluster


def test_lint_has_nothing_to_say(charts):
    helm("lint", "--strict", CHART, home=charts.home)
    for name in VALUES:
        charts.helm("lint", name, "--strict")


@pytest.mark.parametrize("name", VALUES)
def test_kubeconform_takes_what_is_rendered(charts, name):
    objects = charts.objects(name)
    done = kubeconform(as_json(objects))
    assert done.returncode == 0 and "Invalid: 0, Errors: 0, Skipped: 0" in done.stdout, done.stdout
    deployment = find(objects, "Deployment")
    (deployment["spec"]["template"]["spec"].get("initContainers") or deployment["spec"]["template"]["spec"]["containers"])[0][
        "livenesProbe"
    ] = {}
    assert "livenesProbe" in kubeconform(json.dumps(deployment)).stdout


def test_kubeconform_takes_the_manifests(cluster):
    done = kubeconform(cluster.kubectl("kustomize", str(ROOT / "deploy/k8s")))
    assert done.returncode == 0 and "Invalid: 0, Errors: 0, Skipped: 0" in done.stdout, done.stdout


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"existing"}))
def test_remora_takes_the_configuration(charts, name, tmp_path):
    status, out, err = run("check", "--strict", "-c", str(configuration(charts.objects(name), tmp_path)))
    assert status == 0 and "warning" not in err, err
    assert "fine: 1 endpoint" in out


@pytest.mark.parametrize(
    "values, word",
    [
        ({"replcas": 3}, "replcas"),
        ({"mode": "daemon"}, "mode"),
        ({"service": {"port": 0}}, "port"),
        ({"mode": "sidecar", "monitor": {"enabled": True}}, "sidecar.podLabels"),
        ({"mode": "sidecar", "sidecar": {"podLabels": {"a": "b"}}, "monitor": {"enabled": True, "kind": "ServiceMonitor"}}, "PodMonitor"),
        ({"terminationGracePeriodSeconds": 20}, "must be more"),
        ({"config": "endpoints: ["}, "neither YAML nor JSON"),
        ({"config": {"extra_config": {"remora": {"probes": {"listen": False}}}}}, "probe listener"),
    ],
)
def test_wrong_values_are_refused(charts, tmp_path, values, word):
    file = tmp_path / "values.json"
    file.write_text(json.dumps(values))
    done = helm("template", "gw", CHART, "-f", file, home=charts.home, check=False)
    assert done.returncode != 0 and word in done.stderr, done.stderr


def test_rights_follow_from_the_configuration(charts):
    def roles(name):
        return {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in charts.objects(name) if one["kind"] == "Role"}

    assert roles("standalone") == roles("tls") == set()
    assert roles("kubernetes") == {("shop", "gw-remora"), ("marketing", "gw-remora-shop"), ("warehouse", "gw-remora-shop")}
    assert roles("sidecar") == {("shop", "gw-remora")} and roles("existing") == {("shop", "gateway")}
    mounts = [
        "remora-token" in json.dumps(find(charts.objects(name), "Deployment")) for name in ("standalone", "kubernetes", "sidecar", "tls")
    ]
    assert mounts == [False, True, True, False]


def test_a_monitor_selects_the_pods_and_the_port(charts):
    more = ("--set", "monitor.enabled=true", "--set", "monitor.labels.team=shop")
    for name, kind in (("standalone", "PodMonitor"), ("standalone", "ServiceMonitor"), ("sidecar", "PodMonitor")):
        prefix = "remora." if name == "sidecar" else ""
        settings = [word.replace("monitor.", prefix + "monitor.") for word in (*more, "--set", "monitor.kind=" + kind)]
        objects = charts.objects(name, *settings)
        monitor = find(objects, kind)
        wanted = monitor["spec"]["selector"]["matchLabels"]
        (scrape,) = monitor["spec"]["podMetricsEndpoints" if kind == "PodMonitor" else "endpoints"]
        assert (scrape["port"], scrape["path"]) == ("probes", "/metrics") and monitor["metadata"]["labels"]["team"] == "shop"
        pod = find(objects, "Deployment")["spec"]["template"]
        target = pod if kind == "PodMonitor" else find(objects, "Service")
        assert wanted.items() <= target["metadata"]["labels"].items()
        containers = pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
        ports = [port for one in containers for port in one.get("ports", [])] if kind == "PodMonitor" else target["spec"]["ports"]
        assert [port["name"] for port in ports].count("probes") == 1


# ------------------------------------------------------------ at the API server


def test_schemas_are_the_api_servers(cluster):
    """REMORA_TEST_WRITE=1 writes them anew."""
    made = schemas.make(cluster.api)
    if os.environ.get("REMORA_TEST_WRITE"):
        SCHEMAS.mkdir(exist_ok=True)
        for name, text in made.items():
            (SCHEMAS / name).write_text(text)
    assert {path.name: path.read_text() for path in SCHEMAS.glob("*.json")} == made


@pytest.mark.parametrize("name", VALUES)
def test_strict_validation_takes_what_is_rendered(charts, cluster, spaces, name):
    objects = charts.objects(name)
    for one in objects:
        one["metadata"].setdefault("namespace", "shop")
    cluster.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=as_json(objects))


@pytest.mark.parametrize("name", VALUES)
def test_it_is_installed_upgraded_and_gone(charts, cluster, spaces, name):
    def installed():
        listed = json.loads(cluster.kubectl("get", kinds, "-A", "-l", "app.kubernetes.io/instance=gw", "-o", "json"))["items"]
        return {(one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) for one in listed}

    kinds = "deployments,services,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,hpa"
    rendered = charts.objects(name)
    tests = [one for one in rendered if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    done = charts.helm("install", name, "gw", "--namespace", "shop", cluster=cluster)
    try:
        assert "STATUS: deployed" in done.stdout
        assert ("helm -n shop test gw" in done.stdout) == (name != "sidecar")  # helm shows the notes of the parent chart only
        assert "Warning" not in done.stderr, done.stderr  # of Pod Security, for example
        wanted = {
            (one["kind"], one["metadata"].get("namespace", "shop"), one["metadata"]["name"])
            for one in rendered
            if one not in tests and one["metadata"].get("labels", {}).get("app.kubernetes.io/instance") == "gw"
        }
        assert installed() == wanted
        # No kubelet runs pods here: each is let in by Pod Security, the deployment's and the tests'.
        deployment = find(rendered, "Deployment")["metadata"]["name"]
        made = json.loads(cluster.kubectl("get", "deployment", deployment, "-n", "shop", "-o", "json"))
        for pod in (pod_of(made), *tests):
            cluster.kubectl("apply", "-n", "shop", "--validate=strict", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
        charts.helm("upgrade", name, "gw", "--namespace", "shop", "--set", "fullnameOverride=another", cluster=cluster)
    finally:
        helm("uninstall", "gw", "--namespace", "shop", home=charts.home, cluster=cluster)
    until(lambda: not installed(), "the end of all that was installed")


def test_remora_serves_with_the_rights_of_the_chart(charts, cluster, shop, pods, tmp_path):
    """What `helm test` and the kubelet would do: the tests' commands, then remora with the ConfigMap and the token of the chart."""
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    home = {"api_server": cluster.url, "token_file": str(shop.mount / "token"), "ca_file": str(shop.mount / "ca.crt")}
    config = {
        "extra_config": {"remora": {"kubernetes": home, "probes": {"listen": "127.0.0.1:8090"}, "admin": {"listen": False}}},
        "endpoints": [{"endpoint": "/0", "backend": [{"host": ["cart:http"], "sd": "kubernetes", "url_pattern": "/"}]}],
    }
    values = tmp_path / "values.json"
    values.write_text(json.dumps({"config": config}))
    helm("install", "gw", CHART, "-f", values, "--namespace", shop.name, home=charts.home, cluster=cluster)

    account = "system:serviceaccount:%s:gw-remora" % shop.name

    def allowed(name):
        listed = cluster.kubectl("auth", "can-i", "--list", "-n", shop.name, "--as=" + name)
        return {" ".join(line.split()) for line in listed.splitlines()[1:]}

    nobody = allowed("system:serviceaccount:%s:default" % shop.name)
    assert allowed(account) - nobody == {"endpointslices.discovery.k8s.io [] [] [list watch]"}

    made = json.loads(cluster.kubectl("get", "configmap", "gw-remora", "-n", shop.name, "-o", "json"))
    file = configuration([made], tmp_path)
    test = next(one for one in map(yaml.safe_load, hooks(charts, cluster, shop.name)) if one["metadata"]["name"].endswith("-check"))
    command = [str(file) if word == "/etc/remora/remora.yaml" else word for word in test["spec"]["containers"][0]["args"]]
    status, _, err = run(*command)
    assert status == 0 and "warning" not in err, err

    token = shop.api.ask(
        "POST",
        "/api/v1/namespaces/%s/serviceaccounts/gw-remora/token" % shop.name,
        {"spec": {"expirationSeconds": 3600}},
    )["status"]["token"]
    shop.write_account(token)
    with Remora(file.read_text(), tmp_path, env={"POD_NAMESPACE": shop.name}) as remora:
        until(lambda: remora.ask("/0").status == 200, "an answer of the pod")
        assert json.loads(remora.ask("/0").body)["pod"] == A
        assert remora.metrics(8090).value("remora_config_last_reload_successful") == 1
        pod = pod_of(json.loads(cluster.kubectl("get", "deployment", "gw-remora", "-n", shop.name, "-o", "json")))
        container = pod["spec"]["containers"][0]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = container[probe]["httpGet"]["path"]
            until(lambda path=path: remora._page(8090, path) is not None, "%s of %s" % (probe, path))


def hooks(charts, cluster, namespace):
    text = helm("get", "hooks", "gw", "--namespace", namespace, home=charts.home, cluster=cluster).stdout
    return [part for part in text.split("---\n") if part.strip()]
