"""An API server that streams no lists (sendInitialEvents), as every one before 1.32 and some after it."""
# SPDX-License-Identifier: Apache-2.0
import pytest
from kit.waiting import until

from cluster.api import Refused, object_path
from cluster.pods import pod_address
from cluster.shop import endpoint

A, B = pod_address(1), pod_address(2)
STREAMING = "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1"


@pytest.fixture(scope="module")
def cluster_flags():
    return ("--feature-gates=WatchList=false",)


def test_p42_list_and_watch_do_without_streaming(shop, pods, gateway, cluster):
    pods.add(A, B)
    with pytest.raises(Refused) as refused:
        shop.api.ask("GET", object_path("endpointslices", shop.name) + STREAMING)
    assert refused.value.status in (400, 422)
    shop.slice("cart-1", "cart", [endpoint(A)])
    one = gateway("cart:http")
    one.wait_pods(A)
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)
    until(lambda: cluster.audit.requests("watch", shop.name), "the watch in the audit log")
    asked = cluster.audit.requests(namespace=shop.name)
    assert [request.verb for request in asked] == ["list", "watch"] and all(request.status == 200 for request in asked)
