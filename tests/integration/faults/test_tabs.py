"""Tabs of one browser share one connection, and the tab that has it is lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, WebSocket

from ..page import FeedPage
from ..test_embedding import ELEMENTS, embed, states
from ..waiting import until, until_equal
from .effort import choose
from .experiment import Experiment
from .news import reach
from .test_page_opened import check_rows
from .trial import Trial

_TABS = choose(4, 12)
_LOSSES = choose(4, 20)
_HANG = """() => void setTimeout(() => {
    const end = Date.now() + 6000;
    while (Date.now() < end);
})"""
_RECORDS = """() => [...document.querySelectorAll('record-feed')].map(
    each => each.shadowRoot.querySelector('dd')?.textContent)"""


class Tabs:
    """The tabs of one browser, each on the feed's page."""

    def __init__(self, context: BrowserContext, url: str, feed: str) -> None:
        self.context = context
        self.url = url
        self.feed = feed
        self.pages: list[FeedPage] = []
        self._sockets: list[tuple[FeedPage, WebSocket]] = []

    def open(self) -> FeedPage:
        page = FeedPage(self.context.new_page(), self.url, self.feed)
        self.pages.append(page)
        page.tab.on("websocket", lambda socket: self._sockets.append((page, socket)))
        page.tab.on("crash", lambda _: self.pages.remove(page))
        return page.open()

    @property
    def connected(self) -> list[FeedPage]:
        """Those with a connection of their own, once for each."""
        open_ones = [page for page, socket in self._sockets if not socket.is_closed()]
        return [page for page in open_ones if page in self.pages]

    @property
    def leader(self) -> FeedPage:
        [leader] = until(
            lambda: self.connected if len(self.connected) == 1 else [],
            "one tab to have the connection",
        )
        return leader

    def close(self, page: FeedPage) -> None:
        self.pages.remove(page)
        page.tab.close()

    def crash(self, page: FeedPage) -> None:
        session = self.context.new_cdp_session(page.tab)
        with pytest.raises(Error):
            session.send("Page.crash")
        until(lambda: page not in self.pages, "the tab to crash")

    def freeze(self, page: FeedPage) -> None:
        """It stays, as a tab in the background may, and does nothing any more."""
        session = self.context.new_cdp_session(page.tab)
        session.send("Page.setWebLifecycleState", {"state": "frozen"})
        self.pages.remove(page)

    def hang(self, page: FeedPage) -> None:
        """Busy for some seconds; afterwards it is one of the tabs again."""
        page.tab.evaluate(_HANG)


@pytest.fixture
def tabs(browser: Browser, experiment: Experiment) -> Iterator[Tabs]:
    context = browser.new_context(locale="en-GB")
    tabs = Tabs(context, experiment.stack.url, experiment.feed)
    yield tabs
    context.close()
    assert [fault for page in tabs.pages for fault in page.faults] == []


def test_the_tab_that_has_the_connection_is_lost_under_load(
    experiment: Experiment, tabs: Tabs
) -> None:
    trial = experiment.make_trial(watched=False)
    first = [tabs.open() for _ in range(_TABS)]
    embedding = embed(tabs.open(), *[{"feed": trial.feed}] * ELEMENTS)
    ways: list[Callable[[FeedPage], None]] = [
        tabs.close,
        tabs.crash,
        tabs.freeze,
        tabs.hang,
    ]

    with trial.writing(rate=50):
        for way in itertools.islice(itertools.cycle(ways), _LOSSES):
            leader = tabs.leader
            reach(leader, len(trial.acknowledged))
            check_rows(leader, trial)
            way(leader)
            acknowledged = len(trial.acknowledged)
            with experiment.recovery():
                others = [page for page in tabs.pages if page is not leader]
                reach(others[0], acknowledged + 1)
            tabs.open()

    until_equal(
        [str(len(trial.attempted))] * ELEMENTS,
        lambda: embedding.evaluate(_RECORDS),
        "the newest record of every element",
    )
    assert states(embedding) == ["Live"] * ELEMENTS
    for page in tabs.pages:
        if page.tab is not embedding:
            judge(experiment, trial, page, is_whole=page in first)
    assert len(tabs.connected) == 1


def judge(
    experiment: Experiment, trial: Trial, page: FeedPage, *, is_whole: bool
) -> None:
    """What a tab shows: all of it, where it was there from the beginning."""
    page.wait_for_state("live")
    if is_whole:
        trial.page = page
        experiment.conclude(trial)
    else:
        reach(page, len(trial.acknowledged))
        check_rows(page, trial)
