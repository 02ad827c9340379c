"""The browser that the tests drive: Debian's chromium, quiet and headless."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, BrowserType, Playwright

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


def _program() -> str:
    program = shutil.which("chromium")
    assert program, "chromium is not installed (Debian package chromium)"
    return program
