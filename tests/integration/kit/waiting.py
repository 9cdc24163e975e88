"""How long a test waits for a condition before it gives up. Never an expected duration: a machine may be busy."""
# SPDX-License-Identifier: Apache-2.0
import os
import time

SANITIZER_MARKS = (b"__asan_init", b"__tsan_init", b"__ubsan_handle")


def _is_sanitized(path):
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return False
    return any(mark in data for mark in SANITIZER_MARKS)


# The rule for sanitizer builds, read off the program itself: figures of memory are not asserted (shadow memory and
# quarantines are in them), bulk sizes are a sixteenth, deadlines are longer. All else holds.
SANITIZED = _is_sanitized(os.environ.get("REMORA", ""))
DEADLINE_S = float(os.environ.get("REMORA_TEST_DEADLINE") or (120 if SANITIZED else 40))


class TooLate(AssertionError):
    """A condition that a test waited for did not come."""


def until(condition, what, deadline_s=None, step_s=0.005):
    """Polls for what has no event to wait on (/proc, a port that opens); gives back the condition's value."""
    end = time.monotonic() + (deadline_s or DEADLINE_S)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TooLate("waited in vain for " + what)
        time.sleep(step_s)
