"""CoreDNS: the cluster's own zone from the API server, and `shop.test`, a zone file that a test rewrites."""
# SPDX-License-Identifier: Apache-2.0
import os
import socket
import struct
import urllib.error
import urllib.request

from kit.waiting import until

from . import programs
from .process import Program

ADDRESS, READY = "127.0.0.1", "127.0.0.1:8181"
TTL_S = 5  # of the cluster's zone
COREFILE = """cluster.local:53 {
    bind %(address)s
    ready %(ready)s
    errors
    kubernetes cluster.local {
        kubeconfig %(kubeconfig)s box
        ttl %(ttl)d
    }
}
shop.test:53 {
    bind %(address)s
    errors
    template ANY ANY servfail.shop.test {
        rcode SERVFAIL
    }
    template ANY ANY refused.shop.test {
        rcode REFUSED
    }
    file %(zone)s {
        reload 1s
    }
}
"""
ZONE = """$ORIGIN shop.test.
$TTL %d
@ IN SOA ns.shop.test. admin.shop.test. %d 60 60 60 5
@ IN NS ns.shop.test.
ns IN A %s
"""


def query(name, kind=33, server=ADDRESS):
    """Asks by UDP as RFC 1035 has it; gives back (answer code, number of answers, truncated)."""
    labels = b"".join(struct.pack("B", len(label)) + label for label in name.encode().rstrip(b".").split(b"."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.connect((server, 53))
        sock.send(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1))
        answer = sock.recv(65535)
    flags, answers = struct.unpack("!2xH2xH", answer[:8])
    return flags & 15, answers, bool(flags & 0x200)


class Dns:
    def __init__(self, cluster, folder):
        self.zone = folder / "shop.zone"
        self.serial = 0
        self.write_zone("")
        corefile = folder / "Corefile"
        corefile.write_text(
            COREFILE
            % {"address": ADDRESS, "ready": READY, "kubeconfig": cluster.kubeconfig, "ttl": TTL_S, "zone": self.zone}
        )
        self.program = Program("coredns", folder, [programs.path("coredns"), "-conf", corefile])

    def __enter__(self):
        self.program.start()
        until(self._is_ready, "CoreDNS", step_s=0.05)
        return self

    def __exit__(self, *_):
        self.program.stop()

    def _is_ready(self):
        self.program.check_alive()
        try:
            return urllib.request.urlopen("http://%s/ready" % READY, timeout=5).status == 200
        except (OSError, urllib.error.URLError):
            return False

    def write_zone(self, records, ttl=2):
        """CoreDNS looks for another serial each second."""
        self.serial += 1
        part = self.zone.with_suffix(".part")
        part.write_text(ZONE % (ttl, self.serial, ADDRESS) + records)
        os.replace(part, self.zone)
