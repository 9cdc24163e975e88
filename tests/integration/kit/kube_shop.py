"""One shop in a scripted cluster: an API server, pods, and a remora that finds the pods by it. What tests/integration/test_kubernetes_*
share; `shop` is a fixture of each."""
# SPDX-License-Identifier: Apache-2.0
import json

from .kube_api import KubeApi, Pods, port, slice_of
from .waiting import until

ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


class Shop:
    """`start` is the fixture of conftest.py."""

    def __init__(self, start, addresses=ADDRESSES, context=None, token=None, pod_context=None):
        self._start = start
        self.api = KubeApi(context, token)
        self.pods = Pods(*addresses, context=pod_context)
        self.port = self.pods.port
        self.remora = None

    def close(self):
        self.api.down()
        self.pods.close()

    # ------------------------------------------------------------ remora

    def config(self, hosts=("cart:http",), kubernetes=None, client_tls=None, discovery=None, **backend):
        """One endpoint /0, /1, … for each host."""
        known = {"api_server": self.api.url, "namespace": "shop"}
        known.update(kubernetes or {})
        known = {key: value for key, value in known.items() if value is not None}
        conf = {
            "version": 3,
            "timeout": "20s",
            "listen_ip": "127.0.0.1",
            "extra_config": {"remora": {"kubernetes": known, "admin": {"listen": "127.0.0.1:$admin"}}, "router": {"disable_access_log": True}},
            "endpoints": [
                {
                    "endpoint": "/%d" % i,
                    "backend": [dict({"host": [host], "sd": "kubernetes", "url_pattern": "/"}, **backend)],
                }
                for i, host in enumerate(hosts)
            ],
        }
        if discovery:
            conf["extra_config"]["remora"]["discovery"] = discovery
        if client_tls:
            conf["client_tls"] = client_tls
        return json.dumps(conf)

    def run(self, *args, env=None, **more):
        self.remora = self._start(self.config(*args, **more), env=env)
        return self.remora

    # ------------------------------------------------------------ who answers

    def ask(self, path="/0"):
        """The pod that answers, or the status when none does."""
        answer = self.remora.ask(path)
        return json.loads(answer.body)["pod"] if answer.status == 200 else answer.status

    def answering(self, path="/0", n=12):
        """All that answer in n requests: round robin comes to each."""
        return {self.ask(path) for _ in range(n)}

    def wait_answering(self, *pods, path="/0"):
        """Until exactly these answer."""
        until(lambda: self.answering(path) == set(pods), "answers of %s and no others" % (pods,))

    # ------------------------------------------------------------ the cluster

    def put(self, name, endpoints, **more):
        """A slice; `ports` is the pods' port unless it is given."""
        ports = more.pop("ports", [port(self.port)])
        self.api.put(slice_of(name, endpoints, ports, **more))

    def log_has(self, *words):
        return any(all(word in line for word in words) for line in self.remora.log().splitlines())

    def wait_log(self, *words):
        until(lambda: self.log_has(*words), "a log line with %s; the log:\n%s" % (words, self.remora.log_tail()))

    def log_count(self, *words):
        return sum(all(word in line for word in words) for line in self.remora.log().splitlines())
