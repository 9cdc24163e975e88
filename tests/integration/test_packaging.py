"""What is installed beside the program: completion, manual page, systemd unit."""
# SPDX-License-Identifier: Apache-2.0
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REMORA = os.environ["REMORA"]
COMMANDS = ("run", "check", "graph", "keys")


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


def complete(*words, folder=ROOT):
    """What bash would offer for the last word."""
    script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _remora; printf "%s\\n" "${COMPREPLY[@]}"'
    done = run("bash", "-c", script, str(ROOT / "deploy/completion/remora.bash"), *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def options_of(command):
    return set(re.findall(r"(?<!\S)--?[a-z]+", re.search(r"\n\n +-.*?\n\n", run(REMORA, command, "--help").stdout, re.S).group(0)))


def test_bash_offers_commands():
    assert complete("remora", "ru") == ["run"]
    assert set(COMMANDS) <= set(complete("remora", ""))
    assert {"version", "help"} <= set(complete("remora", ""))


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_offers_each_option_of_a_command_and_no_other(command):
    assert set(complete("remora", command, "-")) == options_of(command)


def test_bash_offers_files_and_formats(tmp_path):
    (tmp_path / "shop.yaml").touch()
    assert complete("remora", "check", "-c", "sh", folder=tmp_path) == ["shop.yaml"]
    assert complete("remora", "graph", "--format", "d") == ["dot"]
    assert complete("remora", "keys", "--format", "") == ["markdown", "schema"]


@pytest.mark.parametrize("shell", ["_remora", "remora.fish"])
def test_other_shells_name_each_long_option(shell):
    text = (ROOT / "deploy/completion" / shell).read_text()
    for command in COMMANDS:
        for option in options_of(command):
            if option.startswith("--"):
                assert option in text or "-l %s" % option[2:] in text, option


@pytest.mark.parametrize("command", COMMANDS)
def test_manual_page_has_each_option(command):
    text = (ROOT / "deploy/man/remora.1").read_text().replace("\\-", "-")
    for option in options_of(command):
        assert re.search(r"^\.(BR?|BI) .*(?<!\S)%s(?![a-z])" % option, text, re.M), option


def test_install_puts_everything_in_its_place(tmp_path):
    build = Path(REMORA).resolve().parent
    done = run("cmake", "--install", str(build), "--prefix", str(tmp_path / "usr"))
    assert done.returncode == 0, done.stderr
    for path in (
        "bin/remora",
        "share/man/man1/remora.1",
        "share/bash-completion/completions/remora",
        "share/zsh/vendor-completions/_remora",
        "share/fish/vendor_completions.d/remora.fish",
        "lib/systemd/system/remora.service",
    ):
        assert (tmp_path / "usr" / path).is_file(), path
    unit = (tmp_path / "usr/lib/systemd/system/remora.service").read_text()
    assert "@" not in re.sub(r"@(system-service|privileged)\b", "", unit)


def role(text):
    """apiGroups, resources and verbs of the first Role in the text."""
    return re.search(r"apiGroups: (\[.*\])\n +resources: (\[.*\])\n +verbs: (\[.*\])", text).groups()


def test_role_is_the_one_that_the_documentation_shows():
    assert role((ROOT / "deploy/k8s/rbac.yaml").read_text()) == role((ROOT / "sd/README.md").read_text())
