"""Scripted HTTP backends on loopback: they send exactly the bytes they are told, cut, reset, wait and flood, and keep
what reached them. One thread a connection; what they are asked is parsed strictly, and anything that no HTTP/1.1
request may hold is kept as a violation, which fails the test."""
# SPDX-License-Identifier: Apache-2.0
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass

from .waiting import DEADLINE_S, TooLate

# High bytes may stand in a query: its pairs pass as the client wrote them.
REQUEST_LINE = re.compile(
    rb"([A-Z]+) (/[\x21\x22\x24-\x3e\x40-\x7e]*)(\?[\x21\x22\x24-\x7e\x80-\xff]*)? HTTP/1\.[01]\Z"
)
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t\x20-\x7e\x80-\xff]*)\Z")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})\Z")
HOP_BY_HOP = {
    b"keep-alive",
    b"te",
    b"trailer",
    b"upgrade",
    b"http2-settings",
    b"proxy-connection",
    b"proxy-authorization",
}


class Cut(Exception):
    """remora closed the connection in the middle of a request."""


@dataclass
class Request:
    method: str
    target: str
    headers: list  # of (lower-case name, value), bytes
    raw_head: bytes
    body: bytes = b""
    whole: bool = False
    connection: int = 0  # the number of the connection that it came on
    body_length: int = 0

    def values(self, name):
        return [value.decode("latin-1") for key, value in self.headers if key == name.lower().encode()]


class Peer:
    """One accepted connection, for a script."""

    def __init__(self, backend, sock, number):
        self.backend, self.socket, self.number = backend, sock, number
        self.buffer = bytearray()
        self.open = True
        self.gone = False  # remora has closed, or reset, its side
        self.sent = 0  # bytes that the kernel took from send()

    # ------------------------------------------------------------ what a script does

    def send(self, data):
        """False when remora has gone away."""
        left = memoryview(data)
        try:
            while left:
                taken = self.socket.send(left[: 1 << 18])
                self.sent += taken
                left = left[taken:]
            return True
        except (BrokenPipeError, ConnectionResetError):
            self.gone = True
            return False
        except (OSError, TimeoutError):
            return False

    def fin(self):
        """An orderly end; unread input would turn it into a reset."""
        if self.open:
            self.open = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def half_close(self):
        """Ends the sending side only; the connection is still read from."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        if self.open:
            self.open = False
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()

    def wait_gone(self):
        """Until remora closes its side; what it still sends is thrown away. False when the backend is being closed."""
        while True:
            data = self._receive()
            if data is None:
                self.gone = True
                self.backend.note()
                return True

    # ------------------------------------------------------------ reading

    def _receive(self, most=1 << 18):
        """None at the end."""
        try:
            data = self.socket.recv(most)
        except (OSError, TimeoutError):
            return None
        return data or None

    def _more(self):
        data = self._receive()
        if data is None:
            raise Cut()
        self.buffer += data

    def _line(self):
        while (at := self.buffer.find(b"\n")) < 0:
            self._more()
        line = bytes(self.buffer[: at + 1])
        del self.buffer[: at + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            self.backend.violated("a line that does not end in CRLF: %r" % line[:300])
        return line.rstrip(b"\r\n")

    def read_head(self):
        """The next request without its body, None when there is none."""
        try:
            first = self._line()
        except Cut:
            if self.buffer:
                self.backend.violated("a request line cut off: %r" % bytes(self.buffer[:300]))
            self.gone = True
            return None
        try:
            lines = []
            while line := self._line():
                lines.append(line)
        except Cut:
            self.gone = True
            return None
        raw = b"\r\n".join([first] + lines)
        match = REQUEST_LINE.match(first)
        if not match:
            self.backend.violated("no request line: %r" % first[:300])
            return None
        headers = []
        for line in lines:
            one = FIELD_LINE.match(line)
            if one:
                headers.append((one.group(1).lower(), one.group(2)))
            else:
                self.backend.violated("no header line: %r" % line[:300])
        target = (match.group(2) + (match.group(3) or b"")).decode("latin-1")
        request = Request(match.group(1).decode(), target, headers, raw, connection=self.number)
        self._judge(request)
        return request

    def _judge(self, request):
        """What a gateway must never pass on (RFC 9112 3.2, 6; RFC 9110 7.6.1)."""
        names = [name for name, _ in request.headers]
        if names.count(b"host") != 1 or request.values("Host") != ["127.0.0.1:%d" % self.backend.port]:
            self.backend.violated("Host is not the backend's: %r" % request.raw_head)
        if names.count(b"content-length") + names.count(b"transfer-encoding") > 1:
            self.backend.violated("framed twice: %r" % request.raw_head)
        for name in names:
            if name in HOP_BY_HOP:
                self.backend.violated("hop-by-hop field %s: %r" % (name.decode(), request.raw_head))
        path = request.target.partition("?")[0]
        for segment in path.split("/"):
            if re.fullmatch(r"(\.|%2e){1,2}", segment, re.I):
                self.backend.violated("a dot segment: %s" % request.target)

    def read_body(self, request, sink=None):
        """Reads it to its end, into the request or into `sink` (a callable that gets each piece)."""
        parts = []
        take = sink or parts.append

        def exactly(n):
            while n:
                if not self.buffer:
                    self._more()
                piece = bytes(self.buffer[:n])
                del self.buffer[:n]
                request.body_length += len(piece)
                n -= len(piece)
                take(piece)

        lengths, codings = request.values("Content-Length"), request.values("Transfer-Encoding")
        if codings:
            if codings != ["chunked"]:
                self.backend.violated("Transfer-Encoding: %s" % codings)
                raise Cut()
            while True:
                line = self._line()
                match = CHUNK_LINE.match(line)
                if not match:
                    self.backend.violated("no chunk line: %r" % line[:100])
                    raise Cut()
                size = int(match.group(1), 16)
                if size == 0:
                    break
                exactly(size)
                if self._line():
                    self.backend.violated("a chunk that does not end in CRLF")
            while self._line():
                pass
        elif lengths:
            if not re.fullmatch(r"\d+", lengths[0]):
                self.backend.violated("Content-Length: %s" % lengths[0])
                raise Cut()
            exactly(int(lengths[0]))
        request.body = b"".join(parts)
        request.whole = True

    def read_request(self):
        """The next request with its body, recorded; None when there is none."""
        request = self.read_head()
        if request is None:
            return None
        backend = self.backend
        with backend.changed:
            backend.heads.append(request)
            backend.changed.notify_all()
        try:
            self.read_body(request)
        except Cut:
            with backend.changed:
                backend.broken.append(request)
                backend.changed.notify_all()
            self.gone = True
            return None
        with backend.changed:
            backend.requests.append(request)
            backend.changed.notify_all()
        return request


class Backend:
    """`script(peer, request)` is called for each whole request; what it returns (bytes) is sent. A script that wants
    the bare connection sets `on_connect(peer)` instead. A connection lives until the script ends it, remora does, or
    this is closed."""

    def __init__(self, script=None, on_connect=None, send_buffer=None, receive_buffer=None, tls=None):
        self.script = script
        self.on_connect = on_connect
        self.send_buffer = send_buffer
        self.tls = tls
        self.changed = threading.Condition()
        self.heads, self.requests, self.broken = [], [], []
        self.connections = 0  # accepted, ever
        self.violations = []
        self.failures = []  # exceptions of scripts
        self.peers = []
        self.stopping = False
        self.listener = socket.socket()
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.port)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ------------------------------------------------------------ what a test asks

    def wait(self, condition, what, deadline_s=None):
        """Until condition() is true; it is looked at after each event of this backend."""
        end = time.monotonic() + (deadline_s or DEADLINE_S)
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                if left <= 0:
                    raise TooLate(
                        "the backend waited in vain for %s (%d connections, %d heads, %d requests, %d broken)"
                        % (what, self.connections, len(self.heads), len(self.requests), len(self.broken))
                    )
                self.changed.wait(min(left, 0.5))

    def wait_requests(self, n):
        self.wait(lambda: len(self.requests) >= n, "%d requests" % n)

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def violated(self, what):
        with self.changed:
            self.violations.append(what)
            self.changed.notify_all()

    def settle(self):
        """Until no request is half read: each that was begun is whole or broken."""
        self.wait(lambda: len(self.heads) == len(self.requests) + len(self.broken), "requests that end")

    def forget(self):
        """Closes what is open and empties the records, for a test that shares this backend."""
        with self.changed:
            peers, self.peers = self.peers, []
            self.connections = 0
        for peer in peers:
            peer.open = False
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for peer in peers:
            peer.thread.join(DEADLINE_S)
        with self.changed:
            self.heads, self.requests, self.broken, self.violations, self.failures = [], [], [], [], []

    def check(self):
        """Nothing reached this backend that must not, and no script failed."""
        assert not self.violations, self.violations
        assert not self.failures, self.failures

    def close(self):
        self.stopping = True
        # A listener that is only closed stays open as long as a thread is in its accept().
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.forget()

    # ------------------------------------------------------------ threads

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.send_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer)
            sock.settimeout(DEADLINE_S * 2)
            with self.changed:
                self.connections += 1
                peer = Peer(self, sock, self.connections)
                peer.thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                self.peers.append(peer)
                peer.thread.start()
                self.changed.notify_all()

    def _serve(self, peer):
        try:
            if self.tls:
                peer.socket = self.tls.wrap_socket(peer.socket, server_side=True)
            if self.on_connect:
                self.on_connect(peer)
            else:
                while peer.open and (request := peer.read_request()):
                    answer = self.script(peer, request)
                    if answer is not None and not peer.send(answer):
                        break
        except Exception as error:  # a script's own mistake must not pass unseen
            if not self.stopping and peer in self.peers and not isinstance(error, (OSError, Cut)):
                with self.changed:
                    self.failures.append(repr(error))
        finally:
            self._end(peer)

    def _end(self, peer):
        """Reads on to remora's end where there was an orderly one, as closing with input unread is a reset."""
        try:
            peer.socket.shutdown(socket.SHUT_WR)
            while not peer.gone and peer.socket.recv(1 << 16):
                pass
        except OSError:
            pass
        peer.gone = True
        peer.open = False
        peer.socket.close()
        with self.changed:
            if peer in self.peers:
                self.peers.remove(peer)
            self.changed.notify_all()


def answer(body=b"{}", status="200 OK", *fields):
    """Bytes of an ordinary answer."""
    body = body if isinstance(body, bytes) else body.encode()
    lines = ["HTTP/1.1 " + status, "Content-Type: application/json", "Content-Length: %d" % len(body)] + list(fields)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
