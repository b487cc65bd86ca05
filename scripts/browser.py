"""Headless Chromium, driven through its DevTools pipe: pages are opened, keys pressed, pictures taken.

``python -m scripts.browser`` is not a command: tests and ``scripts.draw_pages`` import :class:`Browser`.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The program; ``None``: this machine has none."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
)

TIMEOUT = 60.0
"""Seconds to wait for an answer."""


class Page:
    """One page, with every error and request it makes.

    Attributes:
        requests: Addresses of all requests but those of data.
        errors: Texts of uncaught exceptions and of errors in the console, refusals of the content security policy too.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._buffer, self._number, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def view(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the window, in CSS pixels, and the color scheme of the system."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str, ready: str = "document.readyState === 'complete'") -> float:
        """Open an address, wait until an expression is true, and return the seconds that took."""
        self.requests.clear()
        self.errors.clear()
        self._call("Page.navigate", url="about:blank")
        start = time.perf_counter()
        self._call("Page.navigate", url=address)
        self.wait(f"location.href !== 'about:blank' && ({ready})")
        return time.perf_counter() - start

    def run(self, script: str) -> Any:
        """Evaluate an expression and return its value.

        Raises:
            RuntimeError: It throws.
        """
        reply = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in reply:
            raise RuntimeError(reply["exceptionDetails"].get("exception", {}).get("description", script))
        return reply["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true.

        Raises:
            TimeoutError: It stays false.
        """
        end = time.monotonic() + TIMEOUT
        while not self.run(f"!!({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{expression}: still false; errors of the page: {self.errors}")
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key: its name as ``KeyboardEvent.key`` has it."""
        code = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39}
        number = {**code, "ArrowDown": 40}.get(key, ord(key[0].upper()))
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        for kind in ("keyDown", "keyUp"):
            known = {"text": text} if text and kind == "keyDown" else {}
            self._call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=number, **known)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write the window, or the whole page, as PNG."""
        reply = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(reply["data"]))

    def _call(self, method: str, **parameters: object) -> Any:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._read()
            if reply.get("id") == self._number:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error']['message']}")
                return reply["result"]
            self._note(reply)

    def _read(self) -> Any:
        while b"\0" not in self._buffer:
            part = os.read(self._reader, 1 << 20)
            if not part:
                raise RuntimeError("Chromium has ended")
            self._buffer += part
        line, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(line)

    def _note(self, event: Any) -> None:
        values = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent" if not values["request"]["url"].startswith("data:"):
                self.requests.append(values["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(str(values["exceptionDetails"].get("exception", {}).get("description")))
            case "Log.entryAdded" if values["entry"]["level"] == "error":
                self.errors.append(values["entry"]["text"])


@contextmanager
def open_browser() -> Iterator[Page]:
    """Start Chromium with one empty page, and end it afterwards.

    Raises:
        RuntimeError: This machine has no Chromium.
    """
    if CHROMIUM is None:
        raise RuntimeError("no Chromium on this machine")
    to_child, from_parent = os.pipe()
    to_parent, from_child = os.pipe()
    with tempfile.TemporaryDirectory() as profile:
        # The pipe is at file descriptors 3 (commands) and 4 (replies) of the child.
        arguments = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        launch = "import os, sys; os.dup2(int(sys.argv[1]), 13); os.dup2(int(sys.argv[2]), 14)\n"
        launch += "os.dup2(13, 3); os.dup2(14, 4); os.execv(sys.argv[3], sys.argv[3:])"
        child = subprocess.Popen(
            ["python3", "-c", launch, str(to_child), str(from_child), *arguments],
            pass_fds=(to_child, from_child),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        try:
            yield Page(to_parent, from_parent)
        finally:
            os.close(from_parent)
            os.close(to_parent)
            child.terminate()
            child.wait(timeout=TIMEOUT)
