"""Slices as the endpointslice controller writes them for Services and Pods. There is no kubelet: the tests say what one would."""
# SPDX-License-Identifier: Apache-2.0
import threading

import pytest
from kit.waiting import until

from cluster.pods import PORT, pod_address
from cluster.shop import endpoint

A, B, C, D = (pod_address(i) for i in range(1, 5))
A6, B6 = "fd02::a", "fd02::b"
CART = {"app": "cart"}
WEB = {"name": "http", "port": 80, "targetPort": "web"}


def make_cart(shop, pods, *addresses, **spec):
    pods.add(*addresses)
    shop.service("cart", {"selector": CART, "ports": [WEB], **spec})
    for i, address in enumerate(addresses):
        shop.pod("cart-%d" % i, address, CART)
    shop.wait_endpoints("cart", lambda there: len(there) == len(addresses), "all pods")


def test_p26_a_pods_life(shop, pods, gateway):
    make_cart(shop, pods, A, B)
    one = gateway("cart:http")
    one.wait_pods(A, B)
    shop.pod_status("cart-1", False)
    one.wait_pods(A)
    shop.pod_status("cart-1", True)
    one.wait_pods(A, B)
    shop.end_pod("cart-1")
    shop.wait_endpoints("cart", lambda there: there[B].get("terminating"), "a pod that ends")
    one.wait_pods(A)
    shop.pod_status("cart-0", False)
    one.wait_pods(B)  # nobody is ready, and this one serves on while it ends
    shop.end_pod("cart-1", at_once=True)
    one.wait_none()
    shop.pod_status("cart-0", True)
    one.wait_pods(A)


def test_p27_pods_that_are_published_before_they_are_ready(shop, pods, gateway):
    make_cart(shop, pods, A, B, publishNotReadyAddresses=True)
    one = gateway("cart:http")
    one.wait_pods(A, B)
    shop.pod_status("cart-0", False)
    shop.end_pod("cart-1")
    shop.wait_endpoints("cart", lambda there: there[B].get("terminating"), "a pod that ends")
    assert shop.endpoints("cart")[B]["ready"]
    one.wait_pods(A, B)


def test_p28_a_pod_that_ends_gets_no_new_request_and_finishes_the_running_one(shop, pods, gateway):
    make_cart(shop, pods, A, B)
    one = gateway("cart:http", timeout="60s")
    one.wait_pods(A, B)
    pods[B].holding = True
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(one.pod())) for _ in range(8)]
    for thread in asking:
        thread.start()
    until(lambda: pods[B].held, "a request that waits at the pod")
    pods[B].holding = False  # those that come from here on are answered
    shop.end_pod("cart-1")
    one.wait_pods(A)
    pods.release(pods[B])
    for thread in asking:
        thread.join()
    assert all(status == 200 for status, _ in answers) and B in [address for _, address in answers], answers
    pods.wait_idle_closed(pods[B])
    asked = pods[B].count
    one.pods()
    assert pods[B].count == asked


def test_p28_idle_connections_to_a_pod_that_ends_are_closed(shop, pods, gateway):
    make_cart(shop, pods, A, B)
    one = gateway("cart:http", service={"idle_connection_timeout": "10m"})  # which is not what ends them
    one.wait_pods(A, B)
    assert pods[B].open
    shop.end_pod("cart-1")
    pods.wait_idle_closed(pods[B])
    shop.end_pod("cart-1", at_once=True)
    one.wait_pods(A)


def test_p30_a_named_target_port_that_differs_by_pod(shop, pods, gateway):
    make_cart(shop, pods, A)
    pods.add(B, port=9999)
    shop.pod("odd", B, CART, named_port=9999)
    one = gateway("cart:http")
    one.wait_pods(A, B)
    slices = shop.api.get("endpointslices", shop.name)["items"]
    assert len(slices) == 2, "the controller makes one slice for each number"


def test_p32_a_dual_stack_service(shop, pods, gateway):
    pods.add(A, A6, B, B6)
    shop.service(
        "cart", {"selector": CART, "ports": [WEB], "ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]}
    )
    shop.pod("cart-0", A, CART, more_addresses=[A6])
    shop.pod("cart-1", B, CART, more_addresses=[B6])
    shop.wait_endpoints("cart", lambda there: len(there) == 4, "both families")
    gateway("cart:http").wait_pods(A, B)
    gateway("cart:http", own={"addresses": "ipv6"}).wait_pods(A6, B6)


def test_p34_hints_that_the_controller_gives(shop, pods, gateway):
    pods.add(A, B, C, D)
    shop.service("cart", {"selector": CART, "ports": [WEB], "trafficDistribution": "PreferSameZone"})
    for i, (address, node) in enumerate(((A, "node-a"), (B, "node-a"), (C, "node-b"), (D, "node-b"))):
        shop.pod("cart-%d" % i, address, CART, node=node)
    near = gateway("cart:http", own={"zone": "zone-a"})
    far = gateway("cart:http", own={"zone": "zone-b"})
    near.wait_pods(A, B)
    far.wait_pods(C, D)
    for name in ("cart-0", "cart-1"):
        shop.pod_status(name, False)
    near.wait_pods(C, D)  # nobody of the own zone is left: all count
    shop.pod_status("cart-0", True)
    near.wait_pods(A)


def test_p36_a_headless_service(shop, pods, gateway):
    make_cart(shop, pods, A, B, clusterIP="None")
    (one_slice,) = shop.api.get("endpointslices", shop.name)["items"]
    assert "service.kubernetes.io/headless" in one_slice["metadata"]["labels"]
    one = gateway("cart:http", "cart:%d" % PORT)
    one.wait_pods(A, B)
    one.wait_pods(A, B, path="/1")
    shop.end_pod("cart-0", at_once=True)
    one.wait_pods(B)


def test_p37_an_external_name_has_no_slices_and_the_log_says_so(shop, gateway):
    shop.service("outside", {"type": "ExternalName", "externalName": "api.example.test", "ports": [{"name": "http", "port": 443}]})
    one = gateway("outside:http")
    assert one.ask("/0").status in (500, 502, 503)
    one.wait_log("outside", "ExternalName")


def test_p07_a_service_that_is_deleted_has_no_hosts(shop, pods, gateway):
    make_cart(shop, pods, A)
    one = gateway("cart:http")
    one.wait_pods(A)
    shop.api.delete("services", "cart", shop.name)
    until(lambda: not shop.api.get("endpointslices", shop.name)["items"], "the end of the slices", step_s=0.2)
    one.wait_none()


@pytest.mark.parametrize("form", ["cart", "cart.{ns}", "cart.{ns}.svc", "cart.{ns}.svc.cluster.local"])
def test_p38_forms_of_a_service_name(shop, pods, gateway, form):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    gateway(form.format(ns=shop.name) + ":http").wait_pods(A)
