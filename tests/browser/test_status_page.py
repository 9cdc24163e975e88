"""The status page in a real browser: what it draws, that it moves, what becomes of it when a host ends, and that the console stays empty
(what its Content-Security-Policy forbids would stand there)."""
# SPDX-License-Identifier: Apache-2.0
import http.server
import signal
import threading

import pytest

from kit.gateway import fill
from kit.wire import ask

CONFIG = """
version: 3
name: shop
listen_ip: 127.0.0.1
extra_config: {remora: {workers: 1, admin: {listen: "127.0.0.1:$$admin"}}}
endpoints:
  - endpoint: /v1/products
    backend:
      - {url_pattern: /products, host: ["http://127.0.0.1:$a", "http://127.0.0.1:$b", "http://127.0.0.1:$c"]}
      - {url_pattern: /campaign, host: ["http://127.0.0.1:$a"], group: marketing}
  - endpoint: /v1/orders/{id}
    extra_config: {proxy: {sequential: true}}
    backend:
      - {url_pattern: "/orders/{id}", host: ["http://127.0.0.1:$b"]}
      - {url_pattern: "/customers/{resp0_id}", host: ["http://127.0.0.1:$a"], group: customer}
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b'{"id":7}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Host:
    """One backend that can end, with all its connections."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.connections = []
        accept = self.server.get_request

        def keep():
            one = accept()
            self.connections.append(one[0])
            return one

        self.server.get_request = keep
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        for one in self.connections:
            self.server.shutdown_request(one)


@pytest.fixture
def hosts():
    all_of_them = {name: Host() for name in "abc"}
    yield all_of_them
    for one in all_of_them.values():
        one.end()


@pytest.fixture
def shop(start, hosts):
    remora = start(fill(CONFIG, **{name: host.port for name, host in hosts.items()}))
    over = threading.Event()

    def load():
        while not over.wait(0.02):
            ask(remora.port, "/v1/products")
            ask(remora.port, "/v1/orders/3")

    clients = threading.Thread(target=load)
    clients.start()
    yield remora
    over.set()
    clients.join()


def count(selector):
    return "document.querySelectorAll(%r).length" % selector


def text(selector):
    return "document.querySelector(%r).textContent" % selector


def test_what_it_shows(shop, hosts, browser):
    origin = "http://127.0.0.1:%d/" % shop.admin_port
    browser.open(origin)
    browser.wait("document.querySelector('#state').textContent === 'Ready'")
    assert browser.look("document.title").startswith("shop") or "shop" in browser.look(text("#name"))

    # The graph: two endpoints, four backends, and the three sources that they ask, with the edges between them.
    drawn = browser.wait(text("#graph"))
    for one in ("/v1/products", "/v1/orders/{id}", "/campaign", "/customers/{resp0_id}", "127.0.0.1:%d" % hosts["b"].port):
        assert one in drawn, drawn
    assert browser.look(count("#graph path")) >= 8

    # Plots that move.
    line = "document.querySelector('#tiles path.line').getAttribute('d')"
    first = browser.wait(line)
    browser.wait("%s !== %r" % (line, first), "another look at the numbers")

    # Requests, failures and latency of the endpoints and of their backends.
    browser.wait(count("#endpoints tbody tr") + " === 6")
    for column in (2, 5, 6):
        browser.wait("/[1-9]/.test(%s)" % text("#endpoints tbody tr:first-child").replace(".textContent", ".children[%d].textContent" % column))
    browser.wait("/p99 [0-9]/.test(%s)" % text("#tiles"))
    time = "document.querySelectorAll('#endpoints path.line')[1].getAttribute('d')"
    browser.wait("%s.length > 20" % time, "a plot of latency")

    # A host ends: it is ejected, and the page says so.
    browser.wait("!%s.includes('ejected')" % text("#pools"))
    hosts["c"].end()
    browser.wait("%s.includes('ejected') && %s.includes('127.0.0.1:%d')" % (text("#problems"), text("#problems"), hosts["c"].port),
                 "the ejected host")
    assert "ejected" in browser.look(text("#pools"))
    assert ask(shop.port, "/v1/products").status == 200

    assert {url.split("?")[0] for url in browser.requested if url.startswith("http")} == {
        origin, origin + "__graph", origin + "__hosts", origin + "__reload", origin + "metrics"}


def test_a_refused_file(shop, browser):
    browser.open("http://127.0.0.1:%d/" % shop.admin_port)
    browser.wait("document.querySelector('#state').textContent === 'Ready'")
    problems, good = text("#problems"), shop.config.read_text()
    shop.config.write_text(good.replace("/campaign", "/campaign, methode: GET, timeout: 5"))
    shop.signal(signal.SIGHUP)
    browser.wait("%s.includes('refused at')" % problems, "the refusal")
    shown = browser.look(problems)
    assert shop.config.name in shown and "endpoints[0].backend[1].timeout" in shown and "10:" in shown, shown
    assert browser.look("document.querySelector('#state').className") == "state bad"
    shop.config.write_text(good)
    shop.signal(signal.SIGHUP)
    browser.wait("!%s.includes('refused at')" % problems, "a good file")
    assert ask(shop.port, "/v1/products").status == 200


def test_the_filter(shop, browser):
    browser.open("http://127.0.0.1:%d/" % shop.admin_port, width=390, height=800, dark=True)
    graph = text("#graph")
    browser.wait("%s.includes('/v1/products') && %s.includes('/v1/orders')" % (graph, graph))
    browser.look("(f => { f.value = 'orders'; f.dispatchEvent(new Event('input')) })(document.querySelector('#filter'))")
    browser.wait("!%s.includes('/v1/products') && %s.includes('/v1/orders')" % (graph, graph), "one endpoint")
    assert browser.look("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than a phone"
