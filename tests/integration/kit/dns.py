"""A scripted DNS server on loopback, UDP and TCP: SRV, A and AAAA records that a test changes at any time, and moods."""
# SPDX-License-Identifier: Apache-2.0
import ipaddress
import socket
import struct
import threading

A, AAAA, SRV = 1, 28, 33
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
UDP_BYTES = 512


def encode_name(name):
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def read_question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    kind = struct.unpack_from(">H", query, at + 1)[0]
    return ".".join(labels).lower(), kind, at + 5


class Dns:
    """`mood`: None answers, "silent" says nothing, a number is the rcode of every answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.records = {}  # (name, type): [(ttl, data)]
        self.mood = None
        self.queries = {}  # (name, type): how many
        while True:
            self.udp, self.tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:  # somebody has this one for TCP
                self.udp.close()
                self.tcp.close()
        self.tcp.listen(16)
        self.address = "127.0.0.1:%d" % self.port
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for sock in (self.udp, self.tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        # A shutdown does not wake a thread that waits for a datagram.
        with socket.socket(type=socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        for thread in self.threads:
            thread.join(10)
        self.udp.close()
        self.tcp.close()

    # ------------------------------------------------------------ what a test says

    def set_srv(self, name, ttl, *records):
        """Of (priority, weight, port, target); none: the name exists without any."""
        data = [
            (ttl, struct.pack(">HHH", priority, weight, port) + encode_name(target))
            for priority, weight, port, target in records
        ]
        with self.lock:
            self.records[name, SRV] = data

    def set_addresses(self, name, ttl, *addresses):
        with self.lock:
            for kind, version in ((A, 4), (AAAA, 6)):
                packed = [ipaddress.ip_address(one) for one in addresses]
                self.records[name, kind] = [(ttl, one.packed) for one in packed if one.version == version]

    def remove(self, name):
        with self.lock:
            self.records = {key: data for key, data in self.records.items() if key[0] != name}

    def be(self, mood):
        with self.lock:
            self.mood = mood

    def count(self, name, kind=SRV):
        with self.lock:
            return self.queries.get((name, kind), 0)

    # ------------------------------------------------------------ answering

    def _answer(self, query, most):
        name, kind, end = read_question(query)
        with self.lock:
            self.queries[name, kind] = self.queries.get((name, kind), 0) + 1
            mood, exists = self.mood, any(key[0] == name for key in self.records)
            records = list(self.records.get((name, kind), ()))
        if mood == "silent":
            return None
        rcode = mood if mood is not None else NOERROR if exists else NXDOMAIN
        records = [
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data
            for ttl, data in records
            if rcode == NOERROR
        ]
        fit, size = [], end
        for record in records:
            size += len(record)
            if size > most:
                break
            fit.append(record)
        flags = 0x8400 | (0x0200 if len(fit) < len(records) else 0) | (query[2] & 1) << 8 | rcode
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(fit), 0, 0) + query[12:end] + b"".join(fit)

    def _serve_udp(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(2000)
            except OSError:
                return
            if len(query) < 17:
                if not query:
                    return
                continue
            end = read_question(query)[2]
            edns = struct.unpack_from(">H", query, end + 3)[0] if query[11] == 1 and len(query) >= end + 11 else 0
            answer = self._answer(query, max(edns, UDP_BYTES))
            if answer:
                self.udp.sendto(answer, peer)

    def _serve_tcp(self):
        while True:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            sock.settimeout(5)
            with sock:
                try:
                    stream = sock.makefile("rb")
                    while len(prefix := stream.read(2)) == 2:
                        query = stream.read(struct.unpack(">H", prefix)[0])
                        answer = self._answer(query, 65535)
                        if answer:
                            sock.sendall(struct.pack(">H", len(answer)) + answer)
                except OSError:
                    pass
