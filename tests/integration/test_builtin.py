"""The endpoints of remora's own: what a client makes long in them is counted as a body."""
# SPDX-License-Identifier: Apache-2.0
import json

from kit.wire import request

CONFIG = """
version: 3
listen_ip: 127.0.0.1
echo_endpoint: true
host: ["http://127.0.0.1:1"]
extra_config: {remora: {limits: {bodies_bytes: 1MiB, client_body_bytes: 300KiB}}}
endpoints:
  - endpoint: /any
    backend: [{url_pattern: /any}]
"""


def echo(wire, body):
    wire.send(request("POST /__echo/ HTTP/1.1", "Content-Length: %d" % len(body)) + body)
    return wire.answer()


def test_echo_is_counted(start):
    """A control character takes six bytes in JSON: an echo that is longer than all bodies may be together is refused, the next is not."""
    remora = start(CONFIG)
    with remora.wire() as wire:
        for _ in range(3):
            assert echo(wire, b"\x01" * (300 << 10)).status == 503
            answer = echo(wire, b"a" * (300 << 10))
            assert answer.status == 200 and json.loads(answer.body)["req_body"] == "a" * (300 << 10)
