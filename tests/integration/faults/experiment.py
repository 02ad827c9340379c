"""What a test of a fault works with, in one object, and its end in the right order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from ..api import Api
from ..chat import Chat
from ..database import Database
from ..page import FeedPage
from ..running import Stack
from ..wire import Wire
from .pushers import Pusher
from .report import Report
from .tcp_wire import TcpWire
from .trial import Trial


@dataclass
class Outcome:
    """A test's report, and how long what was broken took to recover, in seconds."""

    name: str
    report: Report | None = None
    recoveries_s: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        slowest = max(self.recoveries_s, default=None)
        ending = "" if slowest is None else f"  recovery {slowest:.1f} s"
        notes = "".join(f"\n    {note}" for note in self.notes)
        return f"{self.name}\n    {self.report}{ending}{notes}"


class Experiment:
    """A stack, a feed of the test's own, what is broken, and what it came to.

    What is made here is ended here, the last first.
    """

    def __init__(
        self,
        name: str,
        *,
        stack: Stack,
        api: Api,
        database: Database,
        feed: str,
        open_page: Callable[..., FeedPage],
        make_wire: Callable[..., Wire],
    ) -> None:
        self.stack = stack
        self.api = api
        self.database = database
        self.feed = feed
        self.open_page = open_page
        self.make_wire = make_wire
        self.outcome = Outcome(name)
        self._made = ExitStack()
        self._pushers: list[Pusher] = []

    def close(self) -> None:
        self._made.close()

    def make_trial(
        self, *, of: str | None = None, watched: bool = True, **options: object
    ) -> Trial:
        """Make a trial of the feed, or another; `watched` opens a page on it first."""
        feed = of or self.feed
        page = self.open_page(feed, **options) if watched else None
        facts = self.stack.facts
        trial = Trial(
            self.stack.url,
            facts["api_key"],
            facts["xmpp"],
            self.database,
            feed,
            page,
        )
        return self._made.enter_context(closing(trial))

    def make_pusher(self, **environ: str) -> Pusher:
        """Start a pusher of the test's own; the stack's is stopped at the first."""
        if not self._pushers:
            self._made.callback(self.stack.start_part, "pusher")
            self.stack.stop_part("pusher")
        name = f"pusher-{len(self._pushers) + 1}"
        pusher = Pusher(self.stack.settings, name, **environ)
        self._pushers.append(self._made.enter_context(closing(pusher)))
        pusher.start()
        pusher.wait_ready()
        return pusher

    @cached_property
    def tcp_wire(self) -> TcpWire:
        """The way to ejabberd's client port."""
        wire = TcpWire(self.stack.settings.ports["ejabberd_c2s"])
        return self._made.enter_context(closing(wire))

    @cached_property
    def observer(self) -> Chat:
        """A guest's chat client."""
        return self._made.enter_context(Chat(self.stack.facts["xmpp"]))

    @contextmanager
    def recovery(self) -> Iterator[None]:
        """Time the block: from the mending to whatever shows that it works again."""
        started = time.monotonic()
        yield
        self.outcome.recoveries_s.append(time.monotonic() - started)

    def conclude(self, trial: Trial, timeout_s: float = 90) -> None:
        """Settle a trial, keep its report for the table, demand that it is clean."""
        report = trial.settle(timeout_s)
        self.outcome.report = report
        assert report.is_clean, str(report)
