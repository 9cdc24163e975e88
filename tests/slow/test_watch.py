"""List and watch against the real API server: what remora asks for, in which order, and what it does when a watch ends. The API
server's audit log is the witness."""
# SPDX-License-Identifier: Apache-2.0
import re
import signal

from kit.waiting import until

from cluster.pods import pod_address
from cluster.recorder import Recorder
from cluster.shop import endpoint

A, B, C = (pod_address(i) for i in range(1, 4))
MINUTE = 60


def watches(shop, **more):
    return shop.cluster.audit.requests("watch", shop.name, **more)


def lists(shop):
    return shop.cluster.audit.requests("list", shop.name)


def current_version(shop):
    return int(shop.api.get("endpointslices", shop.name)["metadata"]["resourceVersion"])


def bump(shop, n=5):
    """Moves the cluster's version on without anything that remora looks for."""
    for i in range(n):
        shop.api.patch("namespaces", shop.name, {"metadata": {"annotations": {"n": str(i)}}})


def test_p01_one_list_then_a_watch_from_the_lists_version(shop, pods, gateway):
    pods.add(A, B)
    item = shop.slice("cart-1", "cart", [endpoint(A)])
    bump(shop)
    before = current_version(shop)
    assert int(item["metadata"]["resourceVersion"]) < before
    one = gateway("cart:http")
    one.wait_pods(A)
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)
    until(lambda: watches(shop), "the watch in the audit log")
    assert [r.status for r in lists(shop)] == [200]
    (watch,) = watches(shop)
    assert before <= int(watch.query["resourceVersion"])
    assert lists(shop)[0].query["labelSelector"] == watch.query["labelSelector"] == "kubernetes.io/service-name in (cart)"


def test_p03_a_bookmark_moves_the_version_on(shop, pods, gateway, cluster):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    with Recorder(cluster) as between:
        one = gateway("cart:http", own={"api_server": between.url})
        one.wait_pods(A)
        (first,) = until(lambda: watches(shop), "the watch in the audit log")
        assert first.query["allowWatchBookmarks"] in ("true", "1")
        bump(shop)
        until(lambda: between.events["BOOKMARK"], "a bookmark", deadline_s=3 * MINUTE, step_s=0.2)
        between.cut()
        until(lambda: len(watches(shop)) > 1, "another watch")
        again = watches(shop)[-1]
        assert int(again.query["resourceVersion"]) > int(first.query["resourceVersion"])
        assert len(lists(shop)) == 1
        one.wait_pods(A)


def test_p04_a_watch_that_ends_in_time_is_resumed_without_a_list(shop, pods, gateway, cluster, load):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])

    def hurry(data):
        return re.sub(rb"timeoutSeconds=\d+", b"timeoutSeconds=3", data)

    with Recorder(cluster, hurry) as between:
        one = gateway("cart:http", own={"api_server": between.url})
        one.wait_pods(A)
        with load(one, rate=50) as running:
            until(lambda: len(watches(shop)) >= 4, "the fourth watch", step_s=0.1)
        running.check()
        assert all(watch.status == 200 for watch in watches(shop))
        assert len(lists(shop)) == 1
        versions = [int(watch.query["resourceVersion"]) for watch in watches(shop)]
        assert versions == sorted(versions)
        shop.slice("cart-1", "cart", [endpoint(B)])
        one.wait_pods(B)
        assert len(lists(shop)) == 1


class Drip(Recorder):
    """A TLS record, and so a read of remora's, for every few bytes; then many events in one."""

    def pass_on(self, target, data):
        for at in range(0, len(data), 11):
            target.sendall(data[at : at + 11])


def test_p18_an_answer_may_come_in_any_pieces(shop, pods, gateway, cluster, relay):
    pods.add(A, B, C)
    shop.slice("cart-1", "cart", [endpoint(A)] + [endpoint(pod_address(i), ready=False) for i in range(100, 150)])
    with Drip(cluster) as between:
        slow = gateway("cart:http", own={"api_server": between.url})
        slow.wait_pods(A)
        shop.slice("cart-1", "cart", [endpoint(B)] + [endpoint(pod_address(i), ready=False) for i in range(100, 150)])
        slow.wait_pods(B)
        assert len(lists(shop)) == 1
        slow.stop()
    fast = gateway("cart:http", own={"api_server": relay.url})
    fast.wait_pods(B)
    relay.stall()
    for address in (A, B, A, C):
        shop.slice("cart-1", "cart", [endpoint(address)])
    relay.stall(False)
    fast.wait_pods(C)


def test_p05_watches_last_five_to_ten_minutes_and_not_all_as_long(make_shop, gateway):
    asked = []
    for _ in range(4):
        shop = make_shop()
        gateway("cart:http", shop=shop)
        (watch,) = until(lambda: watches(shop), "the watch in the audit log")
        asked.append(int(watch.query["timeoutSeconds"]))
    assert all(5 * MINUTE <= seconds <= 10 * MINUTE for seconds in asked), asked
    assert len(set(asked)) > 1, asked


def test_p05_a_silent_api_server_is_left(shop, pods, gateway, relay, load):
    """As one is that has got SIGTERM while watches are open: it sends nothing any more, and ends nothing."""
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(A)
    until(lambda: watches(shop), "the watch in the audit log")
    before = relay.accepted
    with load(one, rate=20) as running:
        relay.stall()
        until(lambda: relay.accepted > before, "another connection", deadline_s=5 * MINUTE, step_s=0.5)
        relay.cut()
        relay.stall(False)
    running.check()
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)


def test_p06_p07_a_history_that_is_gone(shop, pods, gateway, cluster, relay, load):
    """410: remora lists anew, puts the new state in the old one's place at once, and serves from the old one until then."""
    pods.add(A, B, C)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.slice("cart-2", "cart", [endpoint(B)])
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(A, B)
    with load(one, rate=100) as running:
        relay.refuse()
        shop.drop_slice("cart-2")  # nobody will ever tell remora
        shop.slice("cart-3", "cart", [endpoint(C)])
        bump(shop)
        cluster.restart_api()
        one.wait_pods(A, B)  # the list of before
        relay.refuse(False)
        one.wait_pods(A, C)
    running.check()
    assert len(lists(shop)) == 2
    resumed = [watch for watch in watches(shop) if watch.query["resourceVersion"] == watches(shop)[0].query["resourceVersion"]]
    assert len(resumed) >= 2, "remora did not try to resume first"
    shop.slice("cart-1", "cart", [])
    one.wait_pods(C)


def test_p16_without_an_api_server_the_last_list_stays(shop, pods, gateway, cluster, load):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    one = gateway("cart:http")
    one.wait_pods(A)
    cluster.apiserver.kill()
    try:
        with load(one, rate=100) as running:
            until(lambda: len(running.results) >= 500, "five hundred requests")
    finally:
        cluster.start_api()
    running.check()
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)


def test_p15_an_api_server_that_comes_after_remora(shop, pods, gateway, cluster):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    cluster.apiserver.kill()
    try:
        one = gateway("cart:http")
        assert one.ask("/0").status in (500, 502, 503)
        one.check_alive()
    finally:
        cluster.start_api()
    one.wait_pods(A)


def test_p17_a_database_that_hangs(shop, pods, gateway, cluster):
    """A list that must be up to date waits for etcd; what the API server remembers is better than nobody."""
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.api.get("endpointslices", shop.name)
    cluster.etcd.signal(signal.SIGSTOP)
    try:
        gateway("cart:http").wait_pods(A)
        assert any(r.query.get("resourceVersion") == "0" for r in lists(shop))
    finally:
        cluster.etcd.signal(signal.SIGCONT)
        cluster.wait_ready()
