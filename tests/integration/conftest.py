"""Fixtures of the integration tests. REMORA names the program; without it the release build is taken."""
# SPDX-License-Identifier: Apache-2.0
import os
import resource
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ["REMORA"] = str(Path(os.environ.get("REMORA") or ROOT / "build/release/remora").resolve())

import pytest  # noqa: E402

from kit.backend import Backend  # noqa: E402
from kit.gateway import Remora, innocent_script  # noqa: E402


def pytest_configure(config):
    # A thousand requests in flight are two thousand descriptors here.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not os.access(os.environ["REMORA"], os.X_OK):
        raise pytest.UsageError("no program at %s: build it, or name one with REMORA" % os.environ["REMORA"])


@pytest.fixture
def start(tmp_path):
    """start(config, ...): a Remora that ends with the test, and must end well."""
    started = []

    def begin(config, **more):
        more.setdefault("name", "remora%d" % len(started))
        started.append(Remora(config, tmp_path, **more))
        return started[-1]

    yield begin
    errors = []
    for one in started:
        try:
            if one.process.returncode is None:
                one.stop()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def backend():
    """backend(script, ...): a scripted backend that ends with the test; what must not reach it fails the test."""
    made = []

    def begin(script=None, **more):
        made.append(Backend(script, **more))
        return made[-1]

    yield begin
    for one in made:
        one.close()
    for one in made:
        one.check()


@pytest.fixture(scope="module")
def innocent_backend():
    with Backend(innocent_script) as one:
        yield one
