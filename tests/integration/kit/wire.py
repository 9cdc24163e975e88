"""A client's connection that sends exactly the bytes it is told and reads answers strictly. Every wait has a
deadline."""
# SPDX-License-Identifier: Apache-2.0
import re
import select
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

from .waiting import DEADLINE_S, TooLate

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d) [\t\x20-\x7e\x80-\xff]*\Z")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*\Z")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?\Z")


class Malformed(AssertionError):
    """remora sent something that is no HTTP/1.1."""


@dataclass
class Answer:
    status: int
    version: bytes
    headers: list  # of (lower-case name, value), bytes
    body: bytes = b""
    whole: bool = False  # the framing says that this was all of it
    framing: str = "none"  # none, length, chunked, close
    trailers: list = field(default_factory=list)

    def header(self, name):
        """The field's only value as text, None without it."""
        values = [value for key, value in self.headers if key == name.lower().encode()]
        if len(values) > 1:
            raise Malformed("%s stands %d times in an answer" % (name, len(values)))
        return values[0].decode("latin-1") if values else None

    @property
    def completed(self):
        return self.header("X-Krakend-Completed")


def parse_fields(lines):
    fields = []
    for line in lines:
        match = FIELD_LINE.match(line)
        if not match:
            raise Malformed("no header line: %r" % line[:200])
        fields.append((match.group(1).lower(), match.group(2)))
    return fields


class Wire:
    """`tls`: a client's ssl.SSLContext. An end without close_notify is a reset then."""

    def __init__(self, port, deadline_s=None, receive_buffer=None, host="127.0.0.1", tls=None, server_name="localhost"):
        self.deadline_s = deadline_s or DEADLINE_S
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(self.deadline_s)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = tls is not None
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name, suppress_ragged_eofs=False)
        self.buffer = bytearray()
        self.ended = None  # "eof" or "reset" once the other side has closed
        self.send_failed = False  # the other side took no more
        self.interim = []  # statuses of 1xx answers, as they came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ------------------------------------------------------------ sending

    def send(self, data, until_answer=False):
        """Sends bytes, or an iterable of bytes, and reads meanwhile, so that two full buffers never wait for each
        other. Ends early when the other side closes, or with `until_answer` when it says anything."""
        pieces = iter([data] if isinstance(data, (bytes, bytearray, memoryview)) else data)
        end = time.monotonic() + self.deadline_s
        poll = select.poll()  # a test may have more descriptors open than select() knows
        poll.register(self.socket, select.POLLIN | select.POLLOUT)
        if self.tls:
            self.socket.setblocking(False)  # what is readable may be no answer, but a session ticket
        try:
            self._send(pieces, until_answer, end, poll)
        finally:
            self.socket.settimeout(self.deadline_s)

    def _send(self, pieces, until_answer, end, poll):
        for piece in pieces:
            left = memoryview(piece)
            while left:
                if self.ended or self.send_failed or (until_answer and self.buffer):
                    return
                ready = poll.poll(max(0, end - time.monotonic()) * 1000)
                if not ready:
                    raise TooLate("the gateway takes no more bytes and says nothing")
                if ready[0][1] & ~select.POLLOUT:
                    self._receive()
                else:
                    try:
                        left = left[self.socket.send(left[: 1 << 18]) :]
                        end = time.monotonic() + self.deadline_s
                    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                        continue
                    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                        self.send_failed = True

    def half_close(self):
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_WR)  # not the method of a TLS socket: it forgets its keys
        except OSError:
            self.send_failed = True

    def reset(self):
        """Closes with a RST instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    # ------------------------------------------------------------ reading

    def _receive(self, most=1 << 16):
        try:
            data = self.socket.recv(most)
        except ssl.SSLWantReadError:
            return True
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            self.ended = self.ended or "reset"
            return False
        except TimeoutError:
            raise TooLate(
                "the gateway said nothing for %g s (read so far: %r)" % (self.deadline_s, bytes(self.buffer[:300]))
            )
        if not data:
            self.ended = self.ended or "eof"
            return False
        self.buffer += data
        return True

    def peek(self):
        """What the other side has said and nobody has read yet; waits for it."""
        while not self.buffer and not self.ended:
            self._receive()
        return bytes(self.buffer)

    def _line(self, most=1 << 17):
        """One line without its CRLF, None at the end of the connection."""
        while (at := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) > most:
                raise Malformed("a line of more than %d bytes" % most)
            if self.ended or not self._receive():
                return None
        line = bytes(self.buffer[: at + 1])
        del self.buffer[: at + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise Malformed("a line that does not end in CRLF: %r" % line[:200])
        return line[:-2]

    def _exactly(self, n):
        """Up to n bytes: fewer only at the end of the connection."""
        while len(self.buffer) < n and not self.ended and self._receive(1 << 18):
            pass
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    def head(self):
        """Status line and headers of the next answer, 1xx put aside; None when the connection ended before it began."""
        while True:
            line = self._line()
            if line is None:
                if self.buffer:
                    raise Malformed("the connection ended within an answer's head: %r" % bytes(self.buffer[:200]))
                return None
            match = STATUS_LINE.match(line)
            if not match:
                raise Malformed("no status line: %r" % line[:200])
            status, lines = int(match.group(1)), []
            while True:
                field_line = self._line()
                if field_line is None:
                    raise Malformed("the connection ended within an answer's head")
                if not field_line:
                    break
                lines.append(field_line)
            answer = Answer(status, line[:8], parse_fields(lines))
            if status >= 200:
                return answer
            if status == 101:
                raise Malformed("101 that nobody asked for")
            self.interim.append(status)

    def body(self, answer, method="GET"):
        """Reads the answer's body into it, by its framing (RFC 9112 6.3)."""
        coding, length = answer.header("Transfer-Encoding"), answer.header("Content-Length")
        if coding and length:
            raise Malformed("an answer with Transfer-Encoding and Content-Length")
        if method == "HEAD" or answer.status in (204, 304):
            answer.whole = True
        elif coding:
            if coding.lower() != "chunked":
                raise Malformed("an answer with Transfer-Encoding: " + coding)
            answer.framing = "chunked"
            self._chunks(answer)
        elif length is not None:
            if not re.fullmatch(r"\d{1,18}", length):
                raise Malformed("an answer with Content-Length: " + length)
            answer.framing = "length"
            answer.body = self._exactly(int(length))
            answer.whole = len(answer.body) == int(length)
        else:
            answer.framing = "close"
            answer.body = self.to_end()
            answer.whole = self.ended == "eof"
        return answer

    def _chunks(self, answer):
        parts = []
        try:
            while True:
                line = self._line()
                if line is None:
                    return
                match = CHUNK_LINE.match(line)
                if not match:
                    raise Malformed("no chunk line: %r" % line[:200])
                size = int(match.group(1), 16)
                if size == 0:
                    break
                parts.append(self._exactly(size))
                end = self._exactly(2)
                if len(parts[-1]) < size or len(end) < 2:
                    return
                if end != b"\r\n":
                    raise Malformed("a chunk that does not end in CRLF")
            lines = []
            while line := self._line():
                lines.append(line)
            answer.trailers = parse_fields(lines)
            answer.whole = line is not None
        finally:
            answer.body = b"".join(parts)

    def answer(self, method="GET"):
        """The next answer, read to its end; None when the connection ended before it began."""
        answer = self.head()
        return answer and self.body(answer, method)

    def to_end(self):
        """Everything until the other side closes."""
        while not self.ended and self._receive(1 << 18):
            pass
        data = bytes(self.buffer)
        self.buffer.clear()
        return data


def request(line="GET / HTTP/1.1", *fields, body=b"", host="Host: gateway.test"):
    """Bytes of a request; text is taken as Latin-1. host=None leaves the field out."""
    lines = [line] + ([host] if host is not None else []) + list(fields)
    lines = [one if isinstance(one, bytes) else one.encode("latin-1") for one in lines]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(port, target="/", *fields, method="GET", body=None, deadline_s=None, tls=None):
    """One ordinary request on a connection of its own."""
    fields = list(fields) + ["Connection: close"]
    if body is not None:
        fields.append("Content-Length: %d" % len(body))
    with Wire(port, deadline_s, tls=tls) as wire:
        wire.send(request("%s %s HTTP/1.1" % (method, target), *fields, body=body or b""))
        answer = wire.answer(method)
    if answer is None:
        raise Malformed("%s %s: the connection ended without an answer (%s)" % (method, target, wire.ended))
    return answer
