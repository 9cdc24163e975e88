"""The rules by which EndpointSlices become hosts, on slices written by hand into the real API server. The numbers are those of the
checklist in sd/README.md."""
# SPDX-License-Identifier: Apache-2.0
import random

from cluster.pods import PORT, pod_address
from cluster.shop import endpoint, port

A, B, C, D = (pod_address(i) for i in range(1, 5))
A6, B6 = "fd02::a", "fd02::b"


def reference(name):
    return {"targetRef": {"kind": "Pod", "namespace": "any", "name": name, "uid": name + "-uid"}}


def test_p21_slices_of_a_service_are_merged_and_deleting_one_removes_only_its_own(shop, pods, gateway):
    pods.add(A, B, C)
    shop.slice("cart-1", "cart", [endpoint(A), endpoint(B)])
    shop.slice("cart-2", "cart", [endpoint(C)])
    one = gateway("cart:http")
    one.wait_pods(A, B, C)
    shop.drop_slice("cart-1")
    one.wait_pods(C)


def test_p22_an_address_in_two_slices_counts_once(shop, pods, gateway):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A), endpoint(B)])
    shop.slice("cart-2", "cart", [endpoint(A)])
    one = gateway("cart:http")
    one.wait_pods(A, B)
    shares = one.pods(n=40)
    assert abs(shares[A] - shares[B]) <= 2, shares


def test_p22_of_an_address_in_two_slices_the_one_that_stays_wins(shop, pods, gateway):
    pods.add(A, B)
    leaving = endpoint(A, ready=False, serving=True, terminating=True)
    shop.slice("cart-1", "cart", [leaving, endpoint(B)])
    shop.slice("cart-2", "cart", [endpoint(A)])
    gateway("cart:http").wait_pods(A, B)


def test_p22_an_endpoint_that_moves_between_slices_leaves_no_gap(shop, pods, gateway, relay, load):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.slice("cart-2", "cart", [])
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(A)
    with load(one, rate=200) as running:
        for i in range(20):
            old, new = ("cart-1", "cart-2") if i % 2 == 0 else ("cart-2", "cart-1")
            steps = [(old, []), (new, [endpoint(A)])]
            # Both orders, for a moment it stands in none or in both; both events reach remora together.
            relay.stall()
            for name, there in steps if i % 4 < 2 else reversed(steps):
                shop.slice(name, "cart", there)
            relay.stall(False)
            one.wait_pods(A)
    running.check(at_least=20)


def test_p24_a_slice_that_is_given_to_another_service_is_gone(shop, pods, gateway):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.slice("cart-2", "cart", [endpoint(B)])
    shop.slice("pay-1", "pay", [endpoint(B)])
    one = gateway("cart:http", "pay:http")
    one.wait_pods(A, B)
    shop.slice("cart-1", "other", [endpoint(A)])
    one.wait_pods(B)
    shop.slice("cart-2", "pay", [endpoint(A)])
    assert one.wait_none().status in (500, 502, 503)
    one.wait_pods(A, B, path="/1")


def test_p25_conditions_that_are_absent(shop, pods, gateway):
    pods.add(A, B, C)
    shop.slice("cart-1", "cart", [endpoint(A, ready=None), endpoint(B, ready=False), endpoint(C, ready=None, serving=None)])
    one = gateway("cart:http")
    one.wait_pods(A, C)
    # Serving that is absent is true: where nobody is ready, one that ends serves on.
    shop.slice("cart-1", "cart", [endpoint(A, ready=False), endpoint(B, ready=False, terminating=True)])
    one.wait_pods(B)


def test_p26_ready_ones_then_those_that_serve_while_they_end_then_nobody(shop, pods, gateway):
    pods.add(A, B, C)
    ending = endpoint(B, ready=False, serving=True, terminating=True)
    ended = endpoint(C, ready=False, serving=False, terminating=True)
    shop.slice("cart-1", "cart", [endpoint(A), ending, ended])
    one = gateway("cart:http")
    one.wait_pods(A)
    shop.slice("cart-1", "cart", [endpoint(A, ready=False), ending, ended])
    one.wait_pods(B)
    shop.slice("cart-1", "cart", [endpoint(A, ready=False), ended])
    one.wait_none()
    shop.slice("cart-1", "cart", [endpoint(A), ended])
    one.wait_pods(A)


def test_p29_nobody_is_a_quick_answer_with_a_reason_and_recovers(shop, pods, gateway):
    pods.add(A)
    one = gateway("cart:http", timeout="10m")  # an answer that waited would be no answer within this test
    one.wait_log("cart", "no ")  # there is no slice at all
    assert one.ask("/0").status in (500, 502, 503)
    shop.slice("cart-1", "cart", [endpoint(A)])
    one.wait_pods(A)
    empty = shop.slice("cart-1", "cart", [])
    assert not empty["endpoints"]
    one.wait_none()
    shop.slice("cart-1", "cart", [endpoint(A)])
    one.wait_pods(A)
    # A slice whose arrays the API server writes as null.
    shop.drop_slice("cart-1")
    bare = {"metadata": {"name": "cart-2", "labels": {"kubernetes.io/service-name": "cart"}}, "addressType": "IPv4"}
    shop.api.create("endpointslices", {**bare, "endpoints": None}, shop.name)
    one.wait_none()
    shop.slice("cart-3", "cart", [endpoint(A)])
    one.wait_pods(A)


def test_p30_ports_by_name_by_number_and_alone(shop, pods, gateway):
    pods.add(A)
    pods.add(A, port=9000)
    shop.slice("cart-1", "cart", [endpoint(A)], [port(9000, "admin"), port(PORT, "http"), port(PORT + 1, "udp", protocol="UDP")])
    shop.slice("only-1", "only", [endpoint(A)], [port(9000, "")])
    one = gateway("cart:http", "cart:9000", "only")
    for path in ("/0", "/1", "/2"):
        one.wait_pods(A, path=path)
    assert pods[A, 9000].count > 0 and pods[A].count > 0
    pods.forget()
    one.pods("/0")
    assert pods[A, 9000].count == 0
    pods.forget()
    one.pods("/1")
    one.pods("/2")
    assert pods[A].count == 0


def test_p30_the_port_is_each_slices_own(shop, pods, gateway):
    pods.add(A)
    pods.add(B, port=9999)
    shop.slice("cart-1", "cart", [endpoint(A)], [port(PORT)])
    shop.slice("cart-2", "cart", [endpoint(B)], [port(9999)])
    gateway("cart:http").wait_pods(A, B)


def test_p30_a_port_that_no_slice_has_is_nobody_and_a_log_line(shop, pods, gateway):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)], [port(PORT, "http"), port(PORT, "udp", protocol="UDP")])
    shop.slice("null-1", "null", [endpoint(A)], [{"name": "http"}])
    one = gateway("cart:grpc", "cart:udp", "null:http", "cart:http")
    one.wait_pods(A, path="/3")
    for path in ("/0", "/1", "/2"):
        assert one.pod(path)[0] != 200
    one.wait_log("cart", "grpc")


def test_p32_a_pod_of_both_families_counts_once(shop, pods, gateway):
    pods.add(A, B, A6, B6)
    shop.slice("cart-4", "cart", [endpoint(A, **reference("a")), endpoint(B, **reference("b"))])
    shop.slice("cart-6", "cart", [endpoint(A6, **reference("a"))], family="IPv6")
    one = gateway("cart:http")
    one.wait_pods(A, B)
    assert abs(one.pods(n=40)[A] - 20) <= 2


def test_p32_one_family_alone_is_used(shop, pods, gateway):
    pods.add(A6)
    shop.slice("cart-6", "cart", [endpoint(A6)], family="IPv6")
    gateway("cart:http").wait_pods(A6)


def test_p32_the_family_is_a_choice(shop, pods, gateway):
    pods.add(A, A6)
    shop.slice("cart-4", "cart", [endpoint(A, **reference("a"))])
    shop.slice("cart-6", "cart", [endpoint(A6, **reference("a"))], family="IPv6")
    gateway("cart:http", own={"addresses": "ipv4"}).wait_pods(A)
    gateway("cart:http", own={"addresses": "ipv6"}).wait_pods(A6)


def test_p32_names_in_slices_are_left_out_with_a_word(shop, pods, gateway):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.slice("cart-2", "cart", [endpoint("cart.example.test")], family="FQDN")
    shop.slice("pay-1", "pay", [endpoint("pay.example.test")], family="FQDN")
    one = gateway("cart:http", "pay:http")
    one.wait_pods(A)
    one.wait_log("pay", "FQDN")
    assert one.pod("/1")[0] != 200


def zoned(address, zone, hints=None, **more):
    more = {"zone": zone, **more}
    if hints:
        more["hints"] = {"forZones": [{"name": name} for name in hints]}
    return endpoint(address, **more)


def test_p34_hints_count_where_every_endpoint_has_one(shop, pods, gateway):
    pods.add(A, B, C)
    shop.slice("cart-1", "cart", [zoned(A, "zone-a", ["zone-a"]), zoned(B, "zone-b", ["zone-b"]), zoned(C, "zone-b", ["zone-b"])])
    near = gateway("cart:http", own={"zone": "zone-a"})
    other = gateway("cart:http", own={"zone": "zone-c"})
    nowhere = gateway("cart:http")
    near.wait_pods(A)
    other.wait_pods(A, B, C)  # nobody is meant for it
    nowhere.wait_pods(A, B, C)
    # One without a hint, and all count.
    shop.slice("cart-1", "cart", [zoned(A, "zone-a", ["zone-a"]), zoned(B, "zone-b", ["zone-b"]), zoned(C, "zone-b")])
    near.wait_pods(A, B, C)
    # Hints go by what they say, and not by where the endpoint is.
    shop.slice("cart-1", "cart", [zoned(A, "zone-a", ["zone-b"]), zoned(B, "zone-b", ["zone-a"]), zoned(C, "zone-b", ["zone-b"])])
    near.wait_pods(B)


def test_p34_hints_for_nodes_come_first(shop, pods, gateway):
    pods.add(A, B)
    hints = {"forZones": [{"name": "zone-a"}]}
    both = [
        endpoint(A, zone="zone-a", nodeName="node-a", hints={**hints, "forNodes": [{"name": "node-a"}]}),
        endpoint(B, zone="zone-a", nodeName="node-b", hints={**hints, "forNodes": [{"name": "node-b"}]}),
    ]
    shop.slice("cart-1", "cart", both)
    gateway("cart:http", own={"zone": "zone-a", "node": "node-a"}).wait_pods(A)
    gateway("cart:http", own={"zone": "zone-a", "node": "node-c"}).wait_pods(A, B)


def test_p19_a_slice_of_a_thousand_endpoints(shop, pods, gateway):
    there = [A, B]
    pods.add(*there)
    many = [endpoint(a, ready=False, **reference("pod-%d" % i)) for i, a in enumerate(pod_address(n) for n in range(1000, 1998))]
    random.Random(7).shuffle(many)
    shop.slice("cart-1", "cart", many + [endpoint(a) for a in there])
    one = gateway("cart:http")
    one.wait_pods(A, B)
    shop.slice("cart-1", "cart", many + [endpoint(B)])  # by the watch, in one line
    one.wait_pods(B)
