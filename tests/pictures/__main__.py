"""`make pictures`: the README's pictures, made anew from a stack of its own.

`page.png` and `page-dark.png` are the page at 1,280 pixels while records arrive;
`arriving.webp` moves: a row is inserted, and a moment later it is on the page.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType

from playwright.sync_api import Browser, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "deploy/native"))

from ..bench.bench import Bench, fresh_stack  # noqa: E402 # found on the path just set
from ..integration import chromium  # noqa: E402
from ..integration.page import FeedPage  # noqa: E402
from .film import Film  # noqa: E402

_IMAGES = REPOSITORY / "docs/images"
_TITLES = {"weather": "Seattle weather", "prices": "Share prices"}
_BEFORE = 60
_ARRIVING = 5
_TYPED_AT_ONCE = 12


def main() -> None:
    rows = {feed: _rows(feed) for feed in _TITLES}
    with fresh_stack() as stack, sync_playwright() as playwright:
        bench = Bench(stack, 0, False)
        for feed, title in _TITLES.items():
            bench.api.create_feed(feed, title=title)
            bench.api.write_all(feed, list(islice(rows[feed], _BEFORE)))
        browser = chromium.launch(playwright)
        for scheme, name in [("light", "page.png"), ("dark", "page-dark.png")]:
            page = _open(browser, bench, 1280, 860, scheme)
            for _ in range(_ARRIVING):
                for feed in _TITLES:
                    bench.api.write(feed, next(rows[feed]))
                time.sleep(1.2)
            page.screenshot(path=_IMAGES / name)
            page.context.close()
        page = _open(browser, bench, 1100, 480, "light")
        _film(page, bench, rows["weather"]).save(_IMAGES / "arriving.webp")
        browser.close()


def _open(browser: Browser, bench: Bench, width: int, height: int, scheme: str) -> Page:
    size = {"width": width, "height": height}
    context = browser.new_context(
        locale="en-GB",
        viewport=size,
        color_scheme=scheme,
    )
    page = FeedPage(context.new_page(), bench.stack.url, "weather").open()
    page.row(_newest(page)).wait_for()
    return page.tab


def _newest(page: FeedPage) -> str:
    return page.rows()[0].record_id


def _film(page: Page, bench: Bench, rows: Iterator[dict[str, object]]) -> Film:
    """Statements are typed, sent, and what they inserted arrives."""
    film = Film(page)
    film.show("", seconds=1.0)
    for row in islice(rows, 3):
        data = json.dumps(row)
        text = f"INSERT INTO records (feed, data) VALUES ('weather', '{data}');"
        for end in range(0, len(text), _TYPED_AT_ONCE):
            film.show(text[:end])
        film.show(text, seconds=0.4)
        bench.database.execute(
            "INSERT INTO records (feed, data) VALUES ('weather', %s)", [data]
        )
        film.show("INSERT 0 1", seconds=2.0)
    return film


def _rows(feed: str) -> Iterator[dict[str, object]]:
    """Of the public data that `make demo` replays."""
    replay = _replay()
    [source] = [each for each in replay.SOURCES if each.feed == feed]
    return (json.loads(row) for row in replay.read_rows(source))


def _replay() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "replay", REPOSITORY / "demo/replay.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["replay"] = module
    spec.loader.exec_module(module)
    return module


main()
