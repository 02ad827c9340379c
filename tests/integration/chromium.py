"""The browser that the tests drive: Debian's chromium, quiet and headless.

Its headless shell, where that is installed, is what Playwright takes by default: the
same engine without windows. It opens a page at half the cost.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, BrowserType, Playwright

from .waiting import until

_PROGRAMS = ("chromium-headless-shell", "chromium")
_FLAGS = [
    "--no-sandbox",  # the tests may run as root, in a container
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=_program(), args=_FLAGS)


@contextmanager
def launch_plain(
    kind: BrowserType, folder: Path, proxy_url: str
) -> Iterator[BrowserContext]:
    """A browser whose tabs are hidden when their window is, and then may be frozen.

    Playwright's own has every tab look visible. `folder` is the browser's alone.
    """
    flags = [
        "--headless",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        f"--proxy-server={proxy_url}",
        "--proxy-bypass-list=<-loopback>",
        # Timers once a minute, as for who was hidden for five: after a second.
        "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1",
    ]
    none = subprocess.DEVNULL
    # A group of its own: Debian's program is a script, and the browser its child.
    started = subprocess.Popen(
        [_program(), *_FLAGS, *flags],
        stdin=none,
        stdout=none,
        stderr=none,
        start_new_session=True,
    )
    try:
        port, *_ = until(lambda: _words(folder / "DevToolsActivePort"), "the browser")
        url = f"http://127.0.0.1:{port}"
        with closing(kind.connect_over_cdp(url, no_defaults=True)) as browser:
            yield browser.contexts[0]
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(60)
        until(lambda: not _is_alive(started.pid), "the browser to be gone", 60)


@contextmanager
def launch_keeping_pages(kind: BrowserType, proxy_url: str) -> Iterator[BrowserContext]:
    """A browser that keeps pages for the way back.

    Playwright forbids it that, and the headless shell can't.
    """
    browser = kind.launch(
        executable_path=_program("chromium"),
        args=_FLAGS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    with closing(browser):
        yield browser.new_context(proxy={"server": proxy_url})


def launch_with_profile(
    kind: BrowserType, folder: Path, proxy_url: str
) -> BrowserContext:
    """A browser of its own that keeps in `folder` what browsers keep."""
    return kind.launch_persistent_context(
        folder,
        executable_path=_program(),
        args=_FLAGS,
        proxy={"server": proxy_url},
        locale="en-GB",
    )


def _program(*names: str) -> str:
    """The first of these that is installed, if none are given of all."""
    wanted = names or _PROGRAMS
    found = [program for each in wanted if (program := shutil.which(each))]
    assert found, f"none of {wanted} is installed (Debian packages of these names)"
    return found[0]


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
