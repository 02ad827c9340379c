"""One stack for the session, started as `make run` does; a feed for each test."""

from __future__ import annotations

import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

from . import chromium
from .api import Api, new_slug
from .chat import Chat
from .database import Database
from .faults.heads import archived_head
from .page import FeedPage
from .rooms import wait_for_open_room
from .running import Stack
from .waiting import ALIVE_S, until
from .wire import Wire

_LOGS = pytest.StashKey[Callable[[], list[tuple[str, str]]]]()
_PAGES = pytest.StashKey[list[FeedPage]]()

# Playwright's own 5 s are few on a busy machine.
expect.set_options(timeout=ALIVE_S * 1000)

OpenPage = Callable[..., FeedPage]
LONGEST_FIRST = (
    "test_lines.py",
    "test_abuse.py",
    "faults/test_page_opened.py",
    "faults/test_tracked_pgbench.py",
    "test_foreign_shop.py",
    "faults/test_room_lost.py",
    "faults/test_room_wire.py",
    "faults/test_write_relay.py",
    "faults/test_room_server.py",
    "test_runner.py",
    "test_registration.py",
    "faults/test_archive_refuses.py",
    "faults/test_database_lost.py",
    "faults/test_page_of_yesterday.py",
    "test_rooms_closed.py",
    "test_crashes.py",
    "faults/test_room_backlog.py",
    "faults/test_write_openapi.py",
    "faults/test_travel_again.py",
    "faults/test_write_retries.py",
    "faults/test_room_pushers.py",
    "faults/test_pusher_killed.py",
    "faults/test_write_pruning.py",
    "faults/test_readers_moved.py",
    "faults/test_archive_lost.py",
    "faults/test_broker_lost.py",
    "test_strangers.py",
    "test_page.py",
    "test_django_shop.py",
    "test_examples.py",
    "test_many_feeds.py",
)
"""Those of more than half a minute."""
OUTCOME = "outcome"
"""The name of a report's property: what a fault came to, for the table at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that none of them is left for the end."""
    here = Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session")
def run_dirs() -> Iterator[Callable[[], Path]]:
    """Make run directories, which are removed at the end."""
    made: list[Path] = []

    def make() -> Path:
        directory = Path(tempfile.mkdtemp(prefix="aviso-"))
        directory.chmod(0o711)  # PostgreSQL runs as another user when root tests
        made.append(directory)
        return directory

    yield make
    for directory in made:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def start_stack(
    request: pytest.FixtureRequest, run_dirs: Callable[[], Path]
) -> Iterator[Callable[..., Stack]]:
    """Start stacks; when the session ends, nothing may be left of any."""
    stacks: list[Stack] = []
    request.config.stash[_LOGS] = lambda: [
        (f"{stack.run_dir.name}/{name}", text)
        for stack in stacks
        for name, text in stack.log_ends()
    ]

    def start(**environ: str) -> Stack:
        stack = Stack(run_dirs())
        stacks.append(stack)
        stack.start(**environ)
        return stack

    yield start
    left: list[str] = []
    for stack in reversed(stacks):
        stack.interrupt_if_running(signal.SIGINT)
        left += stack.leftovers()
    del request.config.stash[_LOGS]
    assert left == []


@pytest.fixture(scope="session")
def stack(start_stack: Callable[..., Stack]) -> Stack:
    return start_stack()


@pytest.fixture
def api(stack: Stack) -> Iterator[Api]:
    """The API with the key that `make run` makes: it may do everything."""
    api = Api(stack.url, stack.facts["api_key"])
    yield api
    api.close()


@pytest.fixture
def guest_api(stack: Stack) -> Iterator[Api]:
    api = Api(stack.url)
    yield api
    api.close()


@pytest.fixture
def database(stack: Stack) -> Database:
    return Database(stack.facts["database_url"])


@pytest.fixture
def feed(request: pytest.FixtureRequest, api: Api) -> str:
    """A public feed of this test's own."""
    words = request.function.__name__.removeprefix("test_")
    slug = new_slug(re.sub("[^a-z0-9]+", "-", words))
    api.create_feed(slug)
    return slug


@pytest.fixture
def private_feed(api: Api) -> str:
    """One that nobody reads who was not let in."""
    slug = new_slug("private")
    api.create_feed(slug, visibility="private")
    return slug


@pytest.fixture
def room(stack: Stack, api: Api, feed: str) -> str:
    """The address of that feed's room; the pusher is in it, and it is open.

    Its first event has been sent: nobody who comes now hears it.
    """
    api.write(feed, {"n": 1})
    wait_for_open_room(stack, feed)
    until(lambda: archived_head(stack, feed) == 1, "the first event")
    return str(api.get(f"feeds/{feed}/")["room"])


@pytest.fixture
def observer(stack: Stack) -> Iterator[Chat]:
    """A guest's chat client."""
    with Chat(stack.facts["xmpp"]) as chat:
        yield chat


@pytest.fixture
def make_wire() -> Iterator[Callable[..., Wire]]:
    wires: list[Wire] = []

    def make(**options: bool) -> Wire:
        wires.append(Wire(**options))
        return wires[-1]

    yield make
    for wire in wires:
        wire.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest, stack: Stack, browser: Browser
) -> Iterator[OpenPage]:
    """Open a feed in a browser of its own (cookies, storage), live when returned."""
    pages: list[FeedPage] = []
    request.node.stash[_PAGES] = pages

    def open_feed(
        feed: str, *, wire: Wire | None = None, url: str = "", **options: Any
    ) -> FeedPage:
        proxy = {"proxy": {"server": wire.url}} if wire else {}
        # What moves for the eye alone takes half of a browser's work.
        still = {"reduced_motion": "reduce", "locale": "en-GB"}
        context = browser.new_context(**still, **proxy, **options)
        page = FeedPage(context.new_page(), url or stack.url, feed)
        pages.append(page)
        return page.open()

    yield open_feed
    for page in pages:
        page.tab.context.close()
    assert [fault for page in pages for fault in page.faults] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show with a failure what its pages show, and the ends of all logs."""
    report = yield
    if report.failed:
        pages = item.stash.get(_PAGES, []) if report.when == "call" else []
        ends = item.config.stash.get(_LOGS, list)()
        report.sections += [
            (f"the page of {each.feed}", describe(each)) for each in pages
        ]
        report.sections += [(f"the end of {name}", text) for name, text in ends]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each fault came to; here, for workers' conftests print nothing."""
    outcomes = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, text in report.user_properties
        if name == OUTCOME
    ]
    if outcomes:
        terminalreporter.section("what each fault came to")
    for outcome in outcomes:
        terminalreporter.line(outcome)


def describe(page: FeedPage) -> str:
    try:
        text = page.tab.locator("body").inner_text(timeout=2000)
        state = page.state
    except Error as error:  # the failure itself says more
        text, state = str(error), ""
    return "\n".join([page.tab.url, state, text[:2000], *page.console[-20:]])
