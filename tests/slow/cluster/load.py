"""A steady load on remora: so many GETs a second whatever comes back, on kept connections, every answer kept. Its own thread."""
# SPDX-License-Identifier: Apache-2.0
import asyncio
import re
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass

STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d)")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
POD = re.compile(rb'"pod":"([^"]*)"')
TIMEOUT_S = 30


@dataclass
class Result:
    sent: float
    answered: float
    status: int  # 0: the connection ended without an answer
    pod: str
    text: str  # of what is no 200


class _Connection(asyncio.Protocol):
    def __init__(self, load):
        self.load, self.transport, self.buffer, self.sent = load, None, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def ask(self):
        self.sent = time.monotonic()
        self.transport.write(self.load.request)

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        length = LENGTH.search(self.buffer[:end]) if end >= 0 else None
        if not length or len(self.buffer) < end + 4 + int(length.group(1)):
            return
        pod = POD.search(self.buffer)
        status = int(STATUS.match(self.buffer).group(1))
        self.load.over(self, status, pod.group(1).decode() if pod else "", "" if status == 200 else self.buffer.decode("latin-1"))
        self.buffer = b""

    def connection_lost(self, error):
        if self.sent is not None:
            self.load.over(self, 0, "", "the connection ended: %s" % error)
        self.load.lost(self)


class Load:
    def __init__(self, port, target="/", rate=500):
        self.port, self.rate = port, rate
        self.request = b"GET %s HTTP/1.1\r\nHost: app\r\n\r\n" % target.encode()
        self.results = []
        self.idle = deque()
        self.pending = set()
        self.stopping = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Sends no more, and waits for what is under way."""
        self.stopping = True
        self.thread.join()

    async def _run(self):
        loop = asyncio.get_running_loop()
        start, sent = loop.time(), 0
        while not self.stopping:
            due = int((loop.time() - start) * self.rate)
            while sent < due:
                sent += 1
                if self.idle:
                    connection = self.idle.pop()
                else:
                    _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
                self.pending.add(connection)
                connection.ask()
            await asyncio.sleep(0.001)
        end = loop.time() + TIMEOUT_S
        while self.pending and loop.time() < end:
            await asyncio.sleep(0.005)
        for connection in list(self.pending) + list(self.idle):
            connection.transport.abort()
        await asyncio.sleep(0)

    def over(self, connection, status, pod, text):
        self.results.append(Result(connection.sent, time.monotonic(), status, pod, text))
        connection.sent = None
        self.pending.discard(connection)
        if status:
            self.idle.append(connection)

    def lost(self, connection):
        if connection in self.idle:
            self.idle.remove(connection)

    # ------------------------------------------------------------ what a test asks

    def failed(self):
        return [result for result in self.results if result.status != 200]

    def check(self, at_least=1):
        failed = self.failed()
        assert len(self.results) >= at_least, "%d requests, %d wanted" % (len(self.results), at_least)
        assert not failed, "%d of %d requests failed; the first: %s" % (len(failed), len(self.results), failed[0])

    def by_pod(self, since=0.0, until=float("inf")):
        return Counter(result.pod for result in list(self.results) if since <= result.sent < until)
