"""A real Chromium for tests: chromedriver over its WebDriver HTTP protocol, standard library only.

The browser gets a fresh profile, resolves no name but loopback, and keeps its console and network logs for the test.
Protocol: https://www.w3.org/TR/webdriver2/ and https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--lang=zh-CN",
)
WAIT_SECONDS = 120
ATTEMPTS = 5
STARTED = "ChromeDriver was started successfully"
GO = """
if (!arguments[0] || location.hash === arguments[0]) dispatchEvent(new HashChangeEvent('hashchange'));
else location.hash = arguments[0];
"""
DRAWN = """
const place = { '': 'home', '#/': 'home', '#/rectification': 'rectification' }[location.hash] ?? 'inspection';
const step = document.querySelector('.tabs [aria-current]')?.hash ?? '';
return document.getElementById('main')?.getAttribute('aria-busy') === 'false'
  && !document.getElementById(place).hidden
  && (place !== 'inspection' || step.startsWith(location.hash));
"""
# Of an element that is not rendered innerText is everything that it could show.
SHOWS = """
const e = document.querySelector(arguments[0]);
return Boolean(e) && (e.id === 'notice' || e.checkVisibility()) && e.innerText.includes(arguments[1]);
"""


class Browser:
    """One browser window."""

    def __init__(self, port: int, size: tuple[int, int], profile: Path) -> None:
        self._port = port
        options = {"args": [*ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{answer['sessionId']}"

    def open(self, url: str) -> None:
        """Load a page."""
        self._call("POST", f"{self._session}/url", {"url": url})

    def show(self, url: str) -> None:
        """Go to an address of our page as a link does, and wait until what it names is drawn as it is now."""
        root, _, fragment = url.partition("#")
        if fragment.startswith("/") and self.url.partition("#")[0] == root:
            self.run(GO, f"#{fragment}")
        else:
            self.open(url)
        self.drawn()

    def redraw(self) -> None:
        """Have everything drawn anew, as every few seconds while a job runs."""
        self.run(GO, "")
        self.drawn()

    def drawn(self) -> None:
        """Wait until the page shows what its address names and asks for nothing more of it."""
        self.wait(DRAWN)

    @property
    def url(self) -> str:
        """The address bar."""
        return str(self._call("GET", f"{self._session}/url"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page and return its JSON value."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": arguments})

    def wait(self, script: str, *arguments: Any) -> Any:
        """Run ``script`` until it returns something true; when it never does, say what is seen instead."""
        try:
            return until(lambda: self.run(script, *arguments), f"{script} {arguments}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.url}\n{self.text('body')}\n{self.console()}") from late

    def click(self, selector: str) -> None:
        """Click the first visible element that fits, once it is there and enabled."""
        self.wait(
            "const fits = (e) => e.offsetParent !== null && !e.disabled;"
            "const e = [...document.querySelectorAll(arguments[0])].find(fits);"
            "if (e) e.click(); return Boolean(e);",
            selector,
        )

    def type(self, selector: str, value: str) -> None:
        """Put a value into a field as a person would: the field says that it changed."""
        script = (
            "const e = document.querySelector(arguments[0]); if (!e) return false; e.value = arguments[1];"
            "if (e.value !== arguments[1]) return false;"  # a choice that is not offered yet
            "e.dispatchEvent(new Event('change', { bubbles: true })); return true;"
        )
        self.wait(script, selector, value)

    def upload(self, selector: str, file: Path) -> None:
        """Choose a file."""
        self.wait("return document.querySelector(arguments[0]) !== null", selector)
        found = self._call("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        element = next(iter(found.values()))
        self._call("POST", f"{self._session}/element/{element}/value", {"text": str(file)})

    def text(self, selector: str = "main") -> str:
        """The visible text of an element."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def wait_for(self, text: str, selector: str = "body") -> None:
        """Wait until an element shows ``text``; a notice may have gone by itself already."""
        self.wait(SHOWS, selector, text)

    def hush(self) -> None:
        """Forget the last notice: what comes next may say the same."""
        self.run("document.getElementById('notice-text').textContent = ''")

    def console(self) -> list[str]:
        """Warnings and errors of the console since the last call: script errors, CSP violations."""
        entries = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def requests(self) -> list[dict[str, Any]]:
        """Network requests since the last call: ``url``, ``method``, and ``postData`` where there is one."""
        entries = self._call("POST", f"{self._session}/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [m["params"]["request"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Save what is seen, or the whole page."""
        parameters: dict[str, Any] = {"captureBeyondViewport": whole}
        if whole:
            size = self.run("const e = document.documentElement; return [e.scrollWidth, e.scrollHeight]")
            parameters["clip"] = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        command = {"cmd": "Page.captureScreenshot", "params": parameters}
        file.write_bytes(base64.b64decode(self._call("POST", f"{self._session}/goog/cdp/execute", command)["data"]))

    def print_as(self, on: bool) -> None:
        """Show the page as on paper, or again as on the screen."""
        command = {"cmd": "Emulation.setEmulatedMedia", "params": {"media": "print" if on else ""}}
        self._call("POST", f"{self._session}/goog/cdp/execute", command)

    def close(self) -> None:
        """End the browser."""
        self._call("DELETE", self._session)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=240)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value and "stacktrace" in value:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value


@contextmanager
def browser(size: tuple[int, int] = (1366, 768)) -> Generator[Browser]:
    """A fresh browser; driver and profile are gone afterwards."""
    driver = shutil.which("chromedriver")
    assert driver is not None, "chromedriver is missing (apt install chromium-driver)"
    with (
        tempfile.TemporaryDirectory(prefix="hezheng-browser-", ignore_cleanup_errors=True) as folder,
        _driver(driver, Path(folder) / "driver.log") as port,
    ):
        window = Browser(port, size, Path(folder) / "profile")
        yield window
        window.close()


@contextmanager
def _driver(program: str, log: Path) -> Generator[int]:
    """chromedriver's port. Whoever else takes the port that was free a moment ago makes it end: then another one."""
    for _ in range(ATTEMPTS):
        port = _free_port()
        with log.open("wb") as output:
            process = subprocess.Popen([program, f"--port={port}"], stdout=output, stderr=output)
        try:
            if _starts(process, log):
                yield port
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError(f"chromedriver does not start: {log.read_text()}")


def _starts(process: subprocess.Popen[bytes], log: Path) -> bool:
    until(lambda: STARTED in log.read_text() or process.poll() is not None, "chromedriver starts or ends")
    return process.poll() is None


def _free_port() -> int:
    """chromedriver's own ``--port=0`` fails when the port it was given for IPv6 is taken for IPv4."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def until(ask: Callable[[], T], what: str) -> T:
    """Ask until the answer is true. Raises AssertionError after ``WAIT_SECONDS``."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"never came true: {what}")
