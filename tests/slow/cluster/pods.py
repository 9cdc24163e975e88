"""Pods as HTTP servers: one listening socket an address, all served by one thread, each request counted with its time. A pod can
hold its answers back, and can die as a process does."""
# SPDX-License-Identifier: Apache-2.0
import asyncio
import socket
import threading
import time
from collections import Counter

from kit.waiting import until

PORT = 8080
IPV6_FREEBIND = 78  # an address of a local prefix need not be configured


def pod_address(number):
    return "10.2.%d.%d" % (number >> 8, number & 255)


class _Connection(asyncio.Protocol):
    def __init__(self, pod):
        self.pod, self.buffer, self.transport = pod, b"", None

    def connection_made(self, transport):
        self.transport = transport
        self.pod.open.add(self)

    def connection_lost(self, _):
        self.pod.open.discard(self)

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:  # remora sends these pods nothing with a body
            self.buffer = self.buffer[end + 4 :]
            self.pod.asked(self)

    def answer(self):
        self.transport.write(self.pod.answer)


class Pod:
    def __init__(self, address, port):
        self.address, self.port = address, port
        self.times = []  # of each request: time.monotonic()
        self.open = set()  # connections
        self.holding, self.held = False, []
        self.server = None
        body = b'{"pod":"%s","port":%d}' % (address.encode(), port)
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def asked(self, connection):
        self.times.append(time.monotonic())
        if self.holding:
            self.held.append(connection)
        else:
            connection.answer()

    @property
    def count(self):
        return len(self.times)

    def socket(self):
        six = ":" in self.address
        sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, self.port))
        sock.listen(512)
        return sock


class Pods:
    """Pods by address (and port, where a test has several at one). Methods may be called from any thread."""

    def __init__(self):
        self.pods = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._do(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def add(self, *addresses, port=PORT):
        return self._do(self._add(addresses, port))

    async def _add(self, addresses, port):
        made = []
        for address in addresses:
            pod = Pod(address, port)
            pod.server = await self.loop.create_server(lambda pod=pod: _Connection(pod), sock=pod.socket())
            self.pods[address, port] = pod
            made.append(pod)
        return made

    def __getitem__(self, key):
        return self.pods[key if isinstance(key, tuple) else (key, PORT)]

    def die(self, pod):
        """Its connections are reset and nobody listens any more."""
        self._do(self._die(pod))

    async def _die(self, pod):
        pod.server.close()
        for connection in list(pod.open):
            connection.transport.abort()

    async def _close(self):
        for pod in self.pods.values():
            await self._die(pod)
        await asyncio.sleep(0)  # the aborted ones end in the next turn

    def release(self, pod):
        """Gives the answers that were held, and holds no more."""

        async def answer_all():
            pod.holding = False
            held, pod.held = pod.held, []
            for connection in held:
                connection.answer()

        self._do(answer_all())

    # ------------------------------------------------------------ what a test asks

    def counts(self):
        return Counter({pod.address: pod.count for pod in self.pods.values() if pod.count})

    def forget(self):
        for pod in self.pods.values():
            pod.times = []

    def wait_idle_closed(self, pod):
        until(lambda: not pod.open, "the end of all connections to %s" % pod.address)
