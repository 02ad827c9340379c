"""The browser that the tests drive: Debian's chromium, quiet and headless.

Its headless shell, where that is installed, is what Playwright takes by default: the
same engine without windows. It opens a page at half the cost.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, BrowserType, Playwright

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
    found = [program for each in _PROGRAMS if (program := shutil.which(each))]
    assert found, f"none of {_PROGRAMS} is installed (Debian packages of these names)"
    return found[0]
