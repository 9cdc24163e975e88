"""deploy/k8s at the real API server: strict validation, restricted Pod Security, and all that its Role allows."""
# SPDX-License-Identifier: Apache-2.0
import json
import re
from pathlib import Path

import pytest

from cluster.charts import pod_of

ROOT = Path(__file__).resolve().parents[2]
SPACE = "manifests"
RESTRICTED = {"pod-security.kubernetes.io/%s" % mode: "restricted" for mode in ("enforce", "warn", "audit")}


@pytest.fixture(scope="module")
def applied(cluster):
    """What the server has made of the manifests, by kind and name."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": RESTRICTED}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(space))
    manifests = cluster.kubectl("kustomize", str(ROOT / "deploy/k8s"))
    made = cluster.kubectl("apply", "-n", SPACE, "--validate=strict", "-o", "json", "-f", "-", stdin=manifests)
    return {(one["kind"], one["metadata"]["name"]): one for one in json.loads(made)["items"]}


def test_strict_validation_takes_all(applied):
    assert {kind for kind, _ in applied} == {
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "Role",
        "RoleBinding",
        "ServiceAccount",
    }


def test_strict_validation_would_refuse(cluster, applied):
    manifests = cluster.kubectl("kustomize", str(ROOT / "deploy/k8s"))
    wrong = manifests.replace("readOnlyRootFilesystem:", "readOnlyRootFileSystem:")
    assert wrong != manifests
    with pytest.raises(AssertionError, match="unknown field.*readOnlyRootFileSystem"):
        cluster.kubectl("apply", "-n", SPACE, "--validate=strict", "--dry-run=server", "-f", "-", stdin=wrong)


def test_restricted_pod_security_lets_the_pod_in(cluster, applied):
    pod = pod_of(applied["Deployment", "shop"])
    cluster.kubectl("apply", "-n", SPACE, "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    pod["spec"]["initContainers"][0]["securityContext"].pop("capabilities")
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        cluster.kubectl("apply", "-n", SPACE, "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_the_sidecar_ends_after_the_application(applied):
    spec = applied["Deployment", "shop"]["spec"]["template"]["spec"]
    assert spec["initContainers"][0]["restartPolicy"] == "Always"
    text = applied["ConfigMap", "shop-remora"]["data"]["remora.yaml"]
    serves_on = int(re.search(r"^ +max: (\d+)s$", text, re.M).group(1))
    finishes = int(re.search(r"^max_shutdown_wait_time: (\d+)s$", text, re.M).group(1))
    assert serves_on + finishes < spec["terminationGracePeriodSeconds"]


def test_the_role_allows_slices_and_nothing_else(cluster, applied):
    def allowed(account):
        listed = cluster.kubectl("auth", "can-i", "--list", "-n", SPACE, "--as=system:serviceaccount:%s:%s" % (SPACE, account))
        return {" ".join(line.split()) for line in listed.splitlines()[1:]}

    assert allowed("shop") - allowed("default") == {"endpointslices.discovery.k8s.io [] [] [list watch]"}
