"""What an API server does whose store was compacted, or put back to an earlier state."""
# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from kit.waiting import until

from cluster.api import Refused, object_path
from cluster.pods import pod_address
from cluster.recorder import Recorder
from cluster.shop import endpoint

A, B = pod_address(1), pod_address(2)
MINUTE = 60


@pytest.fixture(scope="module")
def cluster_flags():
    return ("--etcd-compaction-interval=3s",)


def test_p44_pages_that_are_no_longer_of_one_version(shop, pods, gateway, cluster):
    """410 in the middle of a list: it is asked for anew, as a whole."""
    pods.add(A, B)
    for n in range(120):
        shop.slice("cart-%03d" % n, "cart", {0: [endpoint(A)], 119: [endpoint(B)]}.get(n, []))
    first = shop.api.get("endpointslices", shop.name, query="?limit=50")
    stale = first["metadata"]["continue"]
    cluster.restart_api()  # it could still tell the rest from memory

    def refused():
        shop.api.patch("namespaces", shop.name, {"metadata": {"annotations": {"n": first["metadata"]["resourceVersion"]}}})
        try:
            shop.api.ask("GET", object_path("endpointslices", shop.name) + "?limit=50&continue=" + stale)
            return False
        except Refused as error:
            return error.status == 410

    until(refused, "the compaction", deadline_s=2 * MINUTE, step_s=0.5)
    cluster.audit.forget()
    with Recorder(cluster, lambda data: re.sub(rb"continue=[^& ]+", b"continue=" + stale.encode(), data)) as between:
        gateway("cart:http", own={"api_server": between.url}).wait_pods(A, B)
    asked = cluster.audit.requests("list", shop.name)
    assert [request.status for request in asked] == [200, 410, 200], asked
    assert "continue" not in asked[2].query and "limit" not in asked[2].query


def test_p43_a_store_that_was_put_back(shop, pods, gateway, cluster, relay, load):
    """remora's version lies in the future then. A watch from it is opened and stays silent; a list without a version tells what is."""
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    cluster.keep_store()
    shop.slice("cart-1", "cart", [endpoint(B)])
    for i in range(100):
        shop.api.patch("namespaces", shop.name, {"metadata": {"annotations": {"n": str(i)}}})
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(B)
    until(lambda: cluster.audit.requests("watch", shop.name), "the watch in the audit log")
    with load(one, rate=20) as running:
        relay.refuse()
        cluster.put_store_back()
        assert set(shop.endpoints("cart")) == {A}
        relay.refuse(False)
        until(lambda: one.pod()[1] == A, "the earlier state", deadline_s=6 * MINUTE, step_s=0.5)
        one.wait_pods(A)
    running.check()
