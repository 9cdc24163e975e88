"""A network between remora and the API server (or CoreDNS over TCP): bytes pass through, until the test cuts, refuses or stalls them."""
# SPDX-License-Identifier: Apache-2.0
import selectors
import socket
import ssl
import threading

SEND_S = 30


class Relay:
    def __init__(self, port, tamper=None):
        """To this port of 127.0.0.1. `tamper` may wrap both ends of a new connection: (client, server) -> (client, server)."""
        self.target, self.tamper = port, tamper
        self.pairs, self.accepted, self.bytes_down = [], 0, 0
        self.refusing = False
        self.flowing = threading.Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = "https://127.0.0.1:%d" % self.port
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        self.flowing.set()

    # ------------------------------------------------------------ what a test does

    def cut(self):
        """Ends every connection; new ones are taken."""
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def refuse(self, yes=True):
        """From here on every connection ends before a byte of it; those that there are end, too."""
        self.refusing = yes
        if yes:
            self.cut()

    def stall(self, yes=True):
        """Nothing passes, and nothing ends."""
        (self.flowing.clear if yes else self.flowing.set)()

    # ------------------------------------------------------------ threads

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            self.accepted += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            server.settimeout(None)
            if self.tamper:
                client, server = self.tamper(client, server)
        except OSError:
            client.close()
            return
        pair = (client, server)
        self.pairs.append(pair)
        try:
            self._pump(pair)
        except (OSError, ValueError):
            pass
        for end in pair:
            end.close()
        if pair in self.pairs:
            self.pairs.remove(pair)

    def _pump(self, pair):
        """Both directions by one thread, as a TLS connection must not be used by two."""
        client, server = pair
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, (server, self.sent_up))
            selector.register(server, selectors.EVENT_READ, (client, self.sent_down))
            while True:
                # What came while nothing passed goes on as one piece.
                for key, _ in selector.select():
                    self.flowing.wait()
                    target, passing = key.data
                    data = bytearray()
                    while piece := self._take(key.fileobj):
                        data += piece
                    if data:
                        target.settimeout(SEND_S)
                        self.pass_on(target, passing(bytes(data)))
                    if piece == b"":
                        return

    def pass_on(self, target, data):
        target.sendall(data)

    @staticmethod
    def _take(source):
        """None: nothing there now. TLS has records that are no data."""
        source.settimeout(0)
        try:
            return source.recv(1 << 16)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None

    def sent_up(self, data):
        return data

    def sent_down(self, data):
        self.bytes_down += len(data)
        return data
