"""sd kubernetes: list and watch against a scripted API server that breaks, lies and falls silent. Tests are named after the points of
the provider's checklist; what takes minutes of time is in tests/unit/test_k8s_watch.c."""
# SPDX-License-Identifier: Apache-2.0
import json
import signal
import threading
import time

import pytest

from kit.kube_api import FUTURE, GONE, line_of, port, slice_of, status
from kit.kube_shop import Shop
from kit.waiting import SANITIZED, until

A, B, C, D = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"


@pytest.fixture
def shop(start):
    one = Shop(start)
    one.put("cart-1", [A, B])
    yield one
    one.close()


def started(shop, *args, **more):
    shop.run(*args, **more)
    shop.api.wait_watching()
    assert shop.answering() == {A, B}


def a_slice(shop, *addresses, version="9", name="cart-1"):
    thing = slice_of(name, list(addresses), [port(shop.port)])
    thing["metadata"]["resourceVersion"] = version
    return thing


def test_p02_a_version_is_somebody_elses_text(shop):
    """It is sent back as it came: never a number, never compared. Versions may go down."""
    odd = "zz/9+Ä &=00"

    def list_it(connection, asked):
        thing = {"kind": "EndpointSliceList", "metadata": {"resourceVersion": odd}, "items": [a_slice(shop, A)]}
        connection.answer(200, thing)
        return True

    watches = []

    def watch_it(connection, asked):
        watches.append(shop.api.start_watch(connection, asked))
        return True

    shop.api.script("list", list_it)
    shop.api.script("watch", watch_it, times=3)
    shop.run()
    until(lambda: len(watches) == 1, "the first watch")
    assert watches[0].asked.query["resourceVersion"] == odd
    for i, version in enumerate(("7", "007")):
        watches[i].write(line_of("MODIFIED", a_slice(shop, B, C, version="9" * 30)))
        watches[i].write(line_of("MODIFIED", a_slice(shop, D, version=version)))
        shop.wait_answering(D)
        watches[i].end()
        until(lambda: len(watches) == i + 2, "the next watch")
        assert watches[i + 1].asked.query["resourceVersion"] == version


def test_p03_bookmarks_only_advance_the_version(shop):
    started(shop)
    assert shop.api.last("watch").query["allowWatchBookmarks"] == "true"
    version = shop.api.bookmark()
    shop.api.end_watches()
    shop.api.wait_asked("watch", 2)
    assert shop.api.last("watch").query["resourceVersion"] == version
    assert shop.answering() == {A, B}
    assert shop.api.count("list") == 1


def test_p04_a_watch_that_ends_is_opened_again_where_it_was(shop):
    started(shop)
    for i in range(2, 5):
        shop.api.end_watches()
        shop.api.wait_asked("watch", i)
        shop.api.wait_watching()
        assert shop.answering(n=4) == {A, B}
    # What happened while nobody watched comes with the next watch.
    shop.api.end_watches()
    shop.put("cart-1", [C])
    shop.wait_answering(C)
    assert shop.api.count("list") == 1


def test_p05_the_server_is_asked_for_five_to_ten_minutes_at_random(shop):
    started(shop)
    for i in range(2, 6):
        shop.api.end_watches()
        shop.api.wait_asked("watch", i)
        shop.api.wait_watching()
    asked = [int(one.query["timeoutSeconds"]) for one in shop.api.asked if one.verb == "watch"]
    assert all(300 <= seconds <= 600 for seconds in asked) and len(set(asked)) > 1


@pytest.mark.parametrize("how", ["event", "status"])
def test_p06_410_relists_atomically_and_serves_the_old_list_meanwhile(shop, how):
    started(shop)
    gate = threading.Event()

    def slow_list(connection, asked):
        gate.wait(20)
        return shop.api._list(connection, asked)

    shop.api.script("list", slow_list)
    if how == "status":
        shop.api.fail("watch", 410, GONE)
    shop.api.forget("cart-1")
    shop.api.sneak(slice_of("cart-2", [C], [port(shop.port)]))
    shop.api.restart_history()
    shop.api.end_watches()
    shop.api.wait_asked("list", 2)
    assert shop.answering() == {A, B}
    gate.set()
    shop.wait_answering(C)
    assert shop.log_has("listed again", "reason=gone", "namespace=shop")


def test_p06_an_error_event_410_in_the_middle_of_a_stream(shop):
    started(shop)
    shop.api.emit(line_of("MODIFIED", a_slice(shop, C)) + line_of("ERROR", GONE))
    shop.api.wait_asked("list", 2)
    shop.wait_answering(A, B)  # what the list says


def test_p07_a_list_takes_away_what_vanished_meanwhile(shop):
    shop.put("cart-2", [C])
    shop.run()
    shop.api.wait_watching()
    assert shop.answering() == {A, B, C}
    shop.api.forget("cart-1")
    shop.api.restart_history()
    shop.api.cut_watches()
    shop.wait_answering(C)


@pytest.mark.parametrize(
    "line",
    [
        line_of("ERROR", status(500, "InternalError", "etcdserver: no leader")),
        line_of("ERROR", status(504, "Timeout", "the server was too slow")),
        b'{"type":"MODIFIED","object":{"metadata"\n',
        b"\x00\x01\x02\n",
        b"[]\n",
    ],
)
def test_p08_another_error_or_a_broken_line_is_resumed_from(shop, line):
    started(shop)
    version = shop.api.bookmark()
    shop.api.emit(line)
    shop.api.wait_asked("watch", 2)
    assert shop.api.last("watch").query["resourceVersion"] == version
    assert shop.api.count("list") == 1
    shop.put("cart-1", [C])
    shop.wait_answering(C)


def test_p08_what_stays_broken_is_listed_again(shop):
    started(shop)
    shop.api.fail("watch", 500, status(500, "InternalError", "no"), times=3)
    shop.api.end_watches()
    shop.api.wait_asked("list", 2)
    shop.api.wait_watching()
    assert shop.answering() == {A, B}


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_p10_429_waits_as_long_as_it_says(shop, verb):
    started(shop)
    text = b"Too many requests, please try again later.\n"
    shop.api.fail(verb, 429, text, kind="text/plain", headers=["Retry-After: 2"])
    if verb == "list":
        shop.api.restart_history()
    shop.api.end_watches()
    shop.wait_log("cannot %s endpointslices" % verb, "status=429", "Too many requests")
    n = shop.api.count(verb)
    shop.api.wait_asked(verb, n + 1)
    refused, again = [one.at for one in shop.api.asked if one.verb == verb][n - 1 : n + 1]
    assert again - refused >= 2
    assert shop.api.count("list") == (1 if verb == "watch" else 3)
    shop.api.wait_watching()
    assert shop.answering() == {A, B}


def test_p15_a_server_that_is_away_at_the_start(shop):
    shop.api.down()
    shop.run()  # it starts all the same
    assert shop.ask() == 500
    assert shop.log_count("cannot list endpointslices") == 1
    shop.api.up()
    shop.wait_answering(A, B)
    shop.wait_log("watched again", "namespace=shop")


def test_p16_a_server_that_goes_away_costs_nobody_a_host(shop):
    started(shop)
    shop.api.down()
    shop.wait_log("cannot watch endpointslices", "hosts=kept")
    for _ in range(100):
        assert shop.ask() in (A, B)
    # Refused again and again, told of once.
    shop.api.up()
    shop.put("cart-1", [C])
    shop.wait_answering(C)
    assert shop.log_count("cannot watch endpointslices") == 1


def test_p16_a_limit_to_that_is_discoverys_hold(shop):
    started(shop, discovery={"hold": "1s"})
    shop.api.down()
    shop.wait_answering(500)
    shop.api.up()
    shop.wait_answering(A, B)
    assert shop.api.count("list") == 1  # the list was never lost, only not believed


def test_p18_events_in_many_pieces_and_many_events_in_one(shop):
    started(shop)
    shop.api.piece = 7
    shop.put("cart-1", [C])
    shop.wait_answering(C)
    shop.api.piece = None
    lines = [line_of("MODIFIED", a_slice(shop, one, version=str(900 + i))) for i, one in enumerate((A, B, C, D) * 20)]
    shop.api.emit(b"".join(lines))
    shop.wait_answering(D)
    # Cut anywhere: chunks follow no lines.
    line = line_of("MODIFIED", a_slice(shop, A, B, version="999"))
    for at in range(0, len(line), 11):
        shop.api.emit(line[at : at + 11])
    shop.wait_answering(A, B)


def test_p18_half_an_event_at_the_end_of_a_stream_is_asked_for_again(shop):
    started(shop)
    line = line_of("MODIFIED", a_slice(shop, D))
    shop.api.emit(line[: len(line) // 2])
    shop.api.end_watches()
    shop.put("cart-1", [C])
    shop.wait_answering(C)


def test_p18_http11_and_no_proxy_from_the_environment(shop):
    started(shop, env={"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"})
    asked = shop.api.last("watch")
    assert asked.headers["accept"] == "application/json" and asked.headers["user-agent"] == "remora"
    # One connection: the watch came on that of the list.
    assert shop.api.n_connections == 1
    assert "accept-encoding" not in asked.headers  # a stream would wait in its buffers


def many(n):
    return ["10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255) for i in range(n)]


def test_p19_lines_of_hundreds_of_kilobytes(shop):
    started(shop)
    big = slice_of("cart-2", many(3000), [port(9, "other")])
    assert len(json.dumps(big)) > 250_000
    shop.api.put(big)
    shop.put("cart-1", [C])
    shop.wait_answering(C)
    assert shop.api.count("watch") == 1


def test_p19_a_line_without_an_end_is_given_up(shop):
    started(shop)
    filler = b'{"type":"MODIFIED","object":{"junk":"' + b"x" * (1 << 20)
    for _ in range(18):
        shop.api.emit(filler)
    shop.api.wait_asked("watch", 2)
    shop.wait_log("cannot watch", "16 MiB")
    shop.put("cart-1", [C])
    shop.wait_answering(C)
    shop.remora.check_memory(80 << 10)


def test_p20_what_is_not_known_is_passed_over(shop):
    started(shop)
    thing = a_slice(shop, C)
    thing["newField"] = {"deep": [{"er": None}]}
    thing["endpoints"][0]["conditions"]["newCondition"] = True
    thing["endpoints"][0]["deviceIDs"] = [1, 2.5, None]
    thing["ports"][0]["newPortField"] = "x"
    thing["metadata"]["managedFields"] = [{"fieldsV1": {"f:a": {"k:{\"uid\":\"x\"}": {}}}}] * 50
    shop.api.emit(line_of("REPLACED", {"some": "thing"}) + line_of("MODIFIED", thing))
    shop.wait_answering(C)
    assert shop.api.count("watch") == 1


def test_p41_a_burst_is_taken_under_load_and_no_request_fails(shop):
    """Swapped without a lock on the request path; the sanitizers look on."""
    started(shop)
    seen, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            seen.append(shop.ask())

    threads = [threading.Thread(target=load) for _ in range(4)]
    for one in threads:
        one.start()
    try:
        for i in range(10 if SANITIZED else 40):
            shop.put("cart-1", [(A, B, C, D)[i % 4], (A, B, C, D)[(i + 1) % 4]])
            shop.put("cart-%d" % (2 + i % 3), [(A, B, C, D)[i % 3]])
        shop.put("cart-1", [A])
        shop.wait_answering(*({A} | {a for one in shop.api.objects.values() for a in addresses_of(one)}))
    finally:
        stop.set()
        for one in threads:
            one.join()
    assert set(seen) <= {A, B, C, D} and len(seen) > 20


def addresses_of(thing):
    return [one["addresses"][0] for one in thing["endpoints"]]


def test_p42_streaming_lists_are_not_asked_for(shop):
    """A server may refuse them (422, an ERROR 500) or know nothing of them: the classic list and watch works everywhere."""
    started(shop)
    shop.api.restart_history()
    shop.api.end_watches()
    shop.api.wait_asked("list", 2)
    shop.api.wait_asked("watch", 3)
    for one in shop.api.asked:
        assert not {"sendInitialEvents", "resourceVersionMatch"} & set(one.query)
        assert one.verb == "watch" or "resourceVersion" not in one.query
    # An end of initial events that nobody asked for is a bookmark like another one.
    thing = {"metadata": {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}, "endpoints": None}
    shop.api.wait_watching()
    shop.api.emit(line_of("BOOKMARK", thing))
    shop.api.end_watches()
    shop.api.wait_asked("watch", 4)
    assert shop.api.last("watch").query["resourceVersion"] == "7"


@pytest.mark.parametrize("how", ["event", "status"])
def test_p43_a_version_from_the_future_is_listed_again_without_one(shop, how):
    started(shop)
    if how == "event":
        shop.api.emit(line_of("ERROR", FUTURE))
    else:
        shop.api.fail("watch", 504, FUTURE)
        shop.api.end_watches()
    shop.api.wait_asked("list", 2)
    assert "resourceVersion" not in shop.api.last("list").query
    shop.api.wait_watching()
    assert shop.answering() == {A, B}
    assert shop.log_has("listed again", "reason=future")


def test_p44_pages(shop):
    for i in range(120):
        shop.put("cart-x%03d" % i, many(1), ports=[port(9, "other")])
    shop.put("cart-z", [C])
    shop.run()
    shop.api.wait_watching()
    assert shop.answering() == {A, B, C}
    lists = [one.query for one in shop.api.asked if one.verb == "list"]
    assert [(one["limit"], one.get("continue")) for one in lists] == [("50", None), ("50", "50"), ("50", "100")]


def test_p44_410_in_the_middle_is_a_whole_list_from_the_start(shop):
    for i in range(60):
        shop.put("cart-x%03d" % i, many(1), ports=[port(9, "other")])
    taken = []

    def gone_later(connection, asked):
        taken.append(asked)
        if "continue" in asked.query:
            connection.answer(410, status(410, "Expired", "The provided continue parameter is too old"))
            return True
        return shop.api._list(connection, asked)

    shop.api.script("list", gone_later, times=2)
    shop.run()
    shop.api.wait_watching()
    assert shop.answering() == {A, B}
    assert "continue" in taken[1].query
    assert not {"continue", "limit"} & set(shop.api.last("list").query)
    assert shop.api.count("list") == 3


@pytest.mark.parametrize("state", ["watching", "listing", "waiting"])
def test_p45_sigterm_closes_the_watch_at_once(shop, state):
    if state == "listing":
        gate = threading.Event()
        shop.api.script("list", lambda connection, asked: gate.wait(20), times=99)
        shop.run()
        shop.api.wait_asked("list", 1)
    else:
        started(shop)
    if state == "waiting":
        shop.api.down()
        shop.wait_log("cannot watch")
    before = time.monotonic()
    shop.remora.signal(signal.SIGTERM)
    shop.remora.wait_end()
    if not SANITIZED:
        assert time.monotonic() - before < 1.5
    if state == "watching":
        shop.api.wait(lambda: not shop.api.watches, "the watch's end")
    if state == "listing":
        gate.set()


def test_p40_a_rollout_of_a_thousand_pods_is_cheap(shop):
    """154 events of 25 KB each, as a rollout of 1,000 pods makes them; here as fast as they can be sent."""
    started(shop)
    everyone = many(100)
    thing = slice_of("cart-9", everyone, [port(9, "other")])
    thing["metadata"]["managedFields"] = [{"fieldsV1": {"f:x%d" % i: {} for i in range(300)}}]
    for i, one in enumerate(thing["endpoints"]):
        one.update(nodeName="node-a", zone="zone-a", targetRef={"kind": "Pod", "name": "cart-%d" % i, "uid": "u-%d" % i})

    def rollout(rounds):
        for i in range(rounds):
            thing["metadata"]["name"] = "cart-%d" % (10 + i % 11)
            thing["endpoints"][i % 100]["conditions"]["ready"] = i % 2 == 0
            shop.api.put(thing)
        shop.put("cart-1", [(C, D)[rounds % 2]])
        shop.wait_answering((C, D)[rounds % 2])

    rollout(154)  # every slice is there, every buffer has its size
    cpu, memory = shop.remora.cpu_seconds(), shop.remora.rss_kib()
    rollout(155)
    assert shop.remora.cpu_seconds() - cpu < (20 if SANITIZED else 1)
    if not SANITIZED:
        assert shop.remora.rss_kib() - memory < 4096
