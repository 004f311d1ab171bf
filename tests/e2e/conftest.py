"""The demo as a person starts it, and a browser in front of it."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

STARTS_WITHIN_S: Final = 60.0
FED_WITHIN_S: Final = 600.0
SCREENSHOTS: Final = Path(__file__).parents[2] / "screenshots"
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


expect.set_options(timeout=20_000)


@dataclass
class Demo:
    """`livewarden demo` in a process of its own, and what it said so far."""

    process: subprocess.Popen[str]
    folder: Path
    said: list[str] = field(default_factory=list)
    _lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, pattern: str, within_s: float) -> re.Match[str]:
        """The first line, of those said or of those to come, that matches."""
        for line in self.said:
            if found := re.search(pattern, line):
                return found
        end = time.monotonic() + within_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {pattern!r} within {within_s} s of:\n" + "\n".join(self.said)) from None
            assert line is not None, "the demo ended:\n" + "\n".join(self.said)
            self.said.append(line)
            if found := re.search(pattern, line):
                return found

    @property
    def console(self) -> str:
        return self.until(r"Console: (http://\S+)", STARTS_WITHIN_S)[1]

    def fed(self) -> None:
        """Wait until both recordings are processed."""
        self.until(r"of \d+ simulated incidents found", FED_WITHIN_S)

    @property
    def environment(self) -> dict[str, str]:
        """Where its services are, as environment variables."""
        text = (self.folder / "environment").read_text()
        found = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", text, re.MULTILINE))
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LIVEWARDEN_")}
        return plain | found

    def run(self, *arguments: str, code: int = 0) -> str:
        """A command of livewarden against it; what it printed."""
        command = [sys.executable, "-m", "cli", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def json(self, *arguments: str) -> Any:
        """The same, with its JSON read."""
        return orjson.loads(self.run(*arguments, "--json"))

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query."""
        rows: list[dict[str, Any]] = self.json("sql", query)
        return rows


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, with its console, from its start on."""
    folder = tmp_path_factory.mktemp("demo") / "livewarden-demo"
    command = [sys.executable, "-u", "-m", "cli", "demo", "--port", "0", "--console-port", "0"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LIVEWARDEN_")}
    plain["PYTHONPATH"] = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        command, cwd=folder.parent, env=plain, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    started = Demo(process, folder)
    threading.Thread(target=started.listen, daemon=True).start()
    try:
        yield started
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium: the one on the machine, or the one that Playwright has."""
    path = os.environ.get("LIVEWARDEN_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chrome"))), None
    )
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            missing = "no Chromium: install it, or `playwright install chromium`, or set LIVEWARDEN_TEST_CHROMIUM"
            if os.environ.get("LIVEWARDEN_REQUIRE_SERVICES") == "1":
                pytest.fail(missing)
            pytest.skip(missing)
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """A page of the console; whatever its scripts complain of fails the test."""
    context: BrowserContext = browser.new_context(base_url=demo.console, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert complaints == []


def pictured(page: Page, name: str) -> None:
    """Keep a picture of the page, wide and narrow; neither may be wider than its window."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for kind, width, height in (("wide", 1280, 900), ("phone", 390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=SCREENSHOTS / f"{name}-{kind}.png", full_page=True)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{name} is {over} pixels wider than a {kind} window"
    page.set_viewport_size({"width": 1280, "height": 900})
