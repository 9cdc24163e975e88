"""Many light clients that list and watch as remora does, each on a TLS connection of its own, for the API server's cost of them. They
are a program of their own, so that their time is not the test's: `watchers.py URL CA TOKEN NAMESPACE SELECTOR N`; a line a second on
standard output tells {"open", "events", "bytes"} so far; it ends when its standard input does."""
# SPDX-License-Identifier: Apache-2.0
import asyncio
import json
import re
import ssl
import sys
from urllib.parse import quote, urlsplit

EVENT = re.compile(rb'\{"type":"(?:ADDED|MODIFIED|DELETED)","object":')
VERSION = re.compile(rb'"resourceVersion": ?"(\d+)"')
AT_ONCE = 20  # handshakes


class Totals:
    open = events = bytes = 0


async def ask(url, context, head):
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=context)
    writer.write(head.encode())
    return reader, writer


async def watch(url, context, token, namespace, selector, totals, gate):
    path = "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector=%s" % (namespace, quote(selector))
    more = " HTTP/1.1\r\nHost: api\r\nUser-Agent: watcher\r\nAuthorization: Bearer %s\r\nAccept: application/json\r\n" % token
    async with gate:
        reader, writer = await ask(url, context, "GET " + path + "&limit=50" + more + "Connection: close\r\n\r\n")
        version = VERSION.search(await reader.read()).group(1).decode()
        writer.close()
        query = "&watch=true&allowWatchBookmarks=true&timeoutSeconds=3600&resourceVersion=" + version
        reader, writer = await ask(url, context, "GET " + path + query + more + "\r\n")
        await reader.readuntil(b"\r\n\r\n")
    totals.open += 1
    tail = b""
    while data := await reader.read(1 << 16):
        totals.bytes += len(data)
        seen = tail + data
        found = list(EVENT.finditer(seen))
        totals.events += len(found)
        tail = seen[max(found[-1].end() if found else 0, len(seen) - 64) :]
    totals.open -= 1


async def main(url, ca, token, namespace, selector, n):
    context = ssl.create_default_context(cafile=ca)
    totals, gate = Totals(), asyncio.Semaphore(AT_ONCE)
    tasks = [
        asyncio.create_task(watch(urlsplit(url), context, token, namespace, selector, totals, gate)) for _ in range(int(n))
    ]
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not over.done():
        await asyncio.wait([over], timeout=1)
        print(json.dumps({"open": totals.open, "events": totals.events, "bytes": totals.bytes}), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
