"""deploy/image: the size of what it builds, that it is reproducible, and that it serves as a numeric user on a read-only root."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ["REMORA"]).resolve().parent
ENTER = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec chroot --userspec=65532:65532 --groups= "$1" /usr/bin/remora %s'


def build(folder):
    done = subprocess.run(
        [ROOT / "deploy/image", BUILD, folder],
        env=dict(os.environ, SOURCE_DATE_EPOCH="1700000000"),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return folder


def blob(image, digest):
    return image / "blobs" / digest.replace(":", "/")


def manifest(image):
    index = json.loads((image / "index.json").read_text())
    return json.loads(blob(image, index["manifests"][0]["digest"]).read_text())


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return build(tmp_path_factory.mktemp("image") / "oci")


@pytest.fixture(scope="module")
def root(image, tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    for layer in manifest(image)["layers"]:
        with tarfile.open(blob(image, layer["digest"])) as archive:
            archive.extractall(folder)
    (folder / "etc/remora/remora.yaml").write_text((ROOT / "tests/demo/remora.yaml").read_text())
    folder.chmod(0o755)
    return folder


def test_it_is_small(image):
    assert sum(layer["size"] for layer in manifest(image)["layers"]) <= 20_000_000


def test_it_has_a_numeric_user_and_no_shell(image, root):
    config = json.loads(blob(image, manifest(image)["config"]["digest"]).read_text())["config"]
    assert config["User"] == "65532:65532"
    assert [path.name for path in (root / "usr/bin").iterdir()] == ["remora"]
    assert not (root / "bin").exists() and not (root / "sbin").exists()


def test_it_is_reproducible(image, tmp_path):
    again = build(tmp_path / "oci")
    assert manifest(again)["layers"] == manifest(image)["layers"]


def test_it_reads_the_demo_as_65532_on_a_read_only_root(root):
    command = ["unshare", "-m", "sh", "-c", ENTER % "check -c /etc/remora/remora.yaml", "sh", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "fine: 1 endpoint" in done.stdout, done.stderr


def test_it_starts_the_demo(root):
    command = ["unshare", "-mn", "sh", "-c", "ip link set lo up && " + ENTER % "run -c /etc/remora/remora.yaml", "sh", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            line = next(line for line in process.stdout if "listening" in line)
            status = Path("/proc/%d/status" % process.pid).read_text()
        finally:
            process.terminate()
    assert "8080" in line
    assert re.search(r"^Uid:\s+65532\s", status, re.M)
    assert process.returncode == 0
