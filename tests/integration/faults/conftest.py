"""A trial for each test, and the table of what all of them came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ..api import Api, new_slug
from ..conftest import OUTCOME, OpenPage
from ..database import Database
from ..running import Stack
from .effort import choose
from .pushers import Pusher
from .report import Report
from .tcp_wire import TcpWire
from .trial import Trial


@dataclass
class Outcome:
    """A test's trial, and how long what was broken took to recover, in seconds."""

    name: str
    report: Report | None = None
    recoveries_s: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def recovery(self) -> Iterator[None]:
        """Time the block: from the mending to whatever shows that it works again."""
        started = time.monotonic()
        yield
        self.recoveries_s.append(time.monotonic() - started)

    def __str__(self) -> str:
        slowest = max(self.recoveries_s, default=None)
        ending = "" if slowest is None else f"  recovery {slowest:.1f} s"
        notes = "".join(f"\n    {note}" for note in self.notes)
        return f"{self.name}\n    {self.report}{ending}{notes}"


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Iterator[Outcome]:
    outcome = Outcome(request.node.name)
    yield outcome
    # A property of the test's report, which reaches whoever prints from any worker.
    request.node.user_properties.append((OUTCOME, str(outcome)))


@pytest.fixture
def make_trial(
    stack: Stack, database: Database, feed: str, open_page: OpenPage
) -> Iterator[Callable[..., Trial]]:
    """Make a trial of this test's feed, or another; `watched` opens a page on it."""
    made: list[Trial] = []

    def make(*, of: str = feed, watched: bool = True, **options: object) -> Trial:
        page = open_page(of, **options) if watched else None
        facts = stack.facts
        trial = Trial(stack.url, facts["api_key"], facts["xmpp"], database, of, page)
        made.append(trial)
        return trial

    yield make
    for trial in made:
        trial.close()


@pytest.fixture
def conclude(outcome: Outcome) -> Callable[..., None]:
    """Settle a trial, keep its report for the table, and demand that it is clean."""

    def conclude(trial: Trial, timeout_s: float = 90) -> None:
        report = trial.settle(timeout_s)
        outcome.report = report
        assert report.is_clean, str(report)

    return conclude


@pytest.fixture
def neighbour(api: Api) -> str:
    """Another feed, which nothing is done to."""
    slug = new_slug("neighbour")
    api.create_feed(slug)
    return slug


@pytest.fixture
def make_pusher(stack: Stack) -> Iterator[Callable[..., Pusher]]:
    """Make and start pushers of the test's own; the stack's is stopped meanwhile."""
    made: list[Pusher] = []
    stack.stop_part("pusher")

    def make(**environ: str) -> Pusher:
        pusher = Pusher(stack.settings, f"pusher-{len(made) + 1}", **environ)
        made.append(pusher)
        pusher.start()
        pusher.wait_ready()
        return pusher

    yield make
    for pusher in made:
        pusher.close()
    stack.start_part("pusher")


@pytest.fixture
def tcp_wire(stack: Stack) -> Iterator[TcpWire]:
    """The way to ejabberd's client port."""
    wire = TcpWire(stack.settings.ports["ejabberd_c2s"])
    yield wire
    wire.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is done fifty times in a soak takes longer than a test may elsewhere."""
    here = Path(__file__).parent
    for item in items:
        is_long = here in item.path.parents and not item.get_closest_marker("timeout")
        if is_long:
            item.add_marker(pytest.mark.timeout(choose(300, 1800)))
