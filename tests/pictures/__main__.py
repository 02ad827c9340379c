"""`make pictures`: of the page, each time from a stack of its own.

`readme` makes docs/images anew; `views` shows each view of the page, at 1,280 and at
390 pixels, light and dark, in .pictures/, to be looked at. Without an argument both.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy/native"))

from ..bench.bench import Bench, fresh_stack  # found on the path just set
from ..integration import chromium
from . import readme, views

_TAKERS = {"readme": readme.take, "views": views.take}


def main() -> None:
    names = sys.argv[1:] or list(_TAKERS)
    unknown = sorted(set(names) - set(_TAKERS))
    if unknown:
        sys.exit(f"no pictures of {', '.join(unknown)}; of {', '.join(_TAKERS)}")
    for name in names:
        with fresh_stack() as stack, sync_playwright() as playwright:
            browser = chromium.launch(playwright)
            _TAKERS[name](Bench(stack, 0, False), browser)
            browser.close()


main()
