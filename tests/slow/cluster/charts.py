"""The chart in helm/ with the values of tests/chart/values: rendered, installed, and beside the application of tests/chart/shop."""
# SPDX-License-Identifier: Apache-2.0
import json
import shutil
import subprocess
from pathlib import Path

import yaml

from . import programs

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "helm"
VALUES = {path.stem: path for path in sorted((ROOT / "tests/chart/values").glob("*.yaml"))}


def helm(*arguments, home, cluster=None, check=True):
    """`home`: a folder for what helm keeps of its own."""
    command = [programs.path("helm"), *map(str, arguments)]
    if cluster:
        command.append("--kubeconfig=%s" % cluster.kubeconfig)
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    if check:
        assert done.returncode == 0, "helm %s: %s%s" % (" ".join(command[1:]), done.stdout, done.stderr)
    return done


class Charts:
    def __init__(self, folder):
        self.home = folder
        self.shop = folder / "shop"
        shutil.copytree(ROOT / "tests/chart/shop", self.shop)
        about = self.shop / "Chart.yaml"
        about.write_text(about.read_text().replace("file://../../../helm", "file://%s" % CHART))
        helm("dependency", "build", self.shop, home=folder)

    def of(self, name):
        """The chart that the values are for."""
        return self.shop if name == "sidecar" else CHART

    def helm(self, command, name, *arguments, **more):
        """helm COMMAND ARGUMENT... CHART -f VALUES"""
        return helm(command, *arguments, self.of(name), "-f", VALUES[name], home=self.home, **more)

    def objects(self, name, *arguments, release="gw", namespace="shop"):
        text = self.helm("template", name, release, "--namespace", namespace, *arguments).stdout
        return [one for one in yaml.safe_load_all(text) if one]


def find(objects, kind, name=None):
    found = [one for one in objects if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    assert len(found) == 1, "%d of kind %s" % (len(found), kind)
    return found[0]


def pod_of(deployment):
    template = deployment["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    }


def as_json(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
