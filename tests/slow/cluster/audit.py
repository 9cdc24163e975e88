"""The API server's own record of what it was asked and by whom: one Request for each one that has begun to be answered. What remora
says of itself is not asked."""
# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "resources": [{"group": "discovery.k8s.io", "resources": ["endpointslices"]}], "verbs": ["list", "watch", "get"]},
        {"level": "None"},
    ],
}
CREDENTIAL = "authentication.kubernetes.io/credential-id"


@dataclass
class Request:
    user: str
    verb: str
    namespace: str
    status: int
    query: dict  # of name to its one value
    agent: str
    credential: str  # which token it came with
    received: float  # seconds since the epoch
    over: bool  # a watch that has ended; all else is over when it is recorded
    id: str


class Audit:
    def __init__(self, folder):
        self.path, self.policy = folder / "audit.jsonl", folder / "audit-policy.json"
        self.policy.write_text(json.dumps(POLICY))
        self.path.touch()
        self.mark = 0

    def forget(self):
        """requests() tells only those that begin from here on."""
        self.mark = self.path.stat().st_size

    def requests(self, verb=None, namespace=None, agent="remora"):
        """In the order of their beginning."""
        found, earlier, read = {}, set(), 0
        with open(self.path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                read += len(line)
                try:
                    event = json.loads(line)
                except ValueError:  # an API server was killed while it wrote
                    continue
                if read <= self.mark:
                    earlier.add(event["auditID"])
                if event["auditID"] in earlier:
                    continue
                where = event.get("objectRef") or {}
                one = Request(
                    user=event["user"].get("username", ""),
                    verb=event["verb"],
                    namespace=where.get("namespace", ""),
                    status=(event.get("responseStatus") or {}).get("code", 0),
                    query={k: v[0] for k, v in parse_qs(urlsplit(event["requestURI"]).query, keep_blank_values=True).items()},
                    agent=event.get("userAgent", ""),
                    credential="".join((event["user"].get("extra") or {}).get(CREDENTIAL, [])),
                    received=datetime.fromisoformat(event["requestReceivedTimestamp"].replace("Z", "+00:00")).timestamp(),
                    over=event["stage"] == "ResponseComplete",
                    id=event["auditID"],
                )
                if one.agent.startswith(agent) and verb in (None, one.verb) and namespace in (None, one.namespace):
                    found[one.id] = one  # a watch is told twice: begun, then over
        return sorted(found.values(), key=lambda one: one.received)
