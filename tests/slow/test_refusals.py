"""What the real API server refuses, and the credentials that it does so for: 401, 403, 429, tokens and authorities that change."""
# SPDX-License-Identifier: Apache-2.0
import ssl
import threading
import urllib.error
import urllib.request

from kit.waiting import until

from cluster.pods import pod_address
from cluster.shop import endpoint

A, B = pod_address(1), pod_address(2)
MINUTE = 60
REJECTING = "reject-remora"


def asked(shop, verb=None):
    return shop.cluster.audit.requests(verb, shop.name)


def watching(shop):
    return until(lambda: asked(shop, "watch"), "the watch in the audit log")[-1]


# ---------------------------------------------------------------- 429


class Flood:
    """Lists as the same ServiceAccount, so many at once that its one seat is always taken."""

    def __init__(self, shop, n=30):
        self.shop, self.over = shop, False
        self.context = ssl.create_default_context(cafile=str(shop.cluster.credentials.ca))
        self.token = shop.token()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n)]

    def _run(self):
        url = "%s/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices" % (self.shop.cluster.url, self.shop.name)
        while not self.over:
            one = urllib.request.Request(url, headers={"Authorization": "Bearer " + self.token, "User-Agent": "flood"})
            try:
                urllib.request.urlopen(one, context=self.context, timeout=10).read()
            except urllib.error.HTTPError as error:
                error.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()

    def __exit__(self, *_):
        self.stop()


def limit_to_one_seat(shop):
    limited = {
        "nominalConcurrencyShares": 0,
        "lendablePercent": 0,
        "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"},
    }
    level = {"metadata": {"name": REJECTING}, "spec": {"type": "Limited", "limited": limited}}
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
    account = {"kind": "ServiceAccount", "serviceAccount": {"name": "remora", "namespace": shop.name}}
    schema = {
        "metadata": {"name": REJECTING},
        "spec": {
            "priorityLevelConfiguration": {"name": REJECTING},
            "matchingPrecedence": 100,
            "rules": [{"subjects": [account], "resourceRules": [everything]}],
        },
    }
    shop.api.create("prioritylevelconfigurations", level)
    shop.api.create("flowschemas", schema)


def test_p10_retry_after_is_waited_for(shop, pods, gateway, relay):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    limit_to_one_seat(shop)
    try:
        with Flood(shop) as flood:
            one = gateway("cart:http", own={"api_server": relay.url})

            def refused():
                if any(r.status == 429 for r in asked(shop)):
                    return True
                relay.cut()  # it has found the seat free
                return False

            until(refused, "a refusal of remora", step_s=1)
            flood.stop()
        one.wait_pods(A)
    finally:
        shop.api.delete("flowschemas", REJECTING)
        shop.api.delete("prioritylevelconfigurations", REJECTING)
    until(lambda: asked(shop)[-1].status == 200, "a request after the refusal")
    requests = asked(shop)
    for refused, following in zip(requests, requests[1:]):
        if refused.status == 429:  # which says: retry-after: 1
            assert following.received - refused.received >= 1, requests


# ---------------------------------------------------------------- tokens


def test_p11_a_refused_token_is_read_again_at_once(shop, pods, gateway, relay):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(A)
    watching(shop)
    # The ServiceAccount is made anew: what remora has is worth nothing from here on.
    shop.replace_account()
    shop.write_account(shop.token())
    shop.cluster.audit.forget()
    relay.cut()
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)
    refused = [r for r in shop.cluster.audit.requests() if r.status == 401]
    assert len(refused) <= 1, refused


def test_p11_a_token_that_stays_bad_is_asked_with_ever_less_often(shop, pods, gateway):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.write_account("no.such.token")
    one = gateway("cart:http")
    refused = lambda: [r.received for r in shop.cluster.audit.requests() if r.status == 401]  # noqa: E731
    until(lambda: len(refused()) >= 4, "the fourth refusal", step_s=0.1)
    one.wait_log("401")
    # One retry at once may be; after that each waits.
    times = refused()
    assert sum(later - earlier < 0.02 for earlier, later in zip(times, times[1:])) <= 1, times
    shop.write_account(shop.token())
    one.wait_pods(A)


def test_p12_a_new_token_is_used_for_new_requests_and_the_watch_stays(shop, pods, gateway, relay):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(A)
    first = watching(shop)
    shop.write_account(shop.token())
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)
    assert [r.id for r in asked(shop, "watch")] == [first.id] and not watching(shop).over

    def with_new_token():
        relay.cut()
        return watching(shop).credential not in ("", first.credential)

    until(with_new_token, "a request with the new token", deadline_s=90, step_s=2)


def test_p12_a_watch_outlives_its_token_and_the_next_request_has_a_fresh_one(shop, pods, gateway, relay):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    old = shop.token(lasts_s=3)
    shop.write_account(old)
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(A)
    watching(shop)
    # The API server takes an expired token for another minute.
    until(lambda: shop.status_of(old) == 401, "the end of the token", deadline_s=3 * MINUTE, step_s=1)
    assert not watching(shop).over
    shop.write_account(shop.token(lasts_s=3600))
    relay.cut()
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)
    assert sum(r.status == 401 for r in shop.cluster.audit.requests()) <= 1


# ---------------------------------------------------------------- authority


def test_p13_another_authority_is_believed_only_when_the_file_has_it(shop, pods, gateway, relay, cluster):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    one = gateway("cart:http", own={"api_server": relay.url})
    one.wait_pods(A)
    watching(shop)
    cluster.replace_authority()
    shop.api = cluster.api
    cluster.audit.forget()
    accepted = relay.accepted
    relay.cut()
    shop.slice("cart-1", "cart", [endpoint(B)])
    until(lambda: relay.accepted >= accepted + 2, "two attempts", step_s=0.1)
    assert not asked(shop), "remora asked a server that it had no reason to believe"
    one.wait_pods(A)
    one.wait_log("certificate")
    shop.write_account(shop.token())
    one.wait_pods(B)


# ---------------------------------------------------------------- 403


def test_p14_a_role_that_comes_late(shop, pods, gateway):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.revoke()
    one = gateway("cart:http")
    line = one.wait_log("403", "list", "endpointslices", shop.name)
    assert "eyJ" not in one.log(), "a token stands in the log"
    until(lambda: sum(r.status == 403 for r in asked(shop)) >= 3, "the third refusal", step_s=0.1)
    assert one.log().count(line.partition("403")[2]) == 1, "one line for each attempt"
    shop.grant()
    one.wait_pods(A)


def test_p14_a_watch_that_is_forbidden_while_the_list_is_not(shop, pods, gateway):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A)])
    shop.revoke()
    shop.grant(["list"])
    one = gateway("cart:http")
    one.wait_pods(A)
    one.wait_log("403", "watch", "endpointslices", shop.name)
    shop.revoke()
    shop.grant()
    until(lambda: any(r.status == 200 for r in asked(shop, "watch")), "a watch that is granted", step_s=0.1)
    shop.slice("cart-1", "cart", [endpoint(B)])
    one.wait_pods(B)
