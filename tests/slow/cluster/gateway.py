"""remora in a pod of a shop: an endpoint `/0`, `/1`, ... for each host of the kubernetes provider that a test names."""
# SPDX-License-Identifier: Apache-2.0
import json
from collections import Counter

from kit.gateway import Remora
from kit.waiting import until

FEW = 24  # requests that meet every one of a handful of hosts, whatever the balancer


def configuration(shop, hosts, own=None, dns=None, backend=None, provider="kubernetes", timeout="3s", service=None):
    """`own`: more of extra_config.remora.kubernetes; `dns`: that of extra_config.remora.dns; `backend`: more of each backend;
    `service`: more beside the endpoints."""
    kubernetes = {
        "api_server": shop.cluster.url,
        "token_file": str(shop.mount / "token"),
        "ca_file": str(shop.mount / "ca.crt"),
        **(own or {}),
    }
    remora = {"kubernetes": kubernetes} if provider == "kubernetes" else {"dns": dns}
    endpoints = [
        {
            "endpoint": "/%d" % i,
            "backend": [{"host": [host], "sd": provider, "url_pattern": "/", **(backend or {})}],
        }
        for i, host in enumerate(hosts)
    ]
    return json.dumps(  # JSON is YAML
        {"version": 3, "timeout": timeout, **(service or {}), "extra_config": {"remora": remora}, "endpoints": endpoints},
        indent=1,
    )


class Gateway(Remora):
    def __init__(self, shop, folder, hosts, name="remora", env=None, **more):
        text = configuration(shop, hosts, **more)
        env = {"POD_NAMESPACE": shop.name, **(env or {})}
        super().__init__(text, folder, env=env, name=name, arguments=["-d"])

    def pod(self, path="/0"):
        """(status, address of the pod that answered)."""
        answer = self.ask(path)
        return answer.status, json.loads(answer.body)["pod"] if answer.status == 200 else None

    def pods(self, path="/0", n=FEW):
        """How often which pod answers; None counts what is no 200."""
        return Counter(self.pod(path)[1] for _ in range(n))

    def wait_pods(self, *addresses, path="/0"):
        """Until exactly these answer. Not one of the requests after that may go elsewhere."""
        until(lambda: set(self.pods(path)) == set(addresses), "answers from %s" % (addresses,), step_s=0.02)
        assert set(self.pods(path)) == set(addresses)

    def wait_none(self, path="/0"):
        """Until nobody is there to answer."""
        until(lambda: self.pod(path)[0] != 200, "an answer that nobody is there")
        return self.ask(path)

    def wait_log(self, *words):
        """A line that has all of these."""

        def found():
            return next((line for line in self.log().splitlines() if all(word in line for word in words)), None)

        return until(found, "a log line with %s" % (words,), step_s=0.02)
