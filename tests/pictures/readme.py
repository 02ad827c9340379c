"""The README's pictures.

`page.png` and `page-dark.png` are the page at 1,280 pixels while records arrive;
`arriving.webp` moves: a row is inserted, and a moment later it is on the page.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice

from playwright.sync_api import Browser, Page

from ..bench.bench import Bench
from ..integration.page import FeedPage
from ..integration.running import REPOSITORY
from .film import Film
from .replayed import TITLES, rows_of

_IMAGES = REPOSITORY / "docs/images"
_BEFORE = 60
_ARRIVING = 5
_TYPED_AT_ONCE = 12


def take(bench: Bench, browser: Browser) -> None:
    rows = {feed: rows_of(feed) for feed in TITLES}
    for feed, title in TITLES.items():
        bench.api.create_feed(feed, title=title)
        bench.api.write_all(feed, list(islice(rows[feed], _BEFORE)))
    for scheme, name in [("light", "page.png"), ("dark", "page-dark.png")]:
        page = _open(browser, bench, 1280, 860, scheme)
        for _ in range(_ARRIVING):
            for feed in TITLES:
                bench.api.write(feed, next(rows[feed]))
            time.sleep(1.2)
        page.screenshot(path=_IMAGES / name)
        page.context.close()
    page = _open(browser, bench, 1100, 480, "light")
    _film(page, bench, rows["weather"]).save(_IMAGES / "arriving.webp")


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
