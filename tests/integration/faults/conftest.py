"""An experiment for each test, and the table of what all of them came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ..api import Api, new_slug
from ..conftest import OUTCOME, OpenPage
from ..database import Database
from ..running import Stack
from ..wire import Wire
from .effort import choose
from .experiment import Experiment


@pytest.fixture
def experiment(
    request: pytest.FixtureRequest,
    stack: Stack,
    api: Api,
    database: Database,
    feed: str,
    open_page: OpenPage,
    make_wire: Callable[..., Wire],
) -> Iterator[Experiment]:
    experiment = Experiment(
        request.node.name,
        stack=stack,
        api=api,
        database=database,
        feed=feed,
        open_page=open_page,
        make_wire=make_wire,
    )
    with closing(experiment):
        yield experiment
    # A property of the test's report, which reaches whoever prints from any worker.
    request.node.user_properties.append((OUTCOME, str(experiment.outcome)))


@pytest.fixture
def neighbour(api: Api) -> str:
    """Another feed, which nothing is done to."""
    slug = new_slug("neighbour")
    api.create_feed(slug)
    return slug


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is done fifty times in a soak takes longer than a test may elsewhere."""
    here = Path(__file__).parent
    for item in items:
        is_long = here in item.path.parents and not item.get_closest_marker("timeout")
        if is_long:
            item.add_marker(pytest.mark.timeout(choose(300, 1800)))
