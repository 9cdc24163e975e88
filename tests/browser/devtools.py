"""Chromium without a window, by its DevTools protocol over a pipe: no driver, no port, nothing but the standard library here."""
# SPDX-License-Identifier: Apache-2.0
import base64
import fcntl
import json
import os
import shutil
import subprocess
import threading
import time

DEADLINE_S = 120


def program():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One browser with one page. What a console would show in red is in `complaints`."""

    def __init__(self, folder):
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()

        def descriptors():  # 3 and 4 are what the browser reads and writes
            ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        arguments = [program(), "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--hide-scrollbars",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check",
                     "--user-data-dir=%s" % folder, "about:blank"]
        if os.geteuid() == 0 or "CI" in os.environ:
            arguments.insert(1, "--no-sandbox")
        self.log = open(os.path.join(folder, "browser.log"), "wb")
        self.process = subprocess.Popen(arguments, preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        os.close(to_read)
        os.close(to_write)
        self.changed = threading.Condition()
        self.answers, self.events, self.complaints, self.requested = {}, [], [], []
        self.serial, self.session, self.is_over = 0, None, False
        threading.Thread(target=self._listen, daemon=True).start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            session, self.session = self.session, None
            self.call("Browser.close")
        except (AssertionError, OSError):
            self.process.kill()
        self.process.wait(DEADLINE_S)
        os.close(self._out)
        self.log.close()

    # ------------------------------------------------------------ the protocol

    def _listen(self):
        rest = b""
        while data := os.read(self._in, 1 << 16):
            *messages, rest = (rest + data).split(b"\0")
            with self.changed:
                for message in messages:
                    self._take(json.loads(message))
                self.changed.notify_all()
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        os.close(self._in)

    def _take(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
            return
        method, params = message["method"], message.get("params", {})
        self.events.append(method)
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(params)
        elif method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])

    def call(self, method, **params):
        with self.changed:
            self.serial += 1
            serial = self.serial
        message = {"id": serial, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + DEADLINE_S
        with self.changed:
            while serial not in self.answers:
                assert not self.is_over and time.monotonic() < end, "the browser does not answer %s" % method
                self.changed.wait(1)
            answer = self.answers.pop(serial)
        assert "error" not in answer, answer
        return answer["result"]

    # ------------------------------------------------------------ what a test does

    def look(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression, what=None):
        """Until it is true."""
        end = time.monotonic() + DEADLINE_S
        while True:
            value = self.look(expression)
            if value:
                return value
            assert time.monotonic() < end, "waited in vain for %s" % (what or expression)
            time.sleep(0.1)

    def open(self, url, width=1280, height=900, dark=False):
        self.show_as(width, height, dark)
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def show_as(self, width=1280, height=900, dark=False, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def press(self, key, code=None, text=None):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, windowsVirtualKeyCode={"Tab": 9, "Enter": 13}.get(key, 0), **more)

    def picture(self):
        """The viewport as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
