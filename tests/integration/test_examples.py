"""The configurations that the project shows to its users are right, even for --strict; those of tests/examples answer as they say: each
begins with requests, `$ curl ...`, and what comes back, a status with a body, then headers."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import shlex
import subprocess
import textwrap
from pathlib import Path

import pytest
import yaml

from kit.backend import answer

ROOT = Path(__file__).resolve().parents[2]


def configmap():
    """The file in the ConfigMap of deploy/k8s."""
    text = (ROOT / "deploy/k8s/configmap.yaml").read_text().split("  remora.yaml: |\n", 1)[1]
    return textwrap.dedent("".join(re.match(r"(?: {4}.*\n|\n)*", text).group(0)))


def shown():
    """Each whole configuration in the pages, by page and number."""
    for page in ("README.md", "sd/BALANCING.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").glob("*.md"))):
        blocks = re.findall(r"^```yaml\n(version:.*?)^```$", (ROOT / page).read_text(), re.M | re.S)
        yield from (("%s %d" % (page, i), block) for i, block in enumerate(blocks))


CONFIGS = {"demo": (ROOT / "tests/demo/remora.yaml").read_text(), "configmap": configmap(), **dict(shown())}


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_shown_configuration_is_right(name, tmp_path):
    text = CONFIGS[name]
    assert "/v1/products" in text
    config = tmp_path / "remora.yaml"
    config.write_text(text)
    done = subprocess.run(
        [os.environ["REMORA"], "check", "--strict", "-c", str(config)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


# ------------------------------------------------------------ tests/examples

EXAMPLES = {path.stem: path for path in sorted((ROOT / "tests/examples").glob("*.yaml"))}
ANSWERS = yaml.safe_load((ROOT / "tests/examples/backends/answers.yaml").read_text())


def script_of(host):
    """A backend that answers as answers.yaml says; what does not stand there is no request of an example."""

    def script(peer, req):
        known = ANSWERS[host]["%s %s" % (req.method, req.target)]
        if isinstance(known, str):
            return answer(known)
        fields = ["%s: %s" % field for field in (known["headers"] | {"Content-Length": len(known["body"])}).items()]
        return "\r\n".join(["HTTP/1.1 " + known["status"], *fields, "", known["body"]]).encode()

    return script


def exchanges(text):
    """[(path, header lines, sent body or None, status, body or None, headers)] of an example's first lines."""
    comment = "".join(line[1:].strip() + "\n" for line in text.split("version:")[0].splitlines() if line.startswith("#"))
    found = []
    for command, status, rest in re.findall(r"^\$ curl (.*)\n(\d{3})((?: .*)?(?:\n(?!\$).+)*)", comment, re.M):
        words = shlex.split(command)
        fields = [words[i + 1] for i, word in enumerate(words) if word == "-H"]
        sent = next((words[i + 1].encode() for i, word in enumerate(words) if word == "-d"), None)
        url = next(word for word in words if word.startswith("http://127.0.0.1:8080/"))
        lines = rest.strip().splitlines()
        headers = [line for line in lines if re.match(r"[A-Z][A-Za-z-]*: ", line)]
        body = " ".join(line for line in lines if line not in headers)
        found.append((url[len("http://127.0.0.1:8080") :], fields, sent, int(status), body or None, headers))
    return found


def content(text):
    """A document's value, where it is one: a reader does not mind how it is written."""
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        return text


AWS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "an example's"}  # of the one with a function


def test_there_are_examples():
    assert len(EXAMPLES) > 10 and all(exchanges(path.read_text()) for path in EXAMPLES.values())


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_answers_as_it_says(name, start, backend):
    text = EXAMPLES[name].read_text()
    done = subprocess.run([os.environ["REMORA"], "check", "--strict", "-c", str(EXAMPLES[name])], capture_output=True, text=True, timeout=60, env=os.environ | AWS)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    config = text
    for host in set(re.findall(r"http://(\w+)\.example:8000", text)):
        config = config.replace("http://%s.example:8000" % host, backend(script_of(host)).url)
    remora = start(config + "listen_ip: 127.0.0.1\n", workers=1, env=AWS)
    for path, fields, sent, status, body, headers in exchanges(text):
        said = remora.ask(path, *fields, method="GET" if sent is None else "POST", body=sent)
        assert said.status == status, (path, said.body)
        if body:
            assert content(said.body.decode()) == content(body)
        for name_, _, value in (line.partition(": ") for line in headers):
            assert said.header(name_) == value, path
