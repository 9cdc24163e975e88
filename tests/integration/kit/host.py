"""A backend that is a process of its own, so that it can be killed, frozen, drained and started anew on its port. Run
as a program it serves: each POST's path is appended to a file, one a line; SIGTERM stops accepting, finishes what runs,
and ends."""
# SPDX-License-Identifier: Apache-2.0
import asyncio
import os
import signal
import subprocess
import sys

from kit.gateway import free_port
from kit.waiting import until

ANSWER_S = 0.005  # so that something always runs when it dies


class Host:
    """One backend process and its port, which stays the same over its lives."""

    def __init__(self, folder):
        self.port = free_port()
        self.journal = folder / ("posts-%d" % self.port)
        self.journal.touch()
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-m", "kit.host", str(self.port), str(self.journal)],
            cwd=os.path.dirname(os.path.dirname(__file__)),
            stdout=subprocess.PIPE,
        )
        until(lambda: self.process.stdout.readline() == b"ready\n", "a backend that listens")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        self.process.wait()
        self.process.stdout.close()

    def kill(self):
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.wait()

    def posts(self):
        return self.journal.read_text().split()


async def serve(port, journal):
    running, writers, ending = set(), set(), asyncio.Event()
    journal = os.open(journal, os.O_WRONLY | os.O_APPEND)

    async def connection(reader, writer):
        writers.add(writer)
        try:
            while not ending.is_set():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                running.add(writer)
                method, target = head.split(" ", 2)[:2]
                for line in head.lower().split("\r\n"):
                    if line.startswith("content-length:"):
                        await reader.readexactly(int(line.partition(":")[2]))
                if method == "POST":
                    os.write(journal, target.encode() + b"\n")
                await asyncio.sleep(ANSWER_S)
                body = b'{"port":%d}' % port
                close = b"Connection: close\r\n" if ending.is_set() else b""
                writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (close, len(body), body))
                await writer.drain()
                running.discard(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            running.discard(writer)
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port, reuse_address=True, backlog=256)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    print("ready", flush=True)
    await ending.wait()
    server.close()
    for writer in writers - running:
        writer.close()
    while writers:
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
