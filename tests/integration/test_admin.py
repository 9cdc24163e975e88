"""The admin listener: what discovery knows, metrics, the configuration; and that who asks there disturbs nobody."""
# SPDX-License-Identifier: Apache-2.0
import json
import socket
import threading

import pytest

from kit.backend import answer
from kit.gateway import fill, free_port, run
from kit.process import listening
from kit.threads import Held
from kit.waiting import DEADLINE_S, until
from kit.wire import Wire, ask, request

CONFIG = """
version: 3
timeout: 300s
listen_ip: 127.0.0.1
extra_config:
  remora: {workers: $workers, admin: {listen: "127.0.0.1:$$admin"}}
endpoints:
  - endpoint: /u/{id}
    backend: [{url_pattern: "/{id}", host: ["$backend", "http://localhost:1"]}]
  - endpoint: /v
    backend: [{url_pattern: /v, host: ["$backend"]}, {url_pattern: /w, host: ["$backend"]}]
  - endpoint: /nobody
    backend: [{url_pattern: /, host: ["http://nobody.invalid"]}]
"""


@pytest.fixture(params=[1, 4])
def gateway(request, start, backend):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=request.param, backend=far.url))
    until(lambda: ask(remora.admin_port, "/startupz").status == 200, "all workers")
    remora.far, remora.n_workers = far, request.param
    return remora


# ------------------------------------------------------------ what discovery knows


def test_hosts(gateway):
    until(lambda: gateway.hosts()["sources"][2]["outcome"] == "no_host", "the name that nobody knows")
    page = gateway.hosts()
    assert page["missing"] == []
    two, one, nobody = page["sources"]
    port = gateway.far.port
    assert two["sd"] == "static" and two["host"] == [gateway.far.url, "http://localhost:1"]
    assert two["used_by"] == ["GET /u/{id} backend 0"]
    assert one["used_by"] == ["GET /v backend 0", "GET /v backend 1"]
    assert (two["outcome"], two["error"], two["answered"], two["failures_in_a_row"]) == ("ok", "", True, 0)
    assert two["changes"] == 1 and two["refreshes"]["ok"] >= 1 and two["age_seconds"] >= 0
    assert two["failed_seconds_ago"] is None and two["why_no_host"] == ""
    first, second = two["hosts"][:2]
    assert (first["address"], first["port"], first["name"], first["scheme"]) == ("127.0.0.1", port, "127.0.0.1", "http")
    assert (second["name"], second["port"]) == ("localhost", 1)
    assert (first["state"], first["weight"], first["priority"], first["zone"]) == ("ready", 1, 0, "")
    assert (first["ejections"], first["ejected_for_seconds"]) == (0, 0)
    # Why nobody is there: the name, and what became of it.
    assert nobody["hosts"] == [] and nobody["failures_in_a_row"] >= 1 and nobody["failed_seconds_ago"] >= 0
    assert "nobody.invalid" in nobody["error"] and "no such name" in nobody["error"]
    assert nobody["why_no_host"] == "there is nobody: " + nobody["error"]


def test_requests_are_counted_over_all_workers(gateway):
    for _ in range(20):
        assert gateway.ask("/v").status == 200
    source = gateway.hosts()["sources"][1]
    assert source["requests"] == 40 and source["hosts"][0]["requests"] == 40 and source["in_flight"] == 0
    assert gateway.hosts()["sources"][0]["requests"] == 0
    assert gateway.metrics().value("remora_pool_requests_total", source="static:" + gateway.far.url) == 40
    held = threading.Event()
    gateway.far.script = lambda peer, req: held.wait(DEADLINE_S) and answer(b'{"a":1}')
    wires = [gateway.wire() for _ in range(12)]
    for wire in wires:
        wire.send(request("GET /v HTTP/1.1"))
    gateway.far.wait_requests(40 + 24)
    source = gateway.hosts()["sources"][1]
    assert source["in_flight"] == 24 and source["hosts"][0]["in_flight"] == 24
    assert gateway.metrics().value("remora_pool_in_flight_requests", source="static:" + gateway.far.url) == 24
    held.set()
    for wire in wires:
        with wire:
            assert wire.answer().status == 200
    until(lambda: gateway.hosts()["sources"][1]["in_flight"] == 0, "the end of all calls")


def test_failures_and_ejections(start, backend):
    """Of two hosts one refuses: it is shown ejected, for how long, and counted."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    config = fill(CONFIG, workers=4, backend=far.url).replace('"http://localhost:1"', '"http://127.0.0.1:1"')
    remora = start(config)

    def ejected():
        assert remora.ask("/u/1").status == 200  # asked once more at the other
        good, bad = remora.hosts()["sources"][0]["hosts"]
        assert good["state"] == "ready" and good["failures"] == 0
        return bad if bad["state"] == "ejected" else None

    bad = until(ejected, "an ejection")
    assert bad["failures"] >= 1 and bad["ejections"] >= 1 and bad["ejected_for_seconds"] >= 0
    assert remora.hosts()["sources"][0]["why_no_host"] == ""
    name = "static:%s,http://127.0.0.1:1" % far.url
    metrics = remora.metrics()
    assert metrics.value("remora_pool_failures_total", source=name) >= 1
    assert metrics.value("remora_pool_ejections_total", source=name) >= 1
    states = {labels["state"]: n for labels, n in metrics.all("remora_discovery_hosts", source=name)}
    assert states["ready"] + states["ejected"] == 2 and states["terminating"] == 0


def test_metrics(gateway):
    until(lambda: gateway.hosts()["sources"][2]["outcome"] == "no_host", "the name that nobody knows")
    metrics = gateway.metrics()
    assert metrics.value("remora_build_info") == 1
    assert metrics.value("remora_loop_up", loop="discovery") == 1
    assert metrics.value("remora_loop_up") == 1 + gateway.n_workers
    one = "static:" + gateway.far.url
    assert metrics.value("remora_discovery_hosts", source=one, state="ready") == 1
    assert metrics.value("remora_discovery_hosts", source=one, state="terminating") == 0
    assert metrics.value("remora_discovery_hosts", source=one, state="ejected", zone="") == 0
    assert metrics.value("remora_discovery_up", source=one) == 1
    assert metrics.value("remora_discovery_refreshes_total", source=one, outcome="ok") == 1
    assert metrics.value("remora_discovery_changes_total", source=one) == 1
    assert metrics.value("remora_discovery_consecutive_failures", source=one) == 0
    assert metrics.value("remora_discovery_age_seconds", source=one) >= 0
    nobody = "static:http://nobody.invalid"
    assert metrics.value("remora_discovery_up", source=nobody) == 0
    assert metrics.value("remora_discovery_hosts", source=nobody, state="ready", zone="") == 0
    assert metrics.value("remora_discovery_refreshes_total", source=nobody, outcome="no_host") >= 1
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"):
        assert metrics.value(name) > 0
    assert metrics.value("process_cpu_seconds_total") >= 0
    answer_ = ask(gateway.admin_port, "/metrics")
    assert answer_.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"


def test_equal_names_are_told_apart(start):
    """Two sources that differ only in what a name does not show: no sample may stand twice."""
    hosts = ", ".join('"http://127.0.0.1:%d"' % port for port in range(1, 40))
    more = hosts.replace('"http://127.0.0.1:39"', '"http://127.0.0.1:40"')
    remora = start(
        'version: 3\nlisten_ip: 127.0.0.1\nextra_config: {remora: {admin: {listen: "127.0.0.1:$admin"}}}\n'
        "endpoints:\n- {endpoint: /a, backend: [{url_pattern: /, host: [%s]}]}\n"
        "- {endpoint: /b, backend: [{url_pattern: /, host: [%s]}]}\n" % (hosts, more)
    )
    names = {labels["source"] for labels, _ in remora.metrics().all("remora_discovery_up")}
    assert len(names) == 2 and all(len(name) < 200 for name in names)


def test_a_change_is_one_line_in_the_log(start):
    remora = start(fill(CONFIG, workers=1, backend="http://127.0.0.1:1"))
    until(lambda: 'source="static:http://nobody.invalid"' in remora.log(), "a line")
    until(lambda: remora.hosts()["sources"][2]["failures_in_a_row"] >= 2, "a second failure")
    lines = [line for line in remora.log().splitlines() if "nobody.invalid" in line]
    assert len(lines) == 1 and "WARNING source answered" in lines[0], lines
    assert "hosts=0" in lines[0] and "outcome=no_host" in lines[0]


def test_the_configuration_is_shown_masked(start):
    config = CONFIG.replace("/nobody", "/geheim").replace("nobody.invalid", "127.0.0.1:1")
    remora = start(fill(config, workers=1, backend="http://127.0.0.1:1"))
    page = ask(remora.admin_port, "/__config")
    assert page.status == 200 and page.header("Content-Type") == "application/json; charset=utf-8"
    document = json.loads(page.body)
    assert document["extra_config"]["remora"]["admin"]["listen"] == "127.0.0.1:%d" % remora.admin_port
    assert document["endpoints"][2]["endpoint"] == "/geheim"


# ------------------------------------------------------------ HTTP


def test_pages_and_methods(gateway):
    port = gateway.admin_port
    index = ask(port, "/")
    assert index.status == 200
    for path in ("/livez", "/readyz", "/startupz", "/metrics", "/__hosts", "/__stats", "/__config"):
        assert path.encode() in index.body
        page = ask(port, path)
        assert page.status == 200 and page.body, path
        assert page.header("Cache-Control") == "no-store"
        head = ask(port, path, method="HEAD")
        assert head.status == 200 and head.body == b""
        posted = ask(port, path, method="POST", body=b"x" * 5000)
        assert posted.status == 405 and posted.header("Allow") == "GET, HEAD"
        assert ask(port, path, body=b"x").status == 400
    for path in ("/u/1", "/__health", "/livez/", "/__debug/", "//", "/%2f"):
        assert ask(port, path).status == 404, path
    # They are this listener's: a client of the endpoints does not see them.
    for path in ("/livez", "/metrics", "/__hosts", "/__stats", "/__config"):
        assert gateway.ask(path).status == 404


def test_a_connection_is_kept(gateway):
    with Wire(gateway.admin_port) as wire:
        for path in ("/livez", "/metrics", "/nothing", "/__hosts"):
            wire.send(request("GET %s HTTP/1.1" % path))
            got = wire.answer()
            assert got.status == (404 if path == "/nothing" else 200) and got.whole


def test_many_ask_at_once(gateway):
    wires = [Wire(gateway.admin_port) for _ in range(40)]
    for i, wire in enumerate(wires):
        wire.send(request("GET %s HTTP/1.1" % ("/metrics", "/__hosts", "/livez")[i % 3]))
    for wire in wires:
        with wire:
            assert wire.answer().status == 200


def test_who_hangs_up_while_it_is_asked_is_forgotten(gateway):
    for path in ("/metrics", "/__hosts", "/livez"):
        for _ in range(10):
            wire = Wire(gateway.admin_port)
            wire.send(request("GET %s HTTP/1.1" % path))
            wire.reset()
    assert ask(gateway.admin_port, "/metrics").status == 200


HOSTILE = [
    (request("POST /livez HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET "), 400),
    (request("GET /livez HTTP/1.1", "Content-Length: 1", "Content-Length: 2"), 400),
    (request("GET /livez HTTP/1.1", host=None), 400),
    (request("GET /livez HTTP/1.1", "Host: other"), 400),
    (request("GET /livez HTTP/2.0"), 505),
    (request("GET /" + "a" * 20000 + " HTTP/1.1"), 414),
    (request("GET /livez HTTP/1.1", "A: " + "a" * 20000), 431),
    (request("GET /livez HTTP/1.1", *["A: a"] * 200), 431),
    (request("CONNECT a:1 HTTP/1.1"), 405),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", None),
]


@pytest.mark.parametrize("bytes_,status", HOSTILE)
def test_hostile_requests(bytes_, status, start):
    """The same guard as before the endpoints."""
    remora = start(fill(CONFIG, workers=1, backend="http://127.0.0.1:1"))
    with Wire(remora.admin_port) as wire:
        wire.send(bytes_)
        if status is None:
            wire.half_close()
        got = wire.answer()
        assert got is None or got.status // 100 in (4, 5), got
        assert status is None or got.status == status, got
        wire.to_end()
    assert ask(remora.admin_port, "/livez").body == b"ok"


def test_slow_and_many_clients(start, backend):
    """They are cut off, and take no place from the endpoints' clients."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    config = fill(CONFIG, workers=1, backend=far.url).replace("remora: {", "remora: {limits: {head_timeout: 1s}, ")
    remora = start(config)
    wires = [Wire(remora.admin_port) for _ in range(200)]
    for wire in wires:
        wire.send(b"GET /livez HTTP/1.1\r\nHo")
    assert remora.ask("/v").status == 200
    until(lambda: ask_quietly(remora.admin_port) == b"ok", "a place")
    for wire in wires:
        wire.close()


def ask_quietly(port):
    try:
        return ask(port, "/livez", deadline_s=2).body
    except (AssertionError, OSError):
        return None


# ------------------------------------------------------------ loops that hang


def hold(remora, name):
    try:
        return Held(remora.pid, name).__enter__()
    except PermissionError as error:
        pytest.skip("no thread can be held here: %s" % error)


def test_a_worker_that_hangs(start, backend):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=4, backend=far.url))
    until(lambda: ask(remora.admin_port, "/startupz").status == 200, "all workers")
    held = hold(remora, "worker-1")
    try:
        assert remora.hosts()["missing"] == ["worker-1"]
        metrics = remora.metrics()
        assert metrics.value("remora_loop_up", loop="worker-1") == 0
        assert metrics.value("remora_loop_up") == 4
        assert ask(remora.admin_port, "/livez").status == 200  # it may be busy
        until(lambda: ask(remora.admin_port, "/livez").status == 503, "its death")
        page = ask(remora.admin_port, "/livez").body.decode()
        assert "[-]worker-1 failed: its loop has not turned for" in page and "[+]worker-0 ok" in page
        assert page.endswith("livez check failed\n")
        assert ask(remora.admin_port, "/readyz").status == 200  # liveness's business alone
    finally:
        held.__exit__()
    until(lambda: ask(remora.admin_port, "/livez").status == 200, "its return")
    until(lambda: remora.hosts()["missing"] == [], "its answer")


def test_discovery_that_hangs(start, backend):
    """Requests go on with the hosts that are known; what the workers know is shown."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=1, backend=far.url))
    held = hold(remora, "discovery")
    try:
        page = remora.hosts()
        assert page["missing"] == ["discovery"]
        assert [host["port"] for host in page["sources"][1]["hosts"]] == [far.port]
        assert "outcome" not in page["sources"][1]
        metrics = remora.metrics()
        assert metrics.value("remora_loop_up", loop="discovery") == 0
        assert metrics.value("remora_discovery_hosts", source="static:" + far.url, state="ready") == 1
        assert remora.ask("/v").status == 200
        until(lambda: ask(remora.admin_port, "/livez").status == 503, "its death")
    finally:
        held.__exit__()
    until(lambda: ask(remora.admin_port, "/livez").status == 200, "its return")


# ------------------------------------------------------------ addresses


PLAIN = "version: 3\nlisten_ip: 127.0.0.1\n"


class Taken:
    def __init__(self, reuse_port=False, port=0):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def configured(folder, name, listen):
    path = folder / "remora.yaml"
    path.write_text(PLAIN + "extra_config: {remora: {%s: {listen: '%s'}}}\n" % (name, listen))
    return str(path)


@pytest.mark.parametrize("reuse_port", [False, True])
@pytest.mark.parametrize("name,word", [("admin", "admin"), ("probes", "probe")])
def test_a_configured_address_that_is_taken_is_an_error(name, word, reuse_port, tmp_path):
    with Taken(reuse_port) as taken:
        config = configured(tmp_path, name, "127.0.0.1:%d" % taken.port)
        why = "cannot listen on 127.0.0.1 port %d: Address already in use" % taken.port
        status, out, err = run("run", "-c", config, "-p", str(free_port()))
        assert status == 3 and "cannot start: %s listener: %s" % (word, why) in out + err
        status, out, err = run("check", "-t", "-c", config, env={"REMORA_PORT": str(free_port())})
        assert status == 3 and "extra_config.remora.%s.listen: %s" % (name, why) in err
    assert run("check", "-t", "-c", config, env={"REMORA_PORT": str(free_port())})[0] == 0


def test_the_default_address_that_is_taken_is_a_warning(start, tmp_path):
    try:
        taken = Taken(port=8091)
    except OSError:
        taken = None  # somebody else holds it: as good
    try:
        remora = start(PLAIN)
        lines = [line for line in remora.log().splitlines() if "8091" in line]
        if taken:
            assert len(lines) == 1 and "WARNING no admin listener" in lines[0] and "already in use" in lines[0]
            assert listening(remora.pid) == {remora.port}
            path = tmp_path / "plain.yaml"
            path.write_text(PLAIN)
            status, _, err = run("check", "-t", "-c", str(path), env={"REMORA_PORT": str(free_port())})
            assert status == 0 and "warning: extra_config.remora.admin.listen" in err
        assert remora.ask("/__health").status == 200
    finally:
        if taken:
            taken.socket.close()


@pytest.mark.parametrize("value", ["false", "''"])
def test_it_can_be_turned_off(value, start):
    remora = start(PLAIN + "extra_config: {remora: {admin: {listen: %s}}}\n" % value)
    assert listening(remora.pid) == {remora.port}
    assert "8091" not in remora.log()


def test_ipv6(start):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    remora = start(PLAIN + "extra_config: {remora: {admin: {listen: '[::1]:$admin'}}}\n")
    with Wire(remora.admin_port, host="::1") as wire:
        wire.send(request("GET /livez HTTP/1.1"))
        assert wire.answer().body == b"ok"


# ------------------------------------------------------------ what it costs


def test_asking_costs_the_requests_nothing(start, backend):
    """Scrapes in a row while requests run: none of them fails."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=4, backend=far.url))
    stop, failed = threading.Event(), []

    def scrape():
        while not stop.is_set():
            for path in ("/metrics", "/__hosts", "/livez", "/readyz"):
                if ask(remora.admin_port, path).status != 200:
                    failed.append(path)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        for _ in range(300):
            assert remora.ask("/v").status == 200
    finally:
        stop.set()
        thread.join(DEADLINE_S)
    assert not failed and not thread.is_alive()
