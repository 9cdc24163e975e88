"""sd kubernetes: which hosts EndpointSlices make. Tests are named after the points of the provider's checklist."""
# SPDX-License-Identifier: Apache-2.0
import json
import time

import pytest

from kit.certificates import Authority, server_context
from kit.gateway import run
from kit.kube_api import Pod, Pods, endpoint, port, slice_of
from kit.kube_shop import Shop

A, B, C, D = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"


@pytest.fixture
def shop(start):
    one = Shop(start)
    yield one
    one.close()


def ready(address, **more):
    return endpoint(address, ready=True, serving=True, terminating=False, **more)


def draining(address, **more):
    return endpoint(address, ready=False, serving=True, terminating=True, **more)


def test_p01_one_list_then_a_watch_from_its_version(shop):
    shop.put("cart-1", [A, B])
    version = str(shop.api.version)
    shop.put("cart-2", [C], service="another")
    shop.run()
    shop.api.wait_watching()
    assert shop.answering() == {A, B}
    assert (shop.api.count("list"), shop.api.count("watch")) == (1, 1)
    # The list's own version: none of its items has it.
    assert shop.api.last("watch").query["resourceVersion"] == str(shop.api.version) != version
    shop.put("cart-1", [B, D])
    shop.wait_answering(B, D)
    assert shop.api.count("list") == 1


def test_p21_slices_of_a_service_are_merged_and_each_takes_only_its_own_away(shop):
    shop.put("cart-1", [A])
    shop.put("cart-2", [B, C])
    shop.run()
    shop.api.wait_watching()
    assert shop.answering() == {A, B, C}
    shop.api.delete("cart-1")
    shop.wait_answering(B, C)
    shop.put("cart-3", [D])
    shop.wait_answering(B, C, D)
    shop.api.delete("cart-2")
    shop.wait_answering(D)


def test_p22_an_address_in_two_slices_is_one_host_and_moves_without_a_gap(shop):
    shop.put("cart-1", [draining(A), ready(B)])
    shop.put("cart-2", [ready(A)])
    shop.run()
    shop.api.wait_watching()
    # Once: round robin gives each half. And ready, as one of the two does not terminate.
    got = [shop.ask() for _ in range(12)]
    assert got.count(A) == got.count(B) == 6
    # Away from one slice, then into the other one, in either order, with requests all the while.
    for first, second in (("cart-1", "cart-2"), ("cart-2", "cart-1")):
        shop.put("cart-1", [A])
        shop.put("cart-2", [])
        shop.wait_answering(A)
        empty = slice_of("cart-1", [], [port(shop.port)])
        full = slice_of("cart-2", [A], [port(shop.port)])
        shop.api.put(*([empty, full] if first == "cart-1" else [full, empty]))
        assert {shop.ask() for _ in range(300)} == {A}


def test_p23_a_slice_that_is_made_anew_under_its_name(shop):
    shop.put("cart-1", [A])
    shop.run()
    shop.api.wait_watching()
    shop.api.delete("cart-1")
    shop.put("cart-1", [B])
    shop.wait_answering(B)
    # The same name in another namespace is another slice.
    shop.put("cart-1", [C], namespace="elsewhere")
    shop.put("cart-2", [D])
    shop.wait_answering(B, D)


def test_p24_the_label_selects_and_a_slice_can_be_labelled_away(shop):
    shop.put("cart-1", [A])
    shop.put("cart-2", [B])
    shop.put("basket-1", [C], service="basket")
    shop.run(("cart:http", "basket:http"))
    shop.api.wait_watching()
    assert (shop.answering("/0"), shop.answering("/1")) == ({A, B}, {C})
    shop.put("cart-2", [B], service="stranger")  # a DELETED with the old labels
    shop.wait_answering(A)
    shop.put("cart-1", [A], service="basket")  # one MODIFIED that concerns two services
    shop.wait_answering(A, C, path="/1")
    shop.wait_answering(500, path="/0")


def test_p25_conditions_that_are_absent(shop):
    shop.put("cart-1", [endpoint(A), endpoint(B, ready=False), endpoint(C, serving=False)])
    shop.run()
    # ready absent counts as true; B is not ready and does not terminate.
    assert shop.answering() == {A, C}
    shop.put("cart-1", [endpoint(B, ready=False), endpoint(D, ready=False, terminating=True)])
    shop.wait_answering(D)  # serving absent counts as true


def test_p26_ready_ones_first_then_those_that_still_serve_then_nobody(shop):
    shop.put("cart-1", [ready(A), draining(B), endpoint(C, ready=False, serving=False, terminating=True)])
    shop.run()
    shop.api.wait_watching()
    assert shop.answering() == {A}
    shop.put("cart-1", [draining(A), draining(B), endpoint(C, ready=False, serving=False, terminating=True)])
    shop.wait_answering(A, B)
    shop.put("cart-1", [endpoint(C, ready=False, serving=False, terminating=True), endpoint(D, ready=False, serving=True)])
    shop.wait_log("no endpoint is ready", "service cart in namespace shop", "2 endpoints")
    assert not shop.answering() & {A, B, C, D}


def test_p27_not_ready_addresses_that_are_published_are_used(shop):
    shop.put("cart-1", [endpoint(A, ready=True, serving=True, terminating=True), draining(B)])
    shop.run()
    assert shop.answering() == {A}


def test_p29_no_endpoints_is_a_quick_answer_that_ends_with_the_first_one(shop):
    shop.put("empty-1", None, ports=None, service="empty")
    shop.put("bare-1", [], service="bare")
    shop.run(("empty:http", "bare:http", "none:http"))
    for path in ("/0", "/1", "/2"):
        before = time.monotonic()
        answer = shop.remora.ask(path)
        assert answer.status >= 500
        assert time.monotonic() - before < 5  # the endpoint's own time is 20 s
    assert shop.log_has("no endpoint is ready", "service bare")
    assert shop.log_has("no EndpointSlice", "service none", "ExternalName")
    for i, name in enumerate(("empty", "bare", "none")):
        shop.put(name + "-1", [A], service=name)
        shop.wait_answering(A, path="/%d" % i)


def test_p30_ports_by_name_by_number_or_the_only_one(start):
    shop = Shop(start, (A, B))
    other = Pods(A, B)
    try:
        two = [port(shop.port), port(other.port, "admin"), port(53, "dns", "UDP"), port(None, "nil"), port(0, "zero")]
        shop.put("two-1", [A], ports=two, service="two")
        # The Service's targetPort is a name, which another pod gives another number: a slice of its own.
        shop.put("two-2", [B], ports=[port(other.port), port(9, "admin")], service="two")
        shop.put("one-1", [A], ports=[port(shop.port, ""), port(53, "dns", "UDP")], service="one")
        hosts = ("two:http", "two:%d" % shop.port, "one", "two", "two:grpc", "two:dns", "two:nil")
        shop.run(hosts)
        assert shop.answering("/0") == {A, B}
        assert (shop.pods[A].requests > 0, other[A].requests, other[B].requests > 0) == (True, 0, True)
        assert shop.answering("/1") == {A}  # only the first slice has that number
        assert shop.answering("/2") == {A}
        for i in range(3, len(hosts)):
            assert shop.answering("/%d" % i, 2) == {500}, hosts[i]
        there = "there is http=%d admin=%d" % (shop.port, other.port)
        assert shop.log_has("no such port", "service two in namespace shop wanted grpc", there)
        assert shop.log_has("not one port", "service two", "write service:port")
        assert shop.log_has("no such port", "wanted dns") and shop.log_has("no such port", "wanted nil")
        # It is there in one of two slices: the other one is told of.
        assert shop.log_has("no such port: some slices", "wanted %d" % shop.port, "hosts=1", "name the port")
    finally:
        other.close()
        shop.close()


def test_p31_app_protocol_says_https_unless_the_host_says_a_scheme(start, tmp_path):
    authority = Authority(tmp_path)
    context = server_context(*authority.issue("cart", "DNS:cart,DNS:cart.shop"))
    shop = Shop(start, (A,), pod_context=context)
    plain = Pods(A)
    try:
        shop.put("cart-1", [A], ports=[port(shop.port, "web", app="https"), port(plain.port, "clear", app="https")])
        shop.put("bare-1", [A], ports=[port(shop.port, "web")], service="bare")
        shop.run(
            ("cart:web", "http://cart:clear", "https://cart.shop:web", "bare:web"),
            client_tls={"ca_certs": [str(authority.certificate)], "disable_system_ca_pool": True},
        )
        assert shop.answering("/0", 2) == {A}
        assert shop.answering("/1", 2) == {A}
        assert shop.answering("/2", 2) == {A}
        assert shop.answering("/3", 2) == {500}  # plain text to a TLS port
        assert plain[A].requests == 2
        assert set(shop.pods[A].hosts) == {"cart:%d" % shop.port, "cart.shop:%d" % shop.port}
    finally:
        plain.close()
        shop.close()


@pytest.mark.parametrize("addresses, expected", [(None, {A, B, "::1"}), ("both", {A, B, "::1"}), ("ipv4", {A, B}), ("ipv6", {"::1"})])
def test_p32_families_and_a_pod_with_both_counts_once(start, addresses, expected):
    shop = Shop(start, (A, B, "::1"))
    try:
        # Pod 1 has both families, pod 2 only IPv4; the last one has only IPv6, and here the same address as pod 1.
        shop.put("cart-4", [ready(A, uid="pod-1"), ready(B, uid="pod-2")])
        if addresses == "ipv6":
            shop.put("cart-6", [ready("::1", uid="pod-1")], family="IPv6")
        else:
            shop.put("cart-6", [ready("::1", uid="pod-3")], family="IPv6")
        shop.put("cart-name", [ready("cart.example.org")], family="FQDN")
        shop.run(kubernetes={"addresses": addresses})
        assert shop.answering() == expected
        if "::1" in expected:
            assert shop.pods["::1"].hosts[0] == "cart:%d" % shop.port  # and the connection went to [::1]
    finally:
        shop.close()


def test_p32_both_families_of_one_pod_are_one_host(start):
    shop = Shop(start, (A, B, "::1"))
    try:
        shop.put("cart-4", [ready(A, uid="pod-1"), ready(B, uid="pod-2")])
        shop.put("cart-6", [ready("::1", uid="pod-1")], family="IPv6")
        shop.run()
        assert shop.answering() == {A, B}
        shop.put("cart-4", [ready(B, uid="pod-2")])
        shop.wait_answering(B, "::1")
    finally:
        shop.close()


def test_p32_slices_of_names_are_not_used_and_told_of(shop):
    shop.put("cart-1", [ready("cart.example.org")], family="FQDN")
    shop.run()
    assert shop.ask() == 500
    assert shop.log_has("FQDN", "service cart", "deprecated")


def test_p33_only_the_first_address_of_an_endpoint(shop):
    shop.put("cart-1", [endpoint([A, B], ready=True), endpoint([C], ready=True)])
    shop.run()
    assert shop.answering() == {A, C}


def hinted(address, *zones, **more):
    return ready(address, zone=zones[0] if zones else None, zones=zones, **more)


@pytest.mark.parametrize(
    "what, endpoints, expected",
    [
        ("each has one and one is ours", [hinted(A, "zone-a"), hinted(B, "zone-b")], {A}),
        ("for two zones", [hinted(A, "zone-b", "zone-a"), hinted(B, "zone-b"), hinted(C, "zone-a")], {A, C}),
        ("one without", [hinted(A, "zone-a"), ready(B, zone="zone-a")], {A, B}),
        ("none for us", [hinted(A, "zone-b"), hinted(B, "zone-c")], {A, B}),
        ("those that are not ready do not count", [hinted(A, "zone-a"), draining(B, zone="zone-b")], {A}),
        (
            "nodes before zones",
            [
                hinted(A, "zone-a", nodes=["node-2"]),
                hinted(B, "zone-b", nodes=["node-1"]),
                hinted(C, "zone-a", nodes=["node-3"]),
            ],
            {B},
        ),
        ("no node for us", [hinted(A, "zone-a", nodes=["node-2"]), hinted(B, "zone-b", nodes=["node-3"])], {A}),
        ("not each has a node", [hinted(A, "zone-a", nodes=["node-1"]), hinted(B, "zone-a"), hinted(C, "zone-b")], {A, B}),
    ],
)
def test_p34_hints_by_kube_proxys_rule(shop, what, endpoints, expected):
    shop.put("cart-1", endpoints)
    shop.run(kubernetes={"zone": "zone-a", "node": "node-1"})
    assert shop.answering() == expected, what
    # The last one that is near goes: those that are far are better than nobody.
    shop.put("cart-1", [hinted(D, "zone-c")])
    shop.wait_answering(D)


def test_p34_without_a_zone_of_our_own_all_are_used(shop):
    shop.put("cart-1", [hinted(A, "zone-a"), hinted(B, "zone-b")])
    shop.run()
    assert shop.answering() == {A, B}


def test_p34_zone_and_node_come_from_the_environment(shop):
    shop.put("cart-1", [hinted(A, "zone-a"), hinted(B, "zone-b")])
    shop.put("basket-1", [ready(C, nodes=["node-1"]), ready(D, nodes=["node-2"])], service="basket")
    shop.run(("cart:http", "basket:http"), env={"REMORA_ZONE": "zone-b", "REMORA_NODE": "node-1"})
    assert shop.answering("/0") == {B}
    assert shop.answering("/1") == {C}


@pytest.mark.parametrize(
    "rule, expected",
    [
        ({"zone": "prefer"}, {A}),  # a third of the hosts is enough
        ({"zone": "prefer", "zone_min_percent": 50}, {A, B, C}),
        ({"zone": "hints"}, {A, B, C}),
        ({"zone": "off"}, {A, B, C}),
    ],
)
def test_p35_our_own_zone_first_where_nobody_gives_hints(shop, rule, expected):
    shop.put("cart-1", [ready(A, zone="zone-a"), ready(B, zone="zone-b"), ready(C, zone="zone-c")])
    shop.run(kubernetes={"zone": "zone-a"}, extra_config={"remora": rule})
    assert shop.answering() == expected


@pytest.mark.parametrize(
    "host, namespace",
    [
        ("cart", "shop"),
        ("cart:http", "shop"),
        ("http://cart:http", "shop"),
        ("http://cart:http/", "shop"),
        ("cart.market:http", "market"),
        ("cart.market", "market"),
        ("cart.market.svc:http", "market"),
        ("cart.market.svc.cluster.local:http", "market"),
        ("http://cart.market.svc.another.domain.:http", "market"),
    ],
)
def test_p38_forms_of_a_host(shop, host, namespace):
    shop.put("cart-1", [A], namespace="shop")
    shop.put("cart-1", [B], namespace="market")
    shop.run((host,))
    assert shop.answering(n=3) == {A if namespace == "shop" else B}
    name = host.removeprefix("http://").partition(":")[0]
    assert shop.pods[A if namespace == "shop" else B].hosts[0] == "%s:%d" % (name, shop.port)


@pytest.mark.parametrize(
    "configured, environment, namespace",
    [("market", "shop", "market"), (None, "shop", "shop"), (None, None, "default")],
)
def test_p38_namespace_of_a_host_without_one(shop, configured, environment, namespace):
    shop.put("cart-1", [A], namespace=namespace)
    shop.put("cart-1", [B], namespace="another")
    shop.run(kubernetes={"namespace": configured}, env={"POD_NAMESPACE": environment} if environment else None)
    assert shop.answering(n=3) == {A}


@pytest.mark.parametrize(
    "hosts, words",
    [
        (["Cart:http"], '"Cart:http" is no Service: write service:port'),
        (["cart..svc"], "is no Service"),
        (["cart.shop.example.org"], "is no Service"),
        (["10.0.0.1:80"], "is no Service"),
        (["cart:http/v1"], "a path belongs to url_pattern"),
        (["cart:"], '"" is no port'),
        (["cart:65536"], '"65536" is no port'),
        (["cart:name-with-more-than-15"], "at most 15"),
        (["cart", "basket"], "2 hosts are named"),
        ([], "0 hosts are named"),
    ],
)
def test_p38_what_is_no_service_is_refused_at_load(tmp_path, hosts, words):
    backend = {"host": hosts, "sd": "k8s", "url_pattern": "/"}
    path = tmp_path / "remora.yaml"
    path.write_text(json.dumps({"version": 3, "endpoints": [{"endpoint": "/", "backend": [backend]}]}))
    code, _, errors = run("check", "-c", str(path))
    assert code == 1 and words in errors and "endpoints[0].backend[0].host" in errors, errors


def test_p39_all_sources_share_one_watch_a_namespace(shop):
    for name in ("cart", "basket", "stock"):
        shop.put(name + "-1", [A, B], service=name)
    shop.put("cart-1", [C], namespace="market")
    hosts = ["cart:http", "cart", "cart.shop:http", "http://cart:%d" % shop.port, "basket:http", "stock", "cart.market"]
    shop.run(hosts * 3)
    shop.api.wait_watching(2)
    assert (shop.api.count("list"), shop.api.count("watch")) == (2, 2)
    services = {asked.namespace: asked.services for asked in shop.api.asked if asked.verb == "watch"}
    # Nobody is told of what the configuration does not name.
    assert services == {"shop": ["basket", "cart", "stock"], "market": ["cart"]}
    assert all(shop.answering("/%d" % i, 4) == ({C} if i == 6 else {A, B}) for i in range(len(hosts)))


def test_a_service_of_which_nothing_is_named_sends_no_event(shop):
    shop.put("cart-1", [A])
    shop.run()
    shop.api.wait_watching()
    sent = []
    watch = shop.api.open_watches()[0]
    write = watch.write
    watch.write = lambda data: (sent.append(data), write(data))
    for i in range(20):
        shop.put("another-1", [A, B, C][: i % 3], service="another")
    shop.put("cart-1", [B])
    shop.wait_answering(B)
    assert len(sent) == 1


def test_no_kubernetes_source_no_api_server_needed(start):
    pod = Pod("127.0.0.1")
    try:
        remora = start(
            json.dumps(
                {
                    "version": 3,
                    "listen_ip": "127.0.0.1",
                    "extra_config": {"remora": {"kubernetes": {"ca_file": "/nowhere", "token_file": "/nowhere"}}},
                    "endpoints": [
                        {"endpoint": "/", "backend": [{"host": ["127.0.0.1:%d" % pod.port], "url_pattern": "/"}]}
                    ],
                }
            )
        )
        assert remora.ask("/").status == 200
        assert "kubernetes" not in remora.log()
    finally:
        pod.close()


def test_outside_of_a_cluster_an_api_server_must_be_named(tmp_path):
    path = tmp_path / "remora.yaml"
    backend = {"host": ["cart"], "sd": "kubernetes", "url_pattern": "/"}
    path.write_text(json.dumps({"version": 3, "endpoints": [{"endpoint": "/", "backend": [backend]}]}))
    code, out, errors = run("run", "-c", str(path), "-p", "1")
    assert code != 0 and "extra_config.remora.kubernetes.api_server" in out + errors
