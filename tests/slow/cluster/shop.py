"""One Kubernetes namespace with what remora needs in it (ServiceAccount, Role) and what it looks for (Services, EndpointSlices), and
the files that a pod of it would find mounted."""
# SPDX-License-Identifier: Apache-2.0
import os
import time
from pathlib import Path

from kit.waiting import until

from .api import PATCH, Api, Refused
from .pods import PORT

ACCOUNT = "remora"
RULE = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]}
BY_HAND = {"endpointslice.kubernetes.io/managed-by": "remora-test"}


def endpoint(address, ready=True, serving=None, terminating=None, **more):
    """`ready` None leaves it out, as the other two by default are."""
    conditions = {"ready": ready, "serving": serving, "terminating": terminating}
    return {"addresses": [address], "conditions": {k: v for k, v in conditions.items() if v is not None}, **more}


def port(number=PORT, name="http", **more):
    return {"name": name, "port": number, "protocol": "TCP", **more}


class Shop:
    def __init__(self, cluster, name, folder):
        self.cluster, self.api, self.name = cluster, cluster.api, name
        self.mount = Path(folder) / ("account-" + name)
        self.api.create("namespaces", {"metadata": {"name": name}})
        self._make_account()
        self.grant()
        self.write_account(self.token())

    # ------------------------------------------------------------ credentials

    def _make_account(self):
        account = self.api.create("serviceaccounts", {"metadata": {"name": ACCOUNT}}, self.name)
        self.account_uid = account["metadata"]["uid"]

    def replace_account(self):
        """Tokens of the earlier one of this name are refused from here on."""
        old = self.token()
        self.api.delete("serviceaccounts", ACCOUNT, self.name)
        self._make_account()
        until(lambda: self.status_of(old) == 401, "the end of the old tokens", step_s=0.2)

    def status_of(self, token):
        """What a list with this token is answered."""
        client = Api(self.api.host, self.api.port, self.cluster.credentials.ca, token)
        try:
            client.get("endpointslices", self.name)
            return 200
        except Refused as refused:
            return refused.status
        finally:
            client.close()

    def let_in(self, other):
        """The remora of another shop may read here, too."""
        self._bind(ACCOUNT + "-of-" + other.name, other.name)

    def grant(self, verbs=None):
        rule = dict(RULE, verbs=verbs or RULE["verbs"])
        self.api.create("roles", {"metadata": {"name": ACCOUNT}, "rules": [rule]}, self.name)
        self._bind(ACCOUNT, self.name)

    def _bind(self, name, namespace):
        body = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
        }
        self.api.create("rolebindings", body, self.name)

    def revoke(self):
        self.api.delete("rolebindings", ACCOUNT, self.name)
        self.api.delete("roles", ACCOUNT, self.name)

    def token(self, lasts_s=None):
        """By TokenRequest; with a length of life, signed as the API server would."""
        if lasts_s is not None:
            return self.cluster.credentials.sign(self.name, ACCOUNT, self.account_uid, lasts_s)
        path = "/api/v1/namespaces/%s/serviceaccounts/%s/token" % (self.name, ACCOUNT)
        return self.api.ask("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]

    def write_account(self, token):
        """As the kubelet does it: a folder with the files, which `..data` is swapped to at once."""
        self.mount.mkdir(exist_ok=True)
        folder = self.mount / ("..%d" % time.monotonic_ns())
        folder.mkdir()
        (folder / "token").write_text(token)
        (folder / "ca.crt").write_bytes(self.cluster.credentials.ca.read_bytes())
        (folder / "namespace").write_text(self.name)
        link = self.mount / "..data_tmp"
        link.symlink_to(folder.name)
        os.replace(link, self.mount / "..data")
        for name in ("token", "ca.crt", "namespace"):
            if not (self.mount / name).is_symlink():
                (self.mount / name).symlink_to("..data/" + name)

    # ------------------------------------------------------------ slices by hand

    def slice(self, name, service, endpoints, ports=None, family="IPv4", labels=None):
        """Makes it, or replaces what one of this name holds; gives back what the API server answered."""
        body = {
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service, **BY_HAND, **(labels or {})}},
            "addressType": family,
            "endpoints": endpoints,
            "ports": [port()] if ports is None else ports,
        }
        try:
            return self.api.create("endpointslices", body, self.name)
        except Refused as refused:
            if refused.status != 409:
                raise
        return self.api.patch("endpointslices", name, body, self.name)

    def drop_slice(self, name):
        self.api.delete("endpointslices", name, self.name)

    # ------------------------------------------------------------ services, and pods without a kubelet

    def service(self, name, spec):
        return self.api.create("services", {"metadata": {"name": name}, "spec": spec}, self.name)

    def pod(self, name, address, labels, node="node-a", named_port=PORT, more_addresses=()):
        """A Pod that some kubelet has started and found ready; there is none."""
        body = {
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "nodeName": node,
                "containers": [{"name": "c", "image": "none", "ports": [{"name": "web", "containerPort": named_port}]}],
            },
        }
        self.api.create("pods", body, self.name)
        self.pod_status(name, True, address, *more_addresses)

    def pod_status(self, name, ready, *addresses):
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
        if addresses:
            status.update(podIP=addresses[0], podIPs=[{"ip": address} for address in addresses])
        self.api.patch("pods", name, {"status": status}, self.name, PATCH, "/status")

    def end_pod(self, name, at_once=False):
        """Terminating until it is ended at once: no kubelet confirms."""
        self.api.delete("pods", name, self.name, at_once)

    def endpoints(self, service):
        """What the slices of a service say now: {address: conditions}."""
        query = "?labelSelector=kubernetes.io/service-name%%3D%s" % service
        slices = self.api.get("endpointslices", self.name, query=query)["items"]
        return {e["addresses"][0]: e.get("conditions", {}) for s in slices for e in s["endpoints"] or []}

    def wait_endpoints(self, service, condition, what):
        until(lambda: condition(self.endpoints(service)), "%s in the slices of %s" % (what, service), step_s=0.02)
