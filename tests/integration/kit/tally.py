"""Backends that only count, and clients that only ask, in one event loop of their own: for thousands of requests."""
# SPDX-License-Identifier: Apache-2.0
import asyncio
import threading

from .waiting import DEADLINE_S

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"from":"%c"}'


class Tally:
    """Backends by one-letter names: `ports`, and how many requests came to each in `counts`; the Host that it was asked
    for in `hosts`."""

    def __init__(self, names):
        self.counts = dict.fromkeys(names, 0)
        self.hosts = {name: set() for name in names}
        self.ports = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.servers = self._run(self._listen())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        async def stop():
            for server in self.servers:
                server.close()
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self._run(stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(DEADLINE_S)
        self.loop.close()

    def _run(self, coroutine, deadline_s=None):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(deadline_s or DEADLINE_S)

    async def _listen(self):
        servers = []
        for name in self.counts:
            server = await asyncio.start_server(lambda r, w, n=name: self._serve(n, r, w), "127.0.0.1", 0, backlog=512)
            self.ports[name] = server.sockets[0].getsockname()[1]
            servers.append(server)
        return servers

    async def _serve(self, name, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.counts[name] += 1
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"host:"):
                        self.hosts[name].add(line[5:].strip().decode())
                writer.write(ANSWER % name.encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    # ------------------------------------------------------------ clients

    def ask(self, port, target, requests, connections=20, deadline_s=None):
        """So many requests over kept connections; how many of each status there were."""
        return self._run(self._ask(port, target, requests, connections), deadline_s or DEADLINE_S * 2)

    async def _ask(self, port, target, requests, connections):
        statuses = {}
        line = b"GET %s HTTP/1.1\r\nHost: gateway.test\r\n\r\n" % target.encode()

        async def client(n):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(n):
                writer.write(line)
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:"))
                await reader.readexactly(int(length[15:]))
                status = int(head[9:12])
                statuses[status] = statuses.get(status, 0) + 1
            writer.close()

        share, rest = divmod(requests, connections)
        await asyncio.gather(*[client(share + (i < rest)) for i in range(connections)])
        return statuses
