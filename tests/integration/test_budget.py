"""The process-wide budget of bodies: what decoding an answer takes counts, is refused beyond it, and is given back."""
# SPDX-License-Identifier: Apache-2.0
import json

from kit.backend import answer
from kit.gateway import fill

CONFIG = """\
version: 3
listen_ip: 127.0.0.1
extra_config:
  remora: {limits: {bodies_bytes: 1MiB}}
endpoints:
  - endpoint: /one
    backend: [{host: ["$host"], url_pattern: /wide, deny: [k0]}] # opens it
  - endpoint: /two
    backend:
      - {host: ["$host"], url_pattern: /wide}
      - {host: ["$host"], url_pattern: /small}
"""


def test_values_count_as_bodies(start, backend):
    wide = json.dumps({"k%d" % i: i for i in range(20000)})  # 0.25 MB of text, 1.3 MB of values
    far = backend(lambda peer, req: answer(wide if req.target == "/wide" else '{"a":1}'))
    remora = start(fill(CONFIG, host=far.url))
    for _ in range(3):
        assert remora.ask("/one").status == 503
        partial = remora.ask("/two")
        assert partial.status == 200 and json.loads(partial.body) == {"a": 1} and partial.completed == "false"
