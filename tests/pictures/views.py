"""A picture of each view of the page, in each width and scheme."""

from __future__ import annotations

import shutil
from itertools import islice

from playwright.sync_api import Browser

from ..bench.bench import Bench
from ..integration.page import FeedPage
from ..integration.running import REPOSITORY
from ..integration.views import Scene, visit
from .replayed import TITLES, rows_of

_PICTURES = REPOSITORY / ".pictures"
_HEIGHTS_PX = {1280: 860, 390: 844}
_SCHEMES = ("light", "dark")
_RECORDS = 40


def take(bench: Bench, browser: Browser) -> None:
    shutil.rmtree(_PICTURES, ignore_errors=True)
    shots = [(width, scheme) for width in _HEIGHTS_PX for scheme in _SCHEMES]
    # The one that a new stack has.
    bench.api.change_feed("demo", visibility="private")
    for width, scheme in shots:
        page = _open(browser, bench, width, scheme)
        page.tab.goto(page.url)
        page.tab.locator("feed-form").wait_for()
        _save(page, width, scheme, 0, "no feeds")
        page.tab.context.close()
    scene = _set_up(bench)
    for width, scheme in shots:
        page = _open(browser, bench, width, scheme)
        for number, view in enumerate(visit(page, scene), 1):
            _save(page, width, scheme, number, view)
        page.tab.context.close()


def _open(browser: Browser, bench: Bench, width: int, scheme: str) -> FeedPage:
    context = browser.new_context(
        locale="en-GB",
        viewport={"width": width, "height": _HEIGHTS_PX[width]},
        has_touch=width < 600,
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    return FeedPage(context.new_page(), bench.stack.url, "")


def _set_up(bench: Bench) -> Scene:
    api = bench.api
    for feed, title in TITLES.items():
        api.create_feed(feed, title=title)
        api.write_all(feed, list(islice(rows_of(feed), _RECORDS)))
    api.create_feed("orders", title="Orders")
    record = api.write("weather", next(rows_of("weather")))["id"]
    return Scene(
        api=api,
        key=bench.key,
        feed="weather",
        record=record,
        empty="orders",
        search="?q=rain",
        field="weather",
    )


def _save(page: FeedPage, width: int, scheme: str, number: int, view: str) -> None:
    name = view.replace(",", "").replace(" ", "-")
    path = _PICTURES / f"{width}-{scheme}" / f"{number:02}-{name}.png"
    page.tab.screenshot(path=path)
