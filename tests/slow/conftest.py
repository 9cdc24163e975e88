"""Fixtures of the slow tests. A test file has a network namespace and a cluster of its own; a test has a Kubernetes namespace of its
own in it. What is missing ends the run with a word: nothing is skipped."""
# SPDX-License-Identifier: Apache-2.0
import itertools
import os
import resource
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]
os.environ["REMORA"] = str(Path(os.environ.get("REMORA") or HERE.parents[1] / "build/release/remora").resolve())

import pytest  # noqa: E402

from cluster import namespace, programs  # noqa: E402
from cluster.control import PORT, Cluster  # noqa: E402
from cluster.gateway import Gateway  # noqa: E402
from cluster.load import Load  # noqa: E402
from cluster.pods import Pods  # noqa: E402
from cluster.relay import Relay  # noqa: E402
from cluster.shop import Shop  # noqa: E402

serials = itertools.count(1)


def pytest_configure(config):
    if not os.access(os.environ["REMORA"], os.X_OK):
        raise pytest.UsageError("no program at %s: build it, or name one with REMORA" % os.environ["REMORA"])
    if programs.missing():
        raise pytest.UsageError("not built yet: %s; `./setup slow` does it" % ", ".join(programs.missing()))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    namespace.enter()


@pytest.fixture(scope="module")
def cluster_flags():
    """A module that wants more of the API server's flags has a fixture of this name."""
    return ()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, cluster_flags):
    with Cluster(tmp_path_factory.mktemp("cluster"), cluster_flags) as one:
        yield one


@pytest.fixture
def make_shop(cluster, tmp_path):
    cluster.audit.forget()
    return lambda: Shop(cluster, "shop%d" % next(serials), tmp_path)


@pytest.fixture
def shop(make_shop):
    return make_shop()


@pytest.fixture
def pods():
    with Pods() as all_pods:
        yield all_pods


@pytest.fixture
def gateway(shop, tmp_path):
    """gateway(services...): remora beside the pods of `shop`; it ends with the test, and must end well."""
    started = []

    def begin(*hosts, **more):
        started.append(Gateway(more.pop("shop", shop), tmp_path, hosts, name="remora%d" % len(started), **more))
        return started[-1]

    yield begin
    for one in started:
        if one.process.returncode is None:
            one.stop()


@pytest.fixture
def load():
    """load(gateway, ...): a steady load on it."""
    return lambda gateway, path="/0", **more: Load(gateway.port, path, **more)


@pytest.fixture
def relay(cluster):
    """A network to the API server that a test can cut."""
    with Relay(PORT) as one:
        yield one
