"""The browser that the tests drive: Debian's chromium, quiet and headless."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

_FLAGS = [
    "--no-sandbox",  # the tests may run as root, in a container
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def launch(playwright: Playwright) -> Browser:
    program = shutil.which("chromium")
    assert program, "chromium is not installed (Debian package chromium)"
    return playwright.chromium.launch(executable_path=program, args=_FLAGS)
