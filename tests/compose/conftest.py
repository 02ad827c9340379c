"""One stack for the session, and one page that stays open through all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from integration import chromium
from integration.api import Api
from integration.page import FeedPage
from playwright.sync_api import Browser, sync_playwright

from .stack import ComposeStack, RunningStack

_STACK = pytest.StashKey[ComposeStack]()


@pytest.fixture(scope="session")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    """Bring the stack up; at the end nothing may be left of it."""
    stack = ComposeStack(tmp_path_factory.mktemp("compose"))
    request.config.stash[_STACK] = stack
    try:
        yield RunningStack(stack, stack.up())
    finally:
        stack.down("--volumes", "--remove-orphans")
        del request.config.stash[_STACK]
    assert stack.leftovers() == []


@pytest.fixture(scope="session")
def stack(running: RunningStack) -> ComposeStack:
    return running.stack


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page(stack: ComposeStack, browser: Browser) -> Iterator[FeedPage]:
    """The feed `demo` in a real browser, live."""
    page = FeedPage(browser.new_page(), stack.url, "demo")
    yield page.open()
    assert page.faults == []


@pytest.fixture
def api(stack: ComposeStack) -> Iterator[Api]:
    """The API with the key that `make up` printed."""
    api = Api(stack.url, stack.setting("AVISO_API_KEY"))
    yield api
    api.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show the ends of all containers' logs with a failure."""
    report = yield
    stack = item.config.stash.get(_STACK, None)
    if report.failed and stack:
        report.sections += [
            (f"logs of {name}", text) for name, text in stack.log_ends()
        ]
    return report
