"""A relay that ends TLS on both sides, and so sees what the API server sends to remora and can change what remora asks."""
# SPDX-License-Identifier: Apache-2.0
import re
import ssl
import threading
from collections import Counter

from .relay import Relay

EVENT = re.compile(rb'\{"type":"([A-Z]+)","object":')
HEAD_MAX = 64  # an event's type stands in its first bytes


class Recorder(Relay):
    def __init__(self, cluster, rewrite=None):
        """`rewrite(bytes) -> bytes` sees what remora sends; a request's head comes whole."""
        credentials = cluster.credentials
        self.inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inside.load_cert_chain(credentials.certificate, credentials.key)
        self.inside.set_alpn_protocols(["http/1.1"])
        self.outside = ssl.create_default_context(cafile=str(credentials.ca))
        self.outside.set_alpn_protocols(["http/1.1"])
        self.rewrite = rewrite
        self.events = Counter()  # by type
        self.tails = threading.local()
        super().__init__(int(cluster.url.rpartition(":")[2]), self._wrap)

    def _wrap(self, client, server):
        return (
            self.inside.wrap_socket(client, server_side=True),
            self.outside.wrap_socket(server, server_hostname="127.0.0.1"),
        )

    def sent_up(self, data):
        return self.rewrite(data) if self.rewrite else data

    def sent_down(self, data):
        # One thread a connection and direction: what may be the first half of an event's head waits for the next piece.
        seen = getattr(self.tails, "bytes", b"") + data
        end = 0
        for match in EVENT.finditer(seen):
            self.events[match.group(1).decode()] += 1
            end = match.end()
        self.tails.bytes = seen[max(end, len(seen) - HEAD_MAX) :]
        return super().sent_down(data)
