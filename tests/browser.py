"""A real Chromium without a window, over its debugging pipe: what a page asked for, what it complained of, what it shows.

    with browser(tmp_path) as chromium:
        visit = chromium.visit(path, width=390, dark=True)
        visit.requests, visit.complaints, visit.ask("document.title"), visit.screenshot(tmp_path / "page.png")

It opens no port, and asks nobody else for anything. Tests skip where there is no `chromium`.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CHROMIUM = shutil.which("chromium")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
_PATIENCE_S = 120.0  # a machine with much to do starts a browser slowly


@contextmanager
def browser(folder: Path) -> Iterator["Browser"]:
    """folder: an empty one for its profile."""
    to_child, to_it = os.pipe()
    from_it, from_child = os.pipe()
    for_child = [fcntl.fcntl(end, fcntl.F_DUPFD, 100) for end in (to_child, from_child)]

    def as_it_expects():
        os.dup2(for_child[0], 3)
        os.dup2(for_child[1], 4)

    process = subprocess.Popen(
        [CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
        pass_fds=(3, 4),
        preexec_fn=as_it_expects,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (to_child, from_child, *for_child):
        os.close(end)
    try:
        yield Browser(to_it, from_it)
    finally:
        os.close(to_it)  # it ends with its pipe
        os.close(from_it)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Browser:
    """Speaks the DevTools protocol: one JSON object, then a zero byte, each way."""

    def __init__(self, to_it: int, from_it: int):
        self._to_it, self._from_it, self._last, self._rest = to_it, from_it, 0, b""

    def visit(
        self, page: Path, *, width: int = 1280, height: int = 900, dark: bool = False, paper: bool = False
    ) -> "Visit":
        """Open a page in a tab of its own, and wait until it is all there."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        visit = Visit(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            visit.call(f"{domain}.enable")
        visit.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        visit.call("Emulation.setEmulatedMedia", media="print" if paper else "screen", features=[scheme])
        visit.call("Page.navigate", url=page.absolute().as_uri())
        self.wait_for(visit, "Page.loadEventFired")
        visit.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        return visit

    def call(self, method: str, session: str | None = None, visit: "Visit | None" = None, **params) -> dict:
        self._last += 1
        asked = {"id": self._last, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._to_it, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next(visit)
            if told.get("id") == self._last:
                assert "error" not in told, told
                return told["result"]

    def wait_for(self, visit: "Visit", event: str) -> None:
        while event not in visit.events:
            self._next(visit)

    def _next(self, visit: "Visit | None") -> dict:
        end = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._rest:
            assert select.select([self._from_it], [], [], max(0.0, end - time.monotonic()))[0], (
                "the browser says nothing"
            )
            self._rest += (read := os.read(self._from_it, 1 << 16))
            assert read, "the browser is gone"
        line, _, self._rest = self._rest.partition(b"\0")
        told = json.loads(line)
        if visit and told.get("sessionId") == visit.session and "method" in told:
            visit.note(told["method"], told["params"])
        return told


@dataclass
class Visit:
    """One page in one tab. requests: every address asked for but its own; complaints: of the console, the policy, a script."""

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    events: set[str] = field(default_factory=set)

    def note(self, event: str, told: dict) -> None:
        self.events.add(event)
        if event == "Network.requestWillBeSent" and told.get("type") != "Document":
            self.requests.append(told["request"]["url"])
        if event in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded"):
            self.complaints.append(json.dumps(told))

    def call(self, method: str, **params) -> dict:
        return self.browser.call(method, self.session, self, **params)

    def ask(self, script: str) -> object:
        """The value of an expression in the page."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def screenshot(self, path: Path) -> Path:
        """The whole page, to its end."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(picture))
        return path
