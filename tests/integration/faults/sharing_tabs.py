"""The tabs of one browser that share a connection, and what is demanded of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Error

from ..waiting import until, until_equal
from ..wire import Wire
from .report import count_steps_off, judge_lists
from .tabs import HISTORY, SPY, FollowingTab
from .trial import Trial

SHOWN = 50
"""How many records an element shows."""


class SharingTabs:
    """They follow one feed; the browser's way to the server is a wire.

    It lets no long polling through: a tab that came back by that would have no socket
    to be counted.
    """

    def __init__(
        self, context: BrowserContext, wire: Wire, url: str, trial: Trial
    ) -> None:
        self.wire = wire
        self.tabs: list[FollowingTab] = []
        self._url = url
        self._trial = trial
        self._context = context
        context.add_init_script(SPY)

    def open(self, elements: int = 0) -> None:
        tab = FollowingTab(self._context, self._url, self._trial.feed, elements)
        self.tabs.append(tab)

    @property
    def at_work(self) -> list[FollowingTab]:
        return [tab for tab in self.tabs if not tab.is_away]

    def leader(self) -> FollowingTab:
        """The one tab that has a connection, once there is just one."""
        [leader] = until(self._leaders, "one tab alone to have a connection")
        return leader

    def _leaders(self) -> list[FollowingTab] | None:
        leaders = [tab for tab in self.at_work for _ in range(tab.sockets)]
        return leaders if len(leaders) == 1 else None

    def follower(self) -> FollowingTab:
        leader = self.leader()
        return next(tab for tab in self.at_work if tab is not leader)

    def forget(self, tab: FollowingTab) -> None:
        """It is gone."""
        self.tabs.remove(tab)

    def get_on(self) -> None:
        """Each has what is written from now on, and says that it is live."""
        wanted = len(self._trial.acknowledged) + 50
        for tab in self.at_work:
            name = f"tab {self.tabs.index(tab)}"
            until(lambda tab=tab: tab.position >= wanted, f"{name} at {wanted}")
            until(lambda tab=tab: tab.state == "live", f"{name} to be live")

    def wait_for_one_socket(self) -> None:
        until_equal(1, lambda: self.wire.websockets, "sockets at the server")

    def judge(self) -> None:
        """Demand of each that it is complete, in order, once."""
        head = self._trial.wait_for_head(60)
        self.wait_for_one_socket()
        newest = [*range(head, max(0, head - SHOWN), -1)]
        for tab in self.tabs:
            until_equal(head, lambda tab=tab: tab.position, "the tab's position")
            self._judge_one(tab)
            until_equal(
                [("Live", newest)] * tab.elements,
                lambda tab=tab: [*map(tuple, tab.shown())],
                "the elements",
            )

    def _judge_one(self, tab: FollowingTab) -> None:
        """One that was opened late has the newest events of then, and all since."""
        shown, sequences = tab.seen()
        before = sequences[0] - 1
        assert before == 0 or len(sequences) >= HISTORY
        report = judge_lists(
            self._trial.attempted[before:],
            self._trial.acknowledged[before:],
            archived=None,
            shown=shown,
            orders=[each[before:] for each in self._trial.orders.values()],
        )
        assert report.is_clean, str(report)
        assert count_steps_off([each - before for each in sequences]) == 0


@contextmanager
def sharing_tabs(
    context: BrowserContext, wire: Wire, url: str, trial: Trial
) -> Iterator[SharingTabs]:
    """Those of a browser; with a failure they say what each said of itself."""
    tabs = SharingTabs(context, wire, url, trial)
    try:
        yield tabs
    except (AssertionError, Error) as error:
        for number, tab in enumerate(tabs.tabs):
            error.add_note(f"tab {number}: {tab.describe()}")
        raise
