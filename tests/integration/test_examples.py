"""The configurations that the project shows to its users are right, even for --strict."""
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def block_after(text, marker):
    """What follows the line `marker`: to the closing fence in Markdown, as long as it is indented deeper in YAML."""
    lines = text.splitlines()
    indent = len(marker) - len(marker.lstrip())
    block = []
    for line in lines[lines.index(marker) + 1 :]:
        if line == "```" or (marker != "```yaml" and line.strip() and len(line) - len(line.lstrip()) <= indent):
            break
        block.append(line)
    return textwrap.dedent("\n".join(block)) + "\n"


CONFIGS = {
    "demo": lambda: (ROOT / "tests/demo/remora.yaml").read_text(),
    "configmap": lambda: block_after((ROOT / "deploy/k8s/configmap.yaml").read_text(), "  remora.yaml: |"),
    "balancing": lambda: block_after((ROOT / "sd/BALANCING.md").read_text(), "```yaml"),
    "readme": lambda: block_after((ROOT / "README.md").read_text(), "```yaml"),
}


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_shown_configuration_is_right(name, tmp_path):
    text = CONFIGS[name]()
    assert "/v1/products" in text
    config = tmp_path / "remora.yaml"
    config.write_text(text)
    done = subprocess.run(
        [os.environ["REMORA"], "check", "--strict", "-c", str(config)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
