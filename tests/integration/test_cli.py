"""The command line: what a person and a CI job see. Exit codes: 0 fine, 1 configuration, 2 usage, 3 cannot start."""
# SPDX-License-Identifier: Apache-2.0
import json
import re
import socket

import pytest

from kit.backend import answer
from kit.gateway import free_port, run
from kit.waiting import until

GOOD = """\
version: 3
port: 8123
timeout: 3s
endpoints:
  - endpoint: /v1/products
    backend:
      - host: [http://products.test:9000]
        url_pattern: /products
"""


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="remora.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return to_file


FINDING = re.compile(r"^(?P<file>[^\n:]+):(?P<line>\d+):(?P<column>\d+): (?P<kind>error|warning): (?P<rest>.+)$", re.M)


def findings(text, kind):
    return [match for match in FINDING.finditer(text) if match.group("kind") == kind]


# ---------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["help"], ["run", "--help"], ["run", "-h"], ["check", "--help"]]
)
def test_help_is_asked_for(arguments):
    status, out, err = run(*arguments)
    assert status == 0 and "usage: remora" in out and err == ""


def test_help_names_every_option():
    for command, options in {"run": ["-c", "-p", "-d"], "check": ["-c", "-t", "-d", "--strict"]}.items():
        out = run(command, "--help")[1]
        for option in options:
            assert re.search(r"(?<!\S)%s\b" % re.escape(option), out), (command, option)


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_version(arguments):
    status, out, err = run(*arguments)
    assert status == 0 and re.fullmatch(r"remora \d+\.\d+\.\d+\S*\n", out) and err == ""


@pytest.mark.parametrize(
    "arguments,said",
    [
        ([], "usage"),
        (["nonsense"], "usage"),
        (["run"], "-c"),
        (["check"], "-c"),
        (["run", "-c"], "-c"),
        (["run", "--nonsense"], "--nonsense"),
        (["check", "-c", "x", "--nonsense"], "--nonsense"),
        (["check", "-c", "x", "y"], "argument"),
        (["run", "-c", "x", "-p", "0"], "port"),
        (["run", "-c", "x", "-p", "65536"], "port"),
        (["run", "-c", "x", "-p", "http"], "port"),
        (["run", "-c", "x", "-p", ""], "port"),
        (["run", "-c", "x", "-p", "80 "], "port"),
        (["run", "-c", "x", "-p", "+80"], "port"),
        (["run", "-c", "x", "-p", "4294967376"], "port"),
        (["run", "-c", "x", "--strict"], "--strict"),
        (["check", "-c", "x", "-p", "80"], "-p"),
    ],
)
def test_misuse_is_2(arguments, said):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and said in err and "usage" in err


# ---------------------------------------------------------------- check


def test_check_of_a_good_file(write):
    status, out, err = run("check", "-c", write(GOOD))
    assert (status, err) == (0, "") and "1 endpoint" in out and "8123" in out


def test_check_takes_json(write):
    config = {
        "version": 3,
        "endpoints": [{"endpoint": "/a", "backend": [{"host": ["http://a.test"], "url_pattern": "/"}]}],
    }
    assert run("check", "-c", write(json.dumps(config), "krakend.json"))[0] == 0


@pytest.mark.parametrize("command", ["run", "check"])
def test_no_such_file_is_1(command, tmp_path):
    status, _, err = run(command, "-c", str(tmp_path / "none.yaml"))
    assert status == 1 and "none.yaml" in err and "No such file" in err


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_folder_is_no_file(command, tmp_path):
    status, _, err = run(command, "-c", str(tmp_path))
    assert status == 1 and err


BAD = """\
version: 3
timeout: 3000
port: many
endpoints:
  - endpoint: /v1/products
    methode: GET
    timeout: 1 second
    backend:
      - host: [http://products.test:9000]
        url_pattern: /products/{id}
  - endpoint: /v1/empty
    backend: []
"""


@pytest.mark.parametrize("command", ["run", "check"])
def test_all_errors_at_once(command, write):
    """Each with file, line, column and key, in the file's order, on standard error; and nothing starts."""
    path = write(BAD)
    status, out, err = run(command, "-c", path)
    assert (status, out) == (1, "")
    errors = findings(err, "error")
    assert [(one.group("file"), int(one.group("line"))) for one in errors] == [
        (path, line) for line in (2, 3, 7, 10, 12)
    ]
    assert all(int(one.group("column")) > 0 for one in errors)
    for one, key in zip(
        errors,
        ["timeout", "port", "endpoints[0].timeout", "endpoints[0].backend[0].url_pattern", "endpoints[1].backend"],
    ):
        assert one.group("rest").startswith(key + ": "), one.group(0)
    assert "3000ms" in errors[0].group("rest") or "3s" in errors[0].group("rest")  # the hint
    assert "5 errors" in err
    warnings = findings(err, "warning")
    assert len(warnings) == 1 and "methode" in warnings[0].group(0) and '"method"' in warnings[0].group(0)


ONE_BAD = [
    ("no version", "endpoints: []\n", "version"),
    ("version 1", "version: 1\n", "version"),
    ("not YAML", "version: 3\nendpoints: [\n", ""),
    ("tab", "version: 3\n\tport: 1\n", ""),
    ("a list", "- version: 3\n", ""),
    ("duplicate key", "version: 3\nport: 80\nport: 81\n", ""),
    ("port too big", "version: 3\nport: 65536\n", "port"),
    ("negative timeout", "version: 3\ntimeout: -1s\n", "timeout"),
    ("days", "version: 3\ntimeout: 1d\n", "timeout"),
    ("listen name", "version: 3\nlisten_ip: localhost\n", "listen_ip"),
    ("endpoints no list", "version: 3\nendpoints: {}\n", "endpoints"),
    (
        "limits unknown unit",
        "version: 3\nextra_config: {remora: {limits: {client_body_bytes: 10 parsecs}}}\n",
        "extra_config.remora.limits.client_body_bytes",
    ),
    (
        "feature of later",
        "version: 3\nextra_config: {auth/revoker: {allow_origins: ['*']}}\n",
        "extra_config.auth/revoker",
    ),
    ("plugin", "version: 3\nplugin: {folder: a, pattern: b}\n", "plugin"),
    ("level", "version: 3\nextra_config: {telemetry/logging: {level: LOUD}}\n", "extra_config.telemetry/logging.level"),
]
ENDPOINT_BAD = [
    ("no path", "- backend: [{host: [http://a.test], url_pattern: /}]", "endpoints[0].endpoint"),
    (
        "reserved path",
        "- {endpoint: /__health, backend: [{host: [http://a.test], url_pattern: /}]}",
        "endpoints[0].endpoint",
    ),
    ("wildcard", "- {endpoint: /a/*/b, backend: [{host: [http://a.test], url_pattern: /}]}", "endpoints[0].endpoint"),
    (
        "parameter with a suffix",
        "- {endpoint: '/a/{x}.json', backend: [{host: [http://a.test], url_pattern: '/{x}'}]}",
        "endpoints[0].endpoint",
    ),
    (
        "method",
        "- {endpoint: /a, method: BREW, backend: [{host: [http://a.test], url_pattern: /}]}",
        "endpoints[0].method",
    ),
    ("no backend", "- {endpoint: /a}", "endpoints[0].backend"),
    (
        "twice",
        "- {endpoint: /a, backend: [{host: [http://a.test], url_pattern: /}]}\n- {endpoint: /a, backend: [{host: [http://a.test], url_pattern: /}]}",
        "endpoints[1].endpoint",
    ),
    (
        "two names",
        "- {endpoint: '/a/{x}', backend: [{host: [http://a.test], url_pattern: /}]}\n- {endpoint: '/a/{y}/b', backend: [{host: [http://a.test], url_pattern: /}]}",
        "endpoints[1].endpoint",
    ),
    (
        "host with a path",
        "- {endpoint: /a, backend: [{host: [http://a.test/x], url_pattern: /}]}",
        "endpoints[0].backend[0].host[0]",
    ),
    (
        "unknown placeholder",
        "- {endpoint: /a, backend: [{host: [http://a.test], url_pattern: '/{x}'}]}",
        "endpoints[0].backend[0].url_pattern",
    ),
    (
        "answer of a later backend",
        "- {endpoint: /a, extra_config: {proxy: {sequential: true}}, backend: [{host: [http://a.test], url_pattern: '/{resp1_x}'}, "
        "{host: [http://a.test], url_pattern: /}]}",
        "endpoints[0].backend[0].url_pattern",
    ),
    (
        "no-op of two",
        "- {endpoint: /a, output_encoding: no-op, backend: [{host: [http://a.test], url_pattern: /}, {host: [http://a.test], url_pattern: /}]}",
        "endpoints[0].output_encoding",
    ),
    (
        "allow a number",
        "- {endpoint: /a, backend: [{host: [http://a.test], url_pattern: /, allow: 5}]}",
        "endpoints[0].backend[0].allow",
    ),
    (
        "discovery unknown",
        "- {endpoint: /a, backend: [{host: [http://a.test], url_pattern: /, sd: etcd}]}",
        "endpoints[0].backend[0].sd",
    ),
    (
        "no address",
        "- {endpoint: /a, backend: [{host: ['http://10.0.0.1', 'http://10.0.0.300'], url_pattern: /}]}",
        "endpoints[0].backend[0].host[1]",
    ),
    (
        "expression",
        "- {endpoint: /a, extra_config: {validation/cel: [{check_expr: 'true'}]}, backend: [{host: [http://a.test], url_pattern: /}]}",
        "endpoints[0].extra_config.validation/cel",
    ),
    (
        "script",
        "- {endpoint: /a, backend: [{host: [http://a.test], url_pattern: /, extra_config: {modifier/lua-backend: {live: true}}}]}",
        "endpoints[0].backend[0].extra_config.modifier/lua-backend",
    ),
]


@pytest.mark.parametrize(
    "text,key",
    [case[1:] for case in ONE_BAD] + [("version: 3\nendpoints:\n" + case[1] + "\n", case[2]) for case in ENDPOINT_BAD],
    ids=[case[0] for case in ONE_BAD + ENDPOINT_BAD],
)
def test_a_bad_configuration_starts_nothing(text, key, write):
    path = write(text)
    for command in ("check", "run"):
        status, out, err = run(command, "-c", path)
        errors = findings(err, "error")
        assert (status, out) == (1, "") and len(errors) >= 1, (status, out, err)
        assert errors[0].group("file") == path
        assert errors[0].group("rest").startswith(key + ": " if key else ""), err


def test_unknown_keys_are_warnings_and_with_strict_errors(write):
    path = write(GOOD + "foo: 1\n")
    status, out, err = run("check", "-c", path)
    assert status == 0 and len(findings(err, "warning")) == 1 and "foo" in err and not findings(err, "error")
    status, out, err = run("check", "--strict", "-c", path)
    assert status == 1 and len(findings(err, "error")) == 1 and "foo" in err
    assert run("check", "--strict", "-c", write(GOOD))[0] == 0


def test_old_names_are_read_with_a_warning(write):
    status, _, err = run("check", "-c", write(GOOD + "        whitelist: [a]\n"))
    assert status == 0 and len(findings(err, "warning")) == 1 and "whitelist" in err and "allow" in err


def test_the_dump_is_json_with_defaults_and_without_secrets(write):
    text = GOOD.replace("http://products.test:9000", "http://user:geheim@products.test:9000").replace(
        "        url_pattern", "        disable_host_sanitize: true\n        url_pattern"
    )
    status, out, err = run("check", "-d", "-c", write(text))
    if status == 1:  # refused is as good as masked
        assert "geheim" not in err
        status, out, err = run("check", "-d", "-c", write(GOOD))
    assert status == 0
    dumped = json.loads(out)
    assert dumped["port"] == 8123 and dumped["timeout"] == "3s"
    assert dumped["endpoints"][0]["endpoint"] == "/v1/products"
    assert "geheim" not in out


def test_the_dump_is_a_configuration_again(write):
    out = run("check", "-d", "-c", write(GOOD))[1]
    again = run("check", "-d", "--strict", "-c", write(out, "again.json"))
    assert again[0] == 0, again[2]
    assert json.loads(again[1]) == json.loads(out)


def test_check_opens_no_port_unless_told(write):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = write(GOOD.replace("8123", str(taken.getsockname()[1])) + "listen_ip: 127.0.0.1\n")
        assert run("check", "-c", path)[0] == 0
        status, _, err = run("check", "-t", "-c", path)
        assert status == 3 and str(taken.getsockname()[1]) in err


def test_check_opens_files_only_when_told(write, tmp_path):
    path = write(GOOD.replace("8123", str(free_port())) + "client_tls: {ca_certs: ['%s']}\n" % (tmp_path / "none.pem"))
    assert run("check", "-c", path)[0] == 0
    status, _, err = run("check", "-t", "-c", path)
    assert status == 1 and "none.pem" in err


# ---------------------------------------------------------------- run


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", ""])
def test_a_taken_port_is_3(address, write):
    """Also where another process listens on all addresses of one family only: a port is never shared silently."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as taken:
        try:
            taken.bind((address, 0))
        except OSError:
            assert ":" in address  # a machine without IPv6
            return
        taken.listen()
        port = taken.getsockname()[1]
        config = GOOD + ("listen_ip: '%s'\n" % address if address else "")
        status, out, err = run("run", "-c", write(config), "-p", str(port))
        assert status == 3 and str(port) in out + err


def test_an_address_of_another_machine_is_3(write):
    status, out, err = run("run", "-c", write(GOOD + "listen_ip: 192.0.2.1\n"), "-p", str(free_port()))
    assert status == 3 and "192.0.2.1" in out + err


@pytest.mark.parametrize("how", ["file", "KRAKEND_PORT", "REMORA_PORT", "both", "option"])
def test_where_the_port_comes_from(how, write, tmp_path):
    """-p wins over REMORA_PORT, that over KRAKEND_PORT, that over the file; seen by which port is found to be taken."""
    with socket.socket() as taken, socket.socket() as other:
        for sock in (taken, other):
            sock.bind(("127.0.0.1", 0))
            sock.listen()
        right, wrong = taken.getsockname()[1], other.getsockname()[1]
        config = GOOD.replace("8123", str(right if how == "file" else wrong)) + "listen_ip: 127.0.0.1\n"
        env, arguments = {}, []
        if how == "both":
            env = {"KRAKEND_PORT": str(wrong), "REMORA_PORT": str(right)}
        elif how == "option":
            env, arguments = {"KRAKEND_PORT": str(wrong), "REMORA_PORT": str(wrong)}, ["-p", str(right)]
        elif how != "file":
            env = {how: str(right)}
        status, out, err = run("run", "-c", write(config), *arguments, env=env)
        assert status == 3 and str(right) in out + err and str(wrong) not in out + err


def test_the_environment_is_checked_like_the_file(write):
    status, _, err = run("run", "-c", write(GOOD), env={"KRAKEND_PORT": "many"})
    assert status == 1 and "KRAKEND_PORT" in err


def test_other_root_keys_of_the_environment(write):
    out = run("check", "-d", "-c", write(GOOD), env={"KRAKEND_TIMEOUT": "7s", "KRAKEND_NAME": "n"})[1]
    dumped = json.loads(out)
    assert dumped["timeout"] == "7s" and dumped["name"] == "n"


def test_an_ipv6_socket_serves_ipv4_too(start):
    remora = start('version: 3\nlisten_ip: "::ffff:127.0.0.1"\n')  # the part of "::" that is loopback
    socket.create_connection(("127.0.0.1", remora.port), 10).close()


@pytest.mark.parametrize("workers", [1, 3])
def test_workers(workers, start):
    remora = start("version: 3\nlisten_ip: 127.0.0.1\n", env={"REMORA_WORKERS": str(workers)})
    until(lambda: "workers=%d" % workers in remora.log(), "the number of workers in the log")


@pytest.mark.parametrize("debug", [False, True])
def test_debug(debug, start):
    remora = start("version: 3\nlisten_ip: 127.0.0.1\n", arguments=["-d"] if debug else [])
    got = remora.ask("/__debug/x?secret=1", "Authorization: Bearer geheim")
    assert got.status == (200 if debug else 404)
    if debug:
        assert got.body == b'{"message":"pong"}'
        assert "DEBUG" in remora.log()
    assert "geheim" not in remora.log()


def test_an_empty_gateway_is_fine(start):
    remora = start("version: 3\nlisten_ip: 127.0.0.1\n")
    assert remora.ask("/__health").status == 200
    assert remora.ask("/x").status == 404


def test_no_secret_in_the_log(start, backend):
    far = backend(lambda peer, req: answer(b"{}", "500 Oops", "Set-Cookie: geheim=1"))
    remora = start(
        "version: 3\nlisten_ip: 127.0.0.1\nendpoints: [{endpoint: /a, input_headers: ['*'], input_query_strings: ['*'], "
        "backend: [{host: ['%s'], url_pattern: /a}]}]\n" % far.url,
        arguments=["-d"],
    )
    remora.ask(
        "/a", "Authorization: Bearer geheim", "Cookie: s=geheim", "X-Api-Key: geheim", "Proxy-Authorization: geheim"
    )
    assert far.requests and "geheim" not in remora.log()
