"""A scripted Kubernetes API server: EndpointSlices by list and watch over HTTP/1.1, with or without TLS, that keeps a history like
the real one and does wrong what a test tells it. And pods: small backends on loopback addresses of their own."""
# SPDX-License-Identifier: Apache-2.0
import copy
import gzip
import json
import select
import socket
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

from .waiting import DEADLINE_S, TooLate

LABEL = "kubernetes.io/service-name"
PATH = "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices"


# ------------------------------------------------------------------------------------------------- objects


def endpoint(address, uid=None, zone=None, node=None, zones=None, nodes=None, **conditions):
    """ready=…, serving=…, terminating=… as they shall stand there; None leaves one out, all absent: no conditions."""
    one = {"addresses": [address] if isinstance(address, str) else address, "conditions": {}}
    one["conditions"] = {name: value for name, value in conditions.items() if value is not None}
    if uid:
        one["targetRef"] = {"kind": "Pod", "name": uid, "uid": uid}
    if zone:
        one["zone"] = zone
    if node:
        one["nodeName"] = node
    hints = {}
    if zones:
        hints["forZones"] = [{"name": name} for name in zones]
    if nodes:
        hints["forNodes"] = [{"name": name} for name in nodes]
    if hints:
        one["hints"] = hints
    return one


def port(number, name="http", protocol="TCP", app=None):
    one = {"name": name, "protocol": protocol, "port": number}
    if app:
        one["appProtocol"] = app
    return one


def slice_of(name, endpoints, ports, service="cart", namespace="shop", family="IPv4"):
    """An EndpointSlice as the API server shows it, managedFields included. Endpoints may be plain addresses."""
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": name,
            "generateName": service + "-",
            "namespace": namespace,
            "uid": "uid-" + name,
            "resourceVersion": "0",
            "labels": {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io", LABEL: service},
            "managedFields": [{"manager": "kube-controller-manager", "fieldsV1": {"f:endpoints": {}, "f:ports": {}}}],
        },
        "addressType": family,
        "endpoints": None
        if endpoints is None
        else [
            endpoint(one, ready=True, serving=True, terminating=False) if isinstance(one, str) else one
            for one in endpoints
        ],
        "ports": ports,
    }


def status(code, reason, message, causes=None):
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if causes:
        body["details"] = {"causes": [{"reason": one, "message": one} for one in causes]}
    return body


GONE = status(410, "Expired", "too old resource version: 1 (2)")
FUTURE = status(504, "Timeout", "Timeout: Too large resource version: 9, current: 1", ["ResourceVersionTooLarge"])
UNAUTHORIZED = status(401, "Unauthorized", "Unauthorized")
FORBIDDEN = status(
    403,
    "Forbidden",
    'endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:shop:remora" cannot list resource '
    '"endpointslices" in API group "discovery.k8s.io" in the namespace "shop"',
)


def line_of(kind, thing):
    return json.dumps({"type": kind, "object": thing}, separators=(",", ":")).encode() + b"\n"


# ------------------------------------------------------------------------------------------------- the server


@dataclass
class Asked:
    verb: str  # "list" or "watch"
    namespace: str
    query: dict
    token: str
    connection: int
    at: float
    headers: dict = field(default_factory=dict)

    @property
    def services(self):
        """The services that the label selector names."""
        text = self.query["labelSelector"]
        assert text.startswith(LABEL + " in (") and text.endswith(")"), text
        return text[len(LABEL) + 5 : -1].split(",")


class Watch:
    """One open watch of a client."""

    def __init__(self, connection, asked):
        self.connection, self.asked = connection, asked
        self.open = True
        self.lock = threading.Lock()

    def write(self, data):
        """One chunk, in the pieces that the server was told to write."""
        with self.lock:
            if not self.open:
                return
            data = b"%x\r\n%s\r\n" % (len(data), data)
            try:
                size = self.connection.api.piece or len(data)
                for at in range(0, len(data), size):
                    self.connection.socket.sendall(data[at : at + size])
            except OSError:
                self.open = False

    def end(self):
        """As at timeoutSeconds: the last chunk, and the connection may go on."""
        with self.lock:
            if self.open:
                self.open = False
                try:
                    self.connection.socket.sendall(b"0\r\n\r\n")
                except OSError:
                    pass

    def cut(self):
        """A connection that breaks in the middle of the body."""
        self.open = False
        self.connection.reset()


class Connection:
    def __init__(self, api, sock, number):
        self.api, self.socket, self.number = api, sock, number
        self.gone = threading.Event()

    def reset(self):
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def answer(self, code, body, kind="application/json", headers=(), zipped=False):
        body = body if isinstance(body, bytes) else json.dumps(body, indent=2).encode()
        if zipped:
            body, headers = gzip.compress(body), [*headers, "Content-Encoding: gzip"]
        lines = ["HTTP/1.1 %d Reason" % code, "Content-Type: " + kind, "Content-Length: %d" % len(body), *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode() + body)

    def run(self):
        try:
            file = self.socket.makefile("rb")
            while True:
                first = file.readline()
                if not first:
                    return
                headers = {}
                while (line := file.readline().strip()) != b"":
                    name, _, value = line.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                if not self.api.serve(self, first.decode("latin-1").split()[1], headers):
                    return
                if self.watching and not self._wait():
                    return
        except (OSError, ValueError):
            pass
        finally:
            self.gone.set()
            self.api.left(self)
            try:
                self.socket.close()
            except OSError:
                pass

    watching = None

    def _wait(self):
        """While a watch is open: until it ends, or the client goes away (which it does by closing)."""
        watch, self.watching = self.watching, None
        while watch.open:
            if select.select([self.socket], [], [], 0.02)[0] and not self.socket.recv(1):
                watch.open = False
                return False
        return True


class KubeApi:
    """`context`: an ssl.SSLContext for TLS. `token`: the only bearer token that is good; None takes everything."""

    def __init__(self, context=None, token=None, address="127.0.0.1"):
        self.context, self.token, self.address = context, token, address
        self.changed = threading.Condition()
        self.objects = {}  # (namespace, name): slice
        self.history = []  # (version, type, slice before, slice after)
        self.version = 100
        self.oldest = 0  # versions before this one are gone
        self.asked, self.watches, self.connections = [], [], []
        self.faults = []  # (verb, times, function(connection, asked) → keep the connection?)
        self.piece = None  # bytes a write
        self.silent = False  # watches are taken, and nothing is ever sent on them
        self.n_connections = 0
        # Bound from the first day to the last, and never listening: while the server is down nobody else gets its port.
        self.hold = self._bound(0)
        self.port = self.hold.getsockname()[1]
        self.up()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()
        self.hold.close()

    @property
    def url(self):
        host = "[%s]" % self.address if ":" in self.address else self.address
        return "%s://%s:%d" % ("https" if self.context else "http", host, self.port)

    def _bound(self, port):
        sock = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, port))
        return sock

    def up(self):
        self.listener = self._bound(self.port)
        self.listener.listen(64)
        self.stopping = False
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def down(self):
        """As if the process were killed."""
        self.stopping = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.changed:
            connections = list(self.connections)
        for one in connections:
            one.reset()
        for one in connections:
            one.gone.wait(DEADLINE_S)

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        sock.settimeout(DEADLINE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            try:
                sock = self.context.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        with self.changed:
            self.n_connections += 1
            connection = Connection(self, sock, self.n_connections)
            self.connections.append(connection)
        connection.run()

    def left(self, connection):
        with self.changed:
            if connection in self.connections:
                self.connections.remove(connection)
            for watch in self.watches:
                if watch.connection is connection:
                    watch.open = False
            self.watches = [watch for watch in self.watches if watch.open]
            self.changed.notify_all()

    # ------------------------------------------------------------ what a test does

    def put(self, *slices):
        """Creates or changes; each is one event."""
        with self.changed:
            for one in slices:
                one = copy.deepcopy(one)
                key = one["metadata"]["namespace"], one["metadata"]["name"]
                self._event("MODIFIED" if key in self.objects else "ADDED", self.objects.get(key), one)
                self.objects[key] = one

    def delete(self, name, namespace="shop"):
        with self.changed:
            self._event("DELETED", self.objects.pop((namespace, name)), None)

    def forget(self, name, namespace="shop"):
        """Gone without an event, as if it had happened while nobody watched."""
        with self.changed:
            del self.objects[(namespace, name)]
            self.version += 1

    def sneak(self, one):
        """There without an event."""
        with self.changed:
            self.version += 1
            one["metadata"]["resourceVersion"] = str(self.version)
            self.objects[(one["metadata"]["namespace"], one["metadata"]["name"])] = one

    def restart_history(self):
        """As after a restart: every version that a client may know is too old."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.history = []

    def fail(self, verb, code, body, times=1, **more):
        """The next `times` requests of this verb ("list", "watch") are answered so."""

        def refuse(connection, asked):
            connection.answer(code, body, **more)
            return True

        self.script(verb, refuse, times)

    def script(self, verb, function, times=1):
        with self.changed:
            self.faults.append([verb, times, function])

    def heal(self):
        with self.changed:
            self.faults = []

    def emit(self, data):
        """These very bytes to every open watch, as one chunk."""
        for watch in self.open_watches():
            watch.write(data)

    def bookmark(self):
        with self.changed:
            self.version += 1
            thing = {
                "kind": "EndpointSlice",
                "apiVersion": "discovery.k8s.io/v1",
                "metadata": {"resourceVersion": str(self.version)},
                "addressType": "",
                "endpoints": None,
                "ports": None,
            }
        self.emit(line_of("BOOKMARK", thing))
        return str(self.version)

    def open_watches(self):
        with self.changed:
            return [watch for watch in self.watches if watch.open]

    def end_watches(self):
        for watch in self.open_watches():
            watch.end()

    def cut_watches(self):
        for watch in self.open_watches():
            watch.cut()

    # ------------------------------------------------------------ what a test asks

    def count(self, verb):
        with self.changed:
            return sum(one.verb == verb for one in self.asked)

    def last(self, verb):
        with self.changed:
            return [one for one in self.asked if one.verb == verb][-1]

    def wait(self, condition, what, deadline_s=None):
        end = time.monotonic() + (deadline_s or DEADLINE_S)
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                if left <= 0:
                    raise TooLate("the API server waited in vain for %s; asked: %s" % (what, self.asked[-8:]))
                self.changed.wait(min(left, 0.2))

    def wait_asked(self, verb, n):
        self.wait(lambda: sum(one.verb == verb for one in self.asked) >= n, "%s number %d" % (verb, n))

    def wait_watching(self, n=1):
        self.wait(lambda: sum(watch.open for watch in self.watches) == n, "%d open watches" % n)

    # ------------------------------------------------------------ serving

    def serve(self, connection, target, headers):
        path, _, text = target.partition("?")
        query = {key: value[-1] for key, value in urllib.parse.parse_qs(text, keep_blank_values=True).items()}
        namespace = path.split("/")[5] if path.count("/") == 6 else ""
        token = headers.get("authorization", "").removeprefix("Bearer ")
        verb = "watch" if query.get("watch") == "true" else "list"
        asked = Asked(verb, namespace, query, token, connection.number, time.monotonic(), headers)
        with self.changed:
            self.asked.append(asked)
            fault = next((one for one in self.faults if one[0] == verb), None)
            if fault:
                fault[1] -= 1
                if fault[1] == 0:
                    self.faults.remove(fault)
            self.changed.notify_all()
        if path != PATH % namespace:
            connection.answer(404, b"404 page not found\n", kind="text/plain")
            return True
        if fault:
            return fault[2](connection, asked)
        if self.token is not None and token != self.token:
            connection.answer(401, UNAUTHORIZED)
            return True
        return self._list(connection, asked) if verb == "list" else self._watch(connection, asked)

    def _event(self, kind, before, after):
        self.version += 1
        if after:
            after["metadata"]["resourceVersion"] = str(self.version)
        self.history.append((self.version, kind, before, after))
        for watch in self.watches:
            line = self._line(watch.asked, self.history[-1])
            if line and not self.silent:
                watch.write(line)
        self.changed.notify_all()

    @staticmethod
    def _matches(asked, thing):
        meta = thing["metadata"]
        return meta["namespace"] == asked.namespace and meta["labels"].get(LABEL) in asked.services

    def _line(self, asked, event):
        """What a watch is told of an event: leaving the selector is a DELETED with the old labels."""
        version, _, before, after = event
        was, is_now = before and self._matches(asked, before), after and self._matches(asked, after)
        if not was and not is_now:
            return None
        thing = copy.deepcopy(after if is_now else before)
        thing["metadata"]["resourceVersion"] = str(version)
        return line_of("MODIFIED" if was and is_now else "ADDED" if is_now else "DELETED", thing)

    def _list(self, connection, asked):
        with self.changed:
            found = [one for _, one in sorted(self.objects.items()) if self._matches(asked, one)]
            version = str(self.version)
        first = int(asked.query.get("continue", "0"))
        limit = int(asked.query.get("limit", "0"))
        meta = {"resourceVersion": version}
        if limit and first + limit < len(found):
            meta["continue"] = str(first + limit)
        items = found[first : first + limit] if limit else found[first:]
        # Items of a list have neither kind nor apiVersion.
        items = [{key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in items]
        connection.answer(
            200,
            {"kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "metadata": meta, "items": items},
            zipped="gzip" in asked.headers.get("accept-encoding", ""),
        )
        return True

    def start_watch(self, connection, asked):
        """Sends the head of a watch and keeps it; what a script that answers a watch begins with."""
        connection.socket.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        watch = Watch(connection, asked)
        connection.watching = watch
        return watch

    def _watch(self, connection, asked):
        with self.changed:
            version = int(asked.query["resourceVersion"])
            if version < self.oldest:
                watch = self.start_watch(connection, asked)
                watch.write(line_of("ERROR", GONE))
                watch.end()
                connection.watching = None
                return True
            watch = self.start_watch(connection, asked)
            if version <= self.version and not self.silent:
                for event in self.history:
                    line = self._line(asked, event) if event[0] > version else None
                    if line:
                        watch.write(line)
            self.watches.append(watch)
            self.changed.notify_all()
        return True


# ------------------------------------------------------------------------------------------------- pods


class Pod:
    """A backend on an address of its own that says who it is and counts who asks."""

    def __init__(self, address, port_number=0, context=None):
        self.address = address
        self.context = context
        self.hosts = []  # the Host of each request
        self.held = None  # a threading.Event: answers wait for it
        self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port_number))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def requests(self):
        return len(self.hosts)

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        body = json.dumps({"pod": self.address}).encode()
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            file = sock.makefile("rb")
            while file.readline():
                while (line := file.readline().strip()) != b"":
                    if line.lower().startswith(b"host:"):
                        self.hosts.append(line[5:].strip().decode())
                if self.held:
                    self.held.wait(DEADLINE_S)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        except OSError:
            pass
        finally:
            sock.close()


class Pods:
    """Pods of one port on several loopback addresses."""

    def __init__(self, *addresses, context=None):
        for _ in range(20):
            made = []
            try:
                for address in addresses:
                    made.append(Pod(address, made[0].port if made else 0, context))
                break
            except OSError: # the port is taken at one of the addresses
                for one in made:
                    one.close()
        else:
            raise OSError("no port is free at all of " + ", ".join(addresses))
        self.port = made[0].port
        self.of = {one.address: one for one in made}

    def __getitem__(self, address):
        return self.of[address]

    def close(self):
        for one in self.of.values():
            one.close()
