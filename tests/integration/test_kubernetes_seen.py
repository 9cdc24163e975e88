"""sd kubernetes: what a user sees of it: metrics, /__hosts, readiness. Tests are named after points in tests/kubernetes-points.md."""
# SPDX-License-Identifier: Apache-2.0
import pytest

from kit.kube_api import FORBIDDEN, GONE, endpoint, line_of
from kit.kube_shop import Shop
from kit.waiting import until
from kit.wire import ask

A, B, C = "127.0.0.2", "127.0.0.3", "127.0.0.4"


@pytest.fixture
def shop(start):
    one = Shop(start)
    one.put("cart-1", [A, B])
    yield one
    one.close()


def number(shop, name, **labels):
    return shop.remora.metrics().value("remora_discovery_" + name, **labels)


def wait_number(shop, value, name, **labels):
    until(lambda: number(shop, name, **labels) == value, "%s %s = %s" % (name, labels, value))


def test_p46_events_lists_and_reasons_are_counted(shop):
    shop.run()
    shop.api.wait_watching()
    assert number(shop, "lists_total") == 1
    assert number(shop, "events_total") == 0
    shop.put("cart-1", [A])
    shop.api.bookmark()
    wait_number(shop, 2, "events_total")
    assert 0 <= number(shop, "last_event_age_seconds") < 30
    reasons = {labels["reason"] for labels, _ in shop.remora.metrics().all("remora_discovery_reconnects_total")}
    assert reasons == {"end", "cut", "idle", "gone", "future", "refused", "broken"}
    assert number(shop, "reconnects_total") == 0
    shop.api.end_watches()
    wait_number(shop, 1, "reconnects_total", reason="end")
    shop.api.wait_watching()
    shop.api.cut_watches()
    wait_number(shop, 1, "reconnects_total", reason="cut")
    shop.api.wait_watching()
    shop.api.emit(b"nonsense\n")
    wait_number(shop, 1, "reconnects_total", reason="broken")
    shop.api.wait_watching()
    shop.api.emit(line_of("ERROR", GONE))
    wait_number(shop, 1, "reconnects_total", reason="gone")
    wait_number(shop, 2, "lists_total")
    assert shop.answering() == {A}


def test_p46_hosts_by_state_and_zone_and_why_there_are_none(shop):
    draining = endpoint(C, zone="zone-b", ready=False, serving=True, terminating=True)
    shop.put("cart-1", [endpoint(A, zone="zone-a", ready=True), endpoint(B, zone="zone-b", ready=True), draining])
    shop.run(("cart:http", "none:http"))
    cart, none = shop.remora.hosts()["sources"]
    assert [(one["address"], one["state"], one["zone"]) for one in cart["hosts"]] == [
        (A, "ready", "zone-a"),
        (B, "ready", "zone-b"),
        (C, "terminating", "zone-b"),
    ]
    assert (cart["sd"], cart["outcome"], cart["why_no_host"]) == ("kubernetes", "ok", "")
    assert none["hosts"] == [] and "no EndpointSlice of service none" in none["why_no_host"]
    hosts = {
        (labels["state"], labels["zone"]): value
        for labels, value in shop.remora.metrics().all("remora_discovery_hosts")
        if value and "cart" in labels["source"]
    }
    assert hosts == {("ready", "zone-a"): 1, ("ready", "zone-b"): 1, ("terminating", "zone-b"): 1}


def test_p14_a_refusal_is_seen_and_over_when_it_is_over(shop):
    shop.api.fail("list", 403, FORBIDDEN, times=1000)
    shop.run()
    source = shop.remora.hosts()["sources"][0]
    assert (source["outcome"], source["answered"]) == ("status", False)
    assert "403" in source["error"] and "forbidden" in source["why_no_host"]
    shop.api.heal()
    shop.wait_answering(A, B)
    source = shop.remora.hosts()["sources"][0]
    assert (source["outcome"], source["failures_in_a_row"], source["why_no_host"]) == ("ok", 0, "")
    assert source["refreshes"]["status"] >= 1


def test_p15_ready_when_each_source_has_answered(shop):
    shop.put("empty-1", None, ports=None, service="empty")
    shop.api.down()
    shop.run(("cart:http", "empty:http"))
    assert ask(shop.remora.admin_port, "/readyz").status == 503
    shop.api.up()
    until(lambda: ask(shop.remora.admin_port, "/readyz").status == 200, "readiness")  # an empty answer counts
    shop.api.down()
    shop.wait_log("cannot watch")
    assert ask(shop.remora.admin_port, "/readyz").status == 200


def test_p16_an_absent_server_is_a_failing_source_with_an_age_until_it_is_back(shop):
    shop.run()
    shop.api.wait_watching()
    shop.api.down()
    until(lambda: shop.remora.hosts()["sources"][0]["outcome"] != "ok", "a failing source")
    source = shop.remora.hosts()["sources"][0]
    assert source["failures_in_a_row"] > 0 and len(source["hosts"]) == 2
    before = number(shop, "last_event_age_seconds")
    until(lambda: number(shop, "last_event_age_seconds") > before, "an age that grows")
    shop.api.up()
    # Open again is enough: no event has to come first.
    until(lambda: shop.remora.hosts()["sources"][0]["outcome"] == "ok", "a source that is well")
    assert shop.api.count("list") == 1
    # A bookmark confirms the list and makes it young.
    changes = shop.remora.hosts()["sources"][0]["changes"]
    until(lambda: shop.remora.hosts()["sources"][0]["age_seconds"] > 0.5, "an age that grows")
    shop.api.bookmark()
    until(lambda: shop.remora.hosts()["sources"][0]["age_seconds"] < 0.5, "a list that was confirmed")
    assert shop.remora.hosts()["sources"][0]["changes"] == changes
