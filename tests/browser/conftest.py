"""Fixtures of the browser's tests: remora and its peers as in the integration tests, and one Chromium for a test."""
# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]
os.environ["REMORA"] = str(Path(os.environ.get("REMORA") or HERE.parents[1] / "build/release/remora").resolve())

import pytest  # noqa: E402

import devtools  # noqa: E402
from kit.gateway import Remora  # noqa: E402


def pytest_configure(config):
    if not devtools.program():
        raise pytest.UsageError("no chromium: `./setup slow` installs it")


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(config, **more):
        started.append(Remora(config, tmp_path, name="remora%d" % len(started), **more))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture
def browser(tmp_path):
    with devtools.Browser(str(tmp_path)) as one:
        yield one
        assert one.complaints == [], "the console says"
