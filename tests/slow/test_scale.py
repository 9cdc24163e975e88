"""Many services, many slices, many changes: one watch for all of a namespace, lists in pages, changes gathered, nobody else's
rollout."""
# SPDX-License-Identifier: Apache-2.0
from kit.waiting import SANITIZED, until

from cluster.pods import pod_address
from cluster.recorder import Recorder
from cluster.rollout import Rollout
from cluster.shop import endpoint

A, B, C = (pod_address(i) for i in range(1, 4))
GROWTH_KIB = 4 << 10  # what a rollout of a thousand pods may add to remora's memory


def watches(shop):
    return shop.cluster.audit.requests("watch", shop.name)


def test_p39_all_backends_of_a_namespace_share_one_watch(make_shop, pods, gateway):
    pods.add(A, B, C)
    shop, other = make_shop(), make_shop()
    other.let_in(shop)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.slice("pay-1", "pay", [endpoint(B)])
    other.slice("far-1", "far", [endpoint(C)])
    one = gateway("cart:http", "cart:http", "cart:%d" % 8080, "pay:http", "far.%s:http" % other.name, shop=shop)
    for path, address in (("/0", A), ("/1", A), ("/2", A), ("/3", B), ("/4", C)):
        one.wait_pods(address, path=path)
    until(lambda: watches(shop) and watches(other), "both watches in the audit log")
    assert len(watches(shop)) == 1 and len(watches(other)) == 1
    assert watches(shop)[0].query["labelSelector"] == "kubernetes.io/service-name in (cart,pay)"


def test_p40_a_thousand_pods_are_rolled_over(shop, pods, gateway, load):
    with Rollout(shop, pods, "cart") as rollout:
        one = gateway("cart:http")
        with load(one, rate=200) as running:
            # Until as many connections are kept as ever will be.
            until(lambda: len(running.results) >= 2500 and len(running.by_pod()) >= 900, "requests to most pods")
            before = one.rss_kib()
            rollout.run(seconds=7)
            one.wait_log("cart")
            done = len(running.results)
            until(lambda: rollout.old.isdisjoint(result.pod for result in running.results[-200:]), "the end of the old pods")
            until(lambda: len(running.results) > done + 1000, "a thousand requests more")
        running.check()
        fresh = {result.pod for result in running.results[-1000:]}
        assert fresh <= rollout.new and len(fresh) >= 900, len(fresh)
        if not SANITIZED:
            assert one.rss_kib() - before < GROWTH_KIB, "%d KiB before, %d after" % (before, one.rss_kib())
        assert len(watches(shop)) == 1 and len(shop.cluster.audit.requests("list", shop.name)) == 1


def test_p41_changes_that_come_together_are_one_change(shop, pods, gateway, relay, load):
    addresses = [pod_address(n) for n in range(1, 41)]
    pods.add(*addresses)
    shop.slice("cart-1", "cart", [endpoint(addresses[0])])
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(addresses[0])
    with load(one, rate=200) as running:
        before = one.log().count("hosts")
        relay.stall()
        for n in range(1, len(addresses)):
            shop.slice("cart-1", "cart", [endpoint(address) for address in addresses[: n + 1]])
        relay.stall(False)
        until(lambda: len(set(result.pod for result in running.results[-100:])) == len(addresses), "requests to all")
        changes = one.log().count("hosts") - before
    running.check()
    assert changes < len(addresses) / 2, "%d log lines about hosts for %d events that came at once" % (changes, len(addresses))


def test_p44_a_list_in_pages(shop, pods, gateway):
    pods.add(A, B)
    for n in range(120):
        there = {0: [endpoint(A)], 119: [endpoint(B)]}.get(n, [])
        shop.slice("cart-%03d" % n, "cart", there)
    gateway("cart:http").wait_pods(A, B)
    pages = shop.cluster.audit.requests("list", shop.name)
    assert len(pages) > 1 and all("limit" in page.query for page in pages)
    assert ["continue" in page.query for page in pages] == [False] + [True] * (len(pages) - 1)


def test_nobody_elses_rollout_reaches_remora(shop, pods, gateway, cluster):
    """The label selector keeps what the configuration does not name away."""
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    with Recorder(cluster) as between, Rollout(shop, None, "other") as rollout:
        one = gateway("cart:http", own={"api_server": between.url})
        one.wait_pods(A)
        until(lambda: watches(shop), "the watch in the audit log")
        before = between.bytes_down
        rollout.run(seconds=3)
        told = +between.events
        del told["BOOKMARK"]
        assert not told, told
        assert between.bytes_down - before < 4096
        shop.slice("cart-1", "cart", [endpoint(B)])
        one.wait_pods(B)
        assert between.events["MODIFIED"] == 1
