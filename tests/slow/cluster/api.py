"""A client of the API server for the tests themselves: JSON over one kept connection, with the rights of an administrator."""
# SPDX-License-Identifier: Apache-2.0
import http.client
import json
import ssl

GROUPS = {
    "namespaces": "/api/v1",
    "nodes": "/api/v1",
    "services": "/api/v1",
    "pods": "/api/v1",
    "serviceaccounts": "/api/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "flowschemas": "/apis/flowcontrol.apiserver.k8s.io/v1",
    "prioritylevelconfigurations": "/apis/flowcontrol.apiserver.k8s.io/v1",
}
PATCH = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__("%d: %s" % (status, body))
        self.status, self.body = status, body


def object_path(kind, namespace=None, name=None):
    path = GROUPS[kind] + ("/namespaces/" + namespace if namespace else "") + "/" + kind
    return path + ("/" + name if name else "")


class Api:
    def __init__(self, host, port, ca, token, timeout_s=20):
        self.host, self.port, self.token, self.timeout_s = host, port, token, timeout_s
        self.context = ssl.create_default_context(cafile=str(ca))
        self.connection = None

    def ask(self, method, path, body=None, kind="application/json"):
        """The answer's document (text where it is none); Refused for a status of 400 and more."""
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": kind, "Accept": "application/json"}
        for attempt in (1, 2):
            kept = self.connection is not None
            if not kept:
                self.connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=self.timeout_s)
            try:
                self.connection.request(method, path, data, headers)
                answer = self.connection.getresponse()
                text = answer.read().decode()
                break
            except (OSError, http.client.HTTPException):
                self.close()
                # A kept connection may have ended with the API server that it led to.
                if not kept or attempt == 2:
                    raise
        if answer.status >= 400:
            raise Refused(answer.status, text)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def get(self, kind, namespace=None, name=None, query=""):
        return self.ask("GET", object_path(kind, namespace, name) + query)

    def create(self, kind, body, namespace=None):
        return self.ask("POST", object_path(kind, namespace), body)

    def patch(self, kind, name, body, namespace=None, how=MERGE, part=""):
        return self.ask("PATCH", object_path(kind, namespace, name) + part, body, how)

    def delete(self, kind, name, namespace=None, at_once=False):
        body = {"gracePeriodSeconds": 0} if at_once else None
        return self.ask("DELETE", object_path(kind, namespace, name), body)
