"""The dns provider against CoreDNS: Services as the kubernetes plugin tells them, and a zone with weights, priorities and many hosts."""
# SPDX-License-Identifier: Apache-2.0
import signal

import pytest
from kit.waiting import until

from cluster.dns import ADDRESS, TTL_S, Dns, query
from cluster.pods import pod_address

A, B, C = (pod_address(i) for i in range(1, 4))
CART = {"app": "cart"}
NXDOMAIN, SERVFAIL = 3, 2


@pytest.fixture(scope="module")
def dns(cluster, tmp_path_factory):
    with Dns(cluster, tmp_path_factory.mktemp("dns")) as one:
        yield one


@pytest.fixture
def resolving(gateway, dns):
    """A gateway whose hosts are SRV names."""
    return lambda *names, **more: gateway(*names, provider="dns", dns={"servers": [ADDRESS]}, **more)


def srv(name, *hosts):
    """Lines of the zone: each host is (address, weight, priority)."""
    lines = []
    for address, weight, priority in hosts:
        label = "h" + address.replace(".", "-")
        lines.append("%s IN SRV %d %d 8080 %s" % (name, priority, weight, label))
        lines.append("%s IN A %s" % (label, address))
    return "\n".join(lines) + "\n"


def srv_name(shop, service="cart", port="http"):
    return "_%s._tcp.%s.%s.svc.cluster.local" % (port, service, shop.name)


def headless(shop, pods, *addresses):
    pods.add(*addresses)
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    shop.service("cart", {"clusterIP": "None", "selector": CART, "ports": ports})
    for i, address in enumerate(addresses):
        shop.pod("cart-%d" % i, address, CART)
    until(lambda: query(srv_name(shop))[1] == len(addresses), "the pods in CoreDNS", step_s=0.1)


def test_a_headless_service_is_its_ready_pods(shop, pods, resolving):
    headless(shop, pods, A, B, C)
    one = resolving(srv_name(shop))
    one.wait_pods(A, B, C)
    shop.pod_status("cart-2", False)
    one.wait_pods(A, B)
    shop.end_pod("cart-0", at_once=True)
    one.wait_pods(B)


def test_a_name_that_comes_late(shop, pods, resolving):
    assert query(srv_name(shop))[0] == NXDOMAIN
    one = resolving(srv_name(shop), timeout="10m")  # an answer that waited would be no answer within this test
    assert one.ask("/0").status in (500, 502, 503)
    one.wait_log("cart")
    headless(shop, pods, A)
    until(lambda: one.pod()[1] == A, "the new name")


def test_a_name_that_goes_is_not_the_same_as_no_answer(shop, pods, resolving):
    """No such name: there is nobody, once that has been held for a while. SERVFAIL: nobody knows, and the list stays."""
    headless(shop, pods, A)
    one = resolving(srv_name(shop), "_http._tcp.servfail.shop.test")
    one.wait_pods(A)
    assert one.pod("/1")[0] != 200
    one.wait_log("servfail.shop.test")


def test_an_answer_that_is_truncated_is_asked_for_by_tcp(shop, pods, resolving, dns):
    addresses = [pod_address(0x100 + i) for i in range(120)]
    pods.add(*addresses)
    dns.write_zone(srv("_many._tcp", *((address, 1, 0) for address in addresses)))
    name = "_many._tcp.shop.test"
    until(lambda: query(name)[2], "the zone", step_s=0.1)
    assert 0 < query(name)[1] < len(addresses), "a part stands in the truncated answer"
    one = resolving(name)
    until(lambda: set(one.pods(n=2 * len(addresses))) == set(addresses), "all hundred and twenty")


def test_weights_and_priorities(shop, pods, resolving, dns, load):
    pods.add(A, B, C)
    dns.write_zone(srv("_http._tcp.w", (A, 1, 0), (B, 2, 0), (C, 1, 10)))
    name = "_http._tcp.w.shop.test"
    until(lambda: query(name)[1] == 3, "the zone", step_s=0.1)
    one = resolving(name)
    one.wait_pods(A, B)
    with load(one, rate=400) as running:
        until(lambda: len(running.results) >= 3000, "three thousand requests", step_s=0.05)
    running.check()
    shares = running.by_pod()
    assert abs(shares[A] / sum(shares.values()) - 1 / 3) < 0.03 and shares[C] == 0, shares
    # The tier of the lowest number goes away as a whole: the next one is there for that.
    dns.write_zone(srv("_http._tcp.w", (C, 1, 10)))
    one.wait_pods(C)


def test_a_service_that_says_it_is_not_there(shop, pods, resolving, dns):
    pods.add(A)
    dns.write_zone(srv("_http._tcp.off", (A, 1, 0)))
    one = resolving("_http._tcp.off.shop.test")
    until(lambda: one.pod()[1] == A, "the zone")
    dns.write_zone("_http._tcp.off IN SRV 0 0 0 .\n")  # RFC 2782
    one.wait_none()


def test_a_server_that_is_silent_takes_nobody_away(shop, pods, resolving, dns, load):
    headless(shop, pods, A, B)
    one = resolving(srv_name(shop))
    one.wait_pods(A, B)
    with load(one, rate=100) as running:
        dns.program.signal(signal.SIGSTOP)
        try:
            one.wait_log("no answer")
            done = len(running.results)
            until(lambda: len(running.results) > done + 50 * TTL_S, "requests after the TTL", step_s=0.05)
        finally:
            dns.program.signal(signal.SIGCONT)
    running.check()
    shop.end_pod("cart-0", at_once=True)
    one.wait_pods(B)
