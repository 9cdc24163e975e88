"""A service of many pods that are all replaced: slices as the controller keeps them (a hundred endpoints at most, each change one
event with the whole slice), written directly so that the machine's time goes to what is tested."""
# SPDX-License-Identifier: Apache-2.0
import time

from .pods import pod_address
from .shop import endpoint

SLICE_MOST = 100
STEPS = 14  # changes of each slice: 11 slices make 154 events, as seen of the controller


class Rollout:
    def __init__(self, shop, pods, service, n=1000, slices=11, steps=STEPS):
        """Without `pods` nobody listens at the addresses."""
        self.shop, self.pods, self.service, self.steps = shop, pods, service, steps
        old = [pod_address(0x1000 + i) for i in range(n)]
        new = [pod_address(0x2000 + i) for i in range(n)]
        self.old, self.new = set(old), set(new)
        # Slice i holds every slices-th pod.
        self.parts = [(old[i::slices], new[i::slices]) for i in range(slices)]
        assert all(len(part) <= SLICE_MOST for part, _ in self.parts)

    def __enter__(self):
        if self.pods:
            self.pods.add(*self.old, *self.new)
        for i, (old, _) in enumerate(self.parts):
            self._write(i, old)
        return self

    def __exit__(self, *_):
        pass

    def _write(self, i, addresses):
        there = [
            endpoint(
                address,
                serving=True,
                terminating=False,
                nodeName="node-a",
                zone="zone-a",
                targetRef={"kind": "Pod", "namespace": self.shop.name, "name": "p-" + address.replace(".", "-"), "uid": "u-" + address},
            )
            for address in addresses
        ]
        self.shop.slice("%s-%d" % (self.service, i), self.service, there)

    def back(self, seconds):
        """The other way round."""
        self.parts = [(new, old) for old, new in self.parts]
        self.run(seconds)

    def run(self, seconds):
        """Replaces them all, slice after slice and step after step, evenly over this time."""
        start, done, total = time.monotonic(), 0, self.steps * len(self.parts)
        for step in range(1, self.steps + 1):
            for i, (old, new) in enumerate(self.parts):
                n = len(old) * step // self.steps
                self._write(i, new[:n] + old[n:])
                done += 1
                time.sleep(max(0, start + seconds * done / total - time.monotonic()))
