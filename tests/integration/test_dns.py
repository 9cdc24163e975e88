"""sd: dns end to end: SRV records of a scripted server become hosts, in their weights and priorities, change in time, and
stay while the server says nothing or cannot tell."""
# SPDX-License-Identifier: Apache-2.0
import os
import re
import time

import pytest

from kit.dns import A, REFUSED, SERVFAIL, Dns
from kit.gateway import fill, run
from kit.tally import Tally
from kit.waiting import DEADLINE_S, SANITIZED, until

SERVICE = "_http._tcp.shop.test"
CONFIG = """
version: 3
timeout: 10s
listen_ip: 127.0.0.1
extra_config:
  remora:
    dns: {servers: ["$dns"], timeout: 100ms}
endpoints:
  - endpoint: /shop
    backend:
      - url_pattern: /shop
        sd: dns
        host: [_http._tcp.shop.test]
"""
REQUESTS = 10000 if not SANITIZED else 2000
SHARE = 0.03
# How long the server says nothing, in seconds; 60 where the time is there.
SILENCE_S = float(os.environ.get("REMORA_TEST_SILENCE") or 2)


@pytest.fixture
def dns():
    with Dns() as one:
        yield one


@pytest.fixture
def tally():
    with Tally("abcd") as one:
        yield one


def publish(dns, tally, ttl, *records):
    """Of (priority, weight, one of the tally's names); each is a target of its own."""
    for _, _, name in records:
        dns.set_addresses(name + ".test", ttl, "127.0.0.1")
    dns.set_srv(SERVICE, ttl, *[(p, w, tally.ports[name], name + ".test") for p, w, name in records])


def serving(remora, tally):
    """Who answers now."""
    before = dict(tally.counts)
    tally.ask(remora.port, "/shop", 8, connections=1)
    return "".join(sorted(name for name, count in tally.counts.items() if count > before[name]))


def shares(remora, tally):
    before = dict(tally.counts)
    assert tally.ask(remora.port, "/shop", REQUESTS) == {200: REQUESTS}
    return {name: (count - before[name]) / REQUESTS for name, count in tally.counts.items()}


def assert_shares(found, **expected):
    for name, share in found.items():
        assert abs(share - expected.get(name, 0)) <= SHARE, found


def test_weights_and_priorities(start, dns, tally):
    publish(dns, tally, 1, (10, 1, "a"), (10, 2, "b"), (10, 0, "c"), (20, 5, "d"))
    remora = start(fill(CONFIG, dns=dns.address))
    assert_shares(shares(remora, tally), a=1 / 3, b=2 / 3)
    # What the backends were asked for: the target's name without its last dot.
    assert tally.hosts["a"] == {"a.test:%d" % tally.ports["a"]}
    # Weights of 0 are no reason not to be used (RFC 2782).
    publish(dns, tally, 1, (10, 0, "a"), (10, 0, "c"), (20, 5, "d"))
    until(lambda: serving(remora, tally) == "ac", "the changed weights")
    assert_shares(shares(remora, tally), a=1 / 2, c=1 / 2)
    # The next priority once the first one is empty.
    publish(dns, tally, 1, (20, 5, "d"), (30, 5, "a"))
    until(lambda: serving(remora, tally) == "d", "the second priority")
    assert_shares(shares(remora, tally), d=1)


def test_a_changed_record_is_used_in_time(start, dns, tally, record_property):
    """Within its TTL and a second. Of three changes the quickest counts: a machine may stall, and a gateway that goes by
    a clock of its own is late each time."""
    ttl, took = 2, []
    publish(dns, tally, ttl, (0, 1, "a"))
    remora = start(fill(CONFIG, dns=dns.address))
    assert serving(remora, tally) == "a"
    for name in "bcd":
        publish(dns, tally, ttl, (0, 1, name))
        changed = time.monotonic()
        until(lambda: serving(remora, tally) == name, "the changed record")
        took.append(time.monotonic() - changed)
    record_property("took_s", took)
    assert min(took) <= ttl + 1, took


def test_a_long_ttl_is_bounded_by_dns_cache_ttl(start, dns, tally):
    publish(dns, tally, 3600, (0, 1, "a"))
    remora = start(fill("dns_cache_ttl: 1s\n" + CONFIG, dns=dns.address))
    assert serving(remora, tally) == "a"
    publish(dns, tally, 3600, (0, 1, "b"))
    until(lambda: serving(remora, tally) == "b", "the changed record")


def test_a_silent_server_costs_no_request(start, dns, tally):
    publish(dns, tally, 1, (0, 1, "a"), (0, 1, "b"))
    remora = start(fill(CONFIG, dns=dns.address))
    assert serving(remora, tally) == "ab"
    dns.be("silent")
    asked, end = dns.count(SERVICE), time.monotonic() + SILENCE_S

    def silence_is_told():
        assert tally.ask(remora.port, "/shop", 200) == {200: 200}
        return time.monotonic() >= end and dns.count(SERVICE) >= asked + 3 and "outcome=timeout" in remora.log()

    until(silence_is_told, "the line about the silence", SILENCE_S + DEADLINE_S)
    publish(dns, tally, 1, (0, 1, "c"))
    dns.be(None)
    until(lambda: serving(remora, tally) == "c", "the server's return")
    assert len(re.findall("outcome=timeout", remora.log())) == 1, "a line a change, not an attempt:\n" + remora.log()


@pytest.mark.parametrize("mood,word", [(SERVFAIL, "SERVFAIL"), (REFUSED, "REFUSED")])
def test_a_server_that_cannot_tell(mood, word, start, dns, tally):
    publish(dns, tally, 1, (0, 1, "a"))
    remora = start(fill(CONFIG, dns=dns.address))
    assert serving(remora, tally) == "a"
    dns.be(mood)
    until(lambda: word in remora.log(), "a line about it")
    assert serving(remora, tally) == "a"
    publish(dns, tally, 1, (0, 1, "b"))
    dns.be(None)
    until(lambda: serving(remora, tally) == "b", "the server's return")


def test_a_service_that_comes_later(start, dns, tally):
    """No such name at first: an answer, which the start does not wait for; the log says what was asked, whom, and what
    came of it."""
    remora = start(fill(CONFIG, dns=dns.address))
    assert remora.ask("/shop").status == 500
    line = next(line for line in remora.log().splitlines() if "outcome=no_host" in line)
    assert SERVICE in line and dns.address in line and "NXDOMAIN" in line
    publish(dns, tally, 1, (0, 1, "a"))
    until(lambda: remora.ask("/shop").status == 200, "the service")


def test_a_service_that_says_no(start, dns, tally):
    publish(dns, tally, 1, (0, 1, "a"))
    remora = start(fill(CONFIG, dns=dns.address))
    assert serving(remora, tally) == "a"
    dns.set_srv(SERVICE, 1, (0, 0, 0, "."))
    until(lambda: remora.ask("/shop").status == 500, "an empty list")
    publish(dns, tally, 1, (0, 1, "a"))
    until(lambda: remora.ask("/shop").status == 200, "the service")


def test_names_of_static_hosts_ask_the_same_servers(start, dns, tally):
    config = """
version: 3
listen_ip: 127.0.0.1
extra_config: {remora: {dns: {servers: ["$dns"]}}}
endpoints:
  - endpoint: /shop
    backend: [{url_pattern: /shop, host: ["http://shop.test:$port"]}]
"""
    dns.set_addresses("shop.test", 1, "127.0.0.1")
    remora = start(fill(config, dns=dns.address, port=tally.ports["a"]))
    assert serving(remora, tally) == "a"
    assert dns.count("shop.test", A) >= 1


def test_what_check_says(tmp_path):
    config = tmp_path / "remora.yaml"
    config.write_text(fill(CONFIG, dns="ns.test").replace("host: [_http", "host: [http://_http"))
    status, _, errors = run("check", "-c", str(config))
    assert status == 1
    assert 'remora.yaml:7:21: error: extra_config.remora.dns.servers[0]: found "ns.test"' in errors
    assert "remora.yaml:13:15: error: endpoints[0].backend[0].host: " in errors and "no URL" in errors
