"""Servers for the real tests: one RabbitMQ and one ejabberd for the whole run.

A test that kills one starts it again. Each test has feeds of its own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from real.programs import Publisher, PusherProcess, StartPusher
from real.servers import Ejabberd, Rabbit, has_servers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # On a laptop without the servers these are left out; CI has to have them.
    if has_servers() or os.environ.get("CI"):
        return
    here = str(Path(__file__).parent)
    items[:] = [item for item in items if not str(item.path).startswith(here)]


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    server = Rabbit(tmp_path_factory.mktemp("rabbit"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def ejabberd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ejabberd]:
    server = Ejabberd(tmp_path_factory.mktemp("ejabberd"))
    try:
        server.start()
        server.register("pusher", server.PASSWORD)
        server.register("stranger", "stranger-password")
        yield server
    finally:
        server.close()


@pytest.fixture
def publisher(rabbit: Rabbit) -> Iterator[Publisher]:
    publisher = Publisher(rabbit)
    yield publisher
    publisher.close()


@pytest.fixture
def start_pusher(
    rabbit: Rabbit, ejabberd: Ejabberd, tmp_path: Path
) -> Iterator[StartPusher]:
    """Start a pusher; keyword arguments are settings of its own."""
    started: list[PusherProcess] = []

    def start(**settings: str) -> PusherProcess:
        output = tmp_path / f"pusher-{len(started)}.log"
        pusher = PusherProcess(rabbit, ejabberd, output, **settings)
        started.append(pusher)
        return pusher.start()

    yield start
    for pusher in started:
        pusher.close()


@pytest.fixture
def feed() -> str:
    return f"feed-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def room(feed: str) -> str:
    return f"{feed}@{Ejabberd.ROOMS}"
