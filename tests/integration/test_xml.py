"""XML and RSS answers of backends, recorded through KrakenD 2.13: recorded/xml.json has what the backend sent and what the client got."""
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

from kit.backend import answer

CASES = json.loads((Path(__file__).parent / "recorded/xml.json").read_text())


def script(peer, req):
    case = next(case for case in CASES if req.target == "/" + case["name"])
    return answer(case["xml"].encode(case.get("charset", "utf-8")), "200 OK", "Content-Type: application/xml")


def meant(text):
    """Whatever the order of the members."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_recorded(start, backend):
    far = backend(script)
    endpoints = []
    for case in CASES:
        one = {"host": [far.url], "url_pattern": case["name"], "encoding": case.get("encoding", "xml"),
               "is_collection": case.get("is_collection", False)}
        endpoints.append({"endpoint": case["name"], "output_encoding": case.get("output_encoding", "json"), "backend": [one]})
    remora = start(json.dumps({"version": 3, "timeout": "20s", "listen_ip": "127.0.0.1", "endpoints": endpoints}))
    answers = {case["name"]: remora.ask("/" + case["name"]) for case in CASES}
    assert {name: (got.status, meant(got.body.decode())) for name, got in answers.items()} == {
        case["name"]: (case["status"], meant(case["answer"])) for case in CASES
    }
