"""Reload: another file is in force soon, a bad one changes nothing and says why, and no request is lost."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import threading
import time

import pytest

from kit.backend import answer
from kit.certificates import Authority, server_context
from kit.dns import Dns
from kit.gateway import fill
from kit.waiting import DEADLINE_S, SANITIZED, until
from kit.wire import Wire, request

CONFIG = """
version: 3
timeout: 30s
listen_ip: 127.0.0.1
idle_connection_timeout: 60s
host: ["$backend"]
extra_config:
  remora:
    admin: {listen: "127.0.0.1:$$admin"}
endpoints:
  - endpoint: /same
    backend: [{url_pattern: /same}]
  - endpoint: /at/$n
    backend: [{url_pattern: /at}]
"""


def config(backend, n, more=""):
    return fill(CONFIG, backend=backend.url, n=n) + more


def status(remora):
    return json.loads(remora.ask_admin("/__reload"))


class Mounted:
    """A folder as the kubelet mounts a ConfigMap: links to a folder that is swapped as a whole."""

    def __init__(self, folder, text):
        self.folder, self.n = folder, 0
        folder.mkdir()
        self.path = folder / "remora.yaml"
        self.swap(text)
        self.path.symlink_to("..data/remora.yaml")

    def swap(self, text):
        self.n += 1
        data = self.folder / ("..2026_%d" % self.n)
        data.mkdir()
        (data / "remora.yaml").write_text(text)
        (self.folder / "..data_tmp").symlink_to(data.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")
        old = self.folder / ("..2026_%d" % (self.n - 1))
        if old.exists():
            (old / "remora.yaml").unlink()
            old.rmdir()


@pytest.fixture
def reloads(start, backend):
    """A gateway with one backend; `put` writes its file anew, with the ports that it has."""
    peer = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(config(peer, 1))
    remora.backend = peer

    def text(n, more=""):
        return config(peer, n, more).replace("$admin", str(remora.admin_port))

    remora.text = text
    remora.put = lambda n, more="": remora.config.write_text(text(n, more))
    remora.serves = lambda n: remora.ask("/at/%s" % n).status == 200
    remora.ask_admin = lambda path: remora._page(remora.admin_port, path)
    return remora


def test_sighup_takes_another_file(reloads):
    reloads.put(2)
    reloads.signal(signal.SIGHUP)
    until(lambda: reloads.serves(2), "the new endpoint")
    assert reloads.ask("/at/1").status == 404
    until(lambda: status(reloads)["result"] == "success", "the result")
    assert "reloaded" in reloads.log()


def test_a_file_that_changes_is_taken(reloads):
    reloads.put(2)
    until(lambda: reloads.serves(2), "a write in place")
    new = reloads.config.with_suffix(".new")
    new.write_text(reloads.text(3))
    new.rename(reloads.config)
    until(lambda: reloads.serves(3), "a rename")


def test_a_bad_file_changes_nothing_and_says_why(reloads):
    reloads.put(2, "nonsense: true\ntimeout: soon\nport: 99999\n")
    until(lambda: "reload refused" in reloads.log(), "the line")
    line = next(line for line in reloads.log().splitlines() if "reload refused" in line)
    assert "errors=" in line and "timeout" in line
    assert reloads.serves(1) and not reloads.serves(2)
    shown = status(reloads)
    assert (shown["result"], shown["failures"]) == ("failure", 1) and shown["errors"]
    metrics = reloads._page(reloads.admin_port, "/metrics").decode()
    assert 'remora_config_reloads_total{result="failure"} 1' in metrics
    assert "remora_config_last_reload_successful 0" in metrics
    reloads.put(3)
    until(lambda: reloads.serves(3), "the mended file")
    until(lambda: status(reloads)["result"] == "success", "the page")
    assert "remora_config_last_reload_successful 1" in reloads._page(reloads.admin_port, "/metrics").decode()


def test_a_file_that_goes_or_cannot_be_read(reloads):
    reloads.config.unlink()
    until(lambda: status(reloads)["failures"] == 1, "the missing file to be told")
    assert reloads.serves(1)
    reloads.put(2)
    until(lambda: reloads.serves(2), "the file that came back")
    reloads.config.unlink()
    reloads.config.mkdir()
    reloads.signal(signal.SIGHUP)
    until(lambda: status(reloads)["failures"] >= 2, "the folder in its place to be told")
    assert reloads.serves(2)
    reloads.config.rmdir()
    reloads.put(3)
    until(lambda: reloads.serves(3), "the file after all")


def test_half_a_file_is_not_taken(reloads):
    text = reloads.text(2)
    with open(reloads.config, "w") as file:
        file.write(text[: text.index("endpoints")])  # a valid file without endpoints
        file.flush()
        for _ in range(20):
            assert reloads.serves(1)
        file.write(text[text.index("endpoints") :])
    until(lambda: reloads.serves(2), "the whole file")
    assert status(reloads)["failures"] == 0


def test_what_cannot_change_is_told(reloads):
    text = reloads.text(2).replace("timeout: 30s", "timeout: 30s\nport: 1").replace(
        "remora:", "remora:\n    limits: {connections: 99, head_bytes: 4KiB}", 1
    )
    reloads.config.write_text(text)
    until(lambda: reloads.serves(2), "the rest of it")
    until(lambda: status(reloads)["result"] == "success", "its end")
    keys = {one["key"] for one in status(reloads)["warnings"]}
    assert {"extra_config.remora.limits.head_bytes", "extra_config.remora.limits.connections"} <= keys


def test_what_runs_is_finished_by_the_configuration_that_it_began_with(start, backend):
    held = threading.Event()

    def script(peer, req):
        if req.target == "/at":
            assert held.wait(DEADLINE_S)
        return answer(b'{"a":1}')

    peer = backend(script)
    remora = start(config(peer, 1))
    with remora.wire() as wire:
        wire.send(request("GET /at/1 HTTP/1.1"))
        peer.wait_requests(1)
        remora.config.write_text(config(peer, 2).replace("$admin", str(remora.admin_port)))
        until(lambda: "reloaded" in remora.log(), "the new configuration")
        held.set()
        got = wire.answer()
        assert (got.status, got.body) == (200, b'{"a":1}')
        wire.send(request("GET /at/1 HTTP/1.1"))
        assert wire.answer().status == 404


def test_connections_and_counts_of_what_stays_are_kept(reloads):
    for _ in range(5):
        assert reloads.ask("/same").status == 200
    before = len({one.connection for one in reloads.backend.heads})
    for n in range(2, 5):
        reloads.put(n)
        until(lambda n=n: reloads.serves(n), "the new endpoint")
    until(lambda: status(reloads)["successes"] == 3, "the last one")
    sources = reloads.hosts()["sources"]
    assert len(sources) == 1 and sources[0]["requests"] == len(reloads.backend.heads)
    # The workers' own, and none because of a reload.
    assert len({one.connection for one in reloads.backend.heads}) <= max(before, os.cpu_count() or 1)


def test_sources_come_and_go(start, backend, tmp_path):
    peers = [backend(lambda peer, req: answer(b'{"a":1}')) for _ in range(2)]
    with Dns() as dns:
        dns.set_srv("shop.test", 60, (0, 1, peers[1].port, "host.test"))
        dns.set_addresses("host.test", 60, "127.0.0.1")
        head = fill(CONFIG, backend=peers[0].url, n=1).replace(
            "    admin:", '    dns: {servers: ["%s"]}\n    admin:' % dns.address
        )
        remora = start(head)
        both = head.replace("$admin", str(remora.admin_port)) + (
            "  - endpoint: /found\n    backend: [{url_pattern: /found, sd: dns, host: [shop.test]}]\n"
        )
        one = head.replace("$admin", str(remora.admin_port))
        for _ in range(3):
            remora.config.write_text(both)
            until(lambda: remora.ask("/found").status != 404, "the endpoint of DNS")
            assert len(remora.hosts()["sources"]) in (1, 2)
            remora.config.write_text(one)
            until(lambda: remora.ask("/found").status == 404, "its end")
        until(lambda: len(remora.hosts()["sources"]) == 1, "the source's end")


def test_a_source_that_does_not_answer_is_not_waited_for_for_ever(reloads):
    with Dns() as dns:
        dns.be("silent")
        text = reloads.text(2)
        reloads.config.write_text(text + "    # x\n  - endpoint: /x\n    backend: [{url_pattern: /x, sd: dns, host: [no.test]}]\n")
        until(lambda: reloads.serves(2), "it after five seconds")
        reloads.put(3)
        reloads.signal(signal.SIGHUP)
        until(lambda: reloads.serves(3), "the next")


class Load(threading.Thread):
    """Requests at a rate, each on one of a few kept connections; what was not answered with 200 is kept."""

    def __init__(self, port, rate, target="/same"):
        super().__init__(daemon=True)
        self.port, self.rate, self.target = port, rate, target
        self.done, self.sent, self.failed = threading.Event(), 0, []
        self.start()

    def run(self):
        wire = Wire(self.port)
        begin = time.monotonic()
        while not self.done.is_set():
            try:
                wire.send(request("GET %s HTTP/1.1" % self.target))
                got = wire.answer()
                if got is None or got.status != 200:
                    self.failed.append(got)
            except OSError as error:
                self.failed.append(error)
                wire = Wire(self.port)
            self.sent += 1
            self.done.wait(max(0, begin + self.sent / self.rate - time.monotonic()))

    def end(self):
        self.done.set()
        self.join(DEADLINE_S)
        return self.failed


def test_twenty_reloads_under_load_lose_nothing(start, backend, tmp_path):
    peer = backend(lambda peer, req: answer(b'{"a":1}'))
    mounted = Mounted(tmp_path / "mounted", "")
    (tmp_path / "mount.yaml").symlink_to(mounted.path)
    remora = start(config(peer, 0), name="mount")
    loads = [Load(remora.port, 400 / 8) for _ in range(8)]
    took = []
    for n in range(1, 21):
        good = n % 4 != 0
        text = config(peer, n).replace("$admin", str(remora.admin_port))
        began = time.monotonic()
        mounted.swap(text if good else text + "endpoints: 5\n")
        if good:
            until(lambda n=n: remora.ask("/at/%d" % n).status == 200, "reload %d" % n)
            took.append(time.monotonic() - began)
        else:
            until(lambda n=n: remora.log().count("reload refused") == n // 4, "the refusal")
    failed = [one for load in loads for one in load.end()]
    print("reloads in force after %.3f s at most; %d requests" % (max(took), sum(load.sent for load in loads)))
    assert failed == []
    assert remora.log().count("reload refused") == 5


def test_two_hundred_reloads_do_not_grow_it(reloads):
    def some(first, n):
        for i in range(first, first + n):
            reloads.put(i)
            reloads.signal(signal.SIGHUP)
            until(lambda i=i: reloads.serves(i), "reload %d" % i)

    some(100, 20 if SANITIZED else 100)
    before = reloads.rss_kib()
    some(1000, 20 if SANITIZED else 200)
    if not SANITIZED:
        grown = reloads.rss_kib() - before
        print("RSS %d KiB, %d more after 200 reloads" % (before, grown))
        assert grown <= max(512, before * 2 // 100), "%d KiB more than %d" % (grown, before)


def test_sighups_in_the_middle_of_a_reload(reloads):
    for n in range(2, 12):
        reloads.put(n)
        for _ in range(5):
            reloads.signal(signal.SIGHUP)
    until(lambda: reloads.serves(11), "the last one")
    reloads.check_alive()


@pytest.mark.parametrize("whose", ["service", "backend"])
def test_a_renewed_authority_is_used(start, backend, tmp_path, whose):
    """The backend changes to another authority's certificate, and the file with the authorities follows."""
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(old.certificate.read_text())
    peer = backend(lambda peer, req: answer(b'{"a":1}', "200 OK", "Connection: close"), tls=server_context(*old.issue("one")))
    text = config(peer, 1).replace("http://", "https://")
    tls = "client_tls: {disable_system_ca_pool: true, ca_certs: [%s]}" % trusted
    if whose == "service":
        text += tls + "\n"
    else:
        text = text.replace("{url_pattern:", "{extra_config: {backend/http/client: {%s}}, url_pattern:" % tls)
    remora = start(text)
    assert remora.ask("/same").status == 200
    trusted.write_text("no certificate")
    until(lambda: "reload refused" in remora.log(), "the bad file to be refused")
    assert remora.ask("/same").status == 200
    trusted.write_text(old.certificate.read_text() + new.certificate.read_text())
    until(lambda: 'cause="TLS file changed" endpoints' in remora.log(), "both authorities")
    peer.tls = server_context(*new.issue("two"))
    for _ in range(20):
        assert remora.ask("/same").status == 200


def test_a_renewed_client_certificate_loses_nothing(start, backend, tmp_path):
    """Certificate and key change together, as a mounted Secret's do, under load; half a file is refused."""
    authority = Authority(tmp_path, "ca")
    pairs = [authority.issue("client%d" % n) for n in range(4)]
    secret = tmp_path / "secret"
    secret.mkdir()

    def put(pair):
        data = secret / ("..%s" % pair[0].stem)
        data.mkdir()
        (data / "tls.crt").write_text(pair[0].read_text())
        (data / "tls.key").write_text(pair[1].read_text())
        (secret / "..tmp").symlink_to(data.name)
        os.rename(secret / "..tmp", secret / "..data")

    put(pairs[0])
    for name in ("tls.crt", "tls.key"):
        (secret / name).symlink_to("..data/" + name)
    context = server_context(*authority.issue("server"), client_authority=authority)
    peer = backend(lambda peer, req: answer(b'{"a":1}', "200 OK", "Connection: close"), tls=context)
    text = config(peer, 1).replace("http://", "https://") + (
        "client_tls:\n  disable_system_ca_pool: true\n  ca_certs: [%s]\n  client_certs: [{certificate: %s, private_key: %s}]\n"
        % (authority.certificate, secret / "tls.crt", secret / "tls.key")
    )
    remora = start(text)
    loads = [Load(remora.port, 50) for _ in range(2)]
    for n, pair in enumerate(pairs[1:], 1):
        put(pair)
        until(lambda n=n: remora.log().count('cause="TLS file changed" endpoints') >= n, "renewal %d" % n)
    whole = (secret / "..data" / "tls.crt").read_text()
    (secret / "..data" / "tls.crt").write_text(whole[: len(whole) // 2])
    until(lambda: "reload refused" in remora.log(), "half a file to be refused")
    assert remora.ask("/same").status == 200
    assert [one for load in loads for one in load.end()] == []
