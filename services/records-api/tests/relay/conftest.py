"""Fixtures on real servers: one RabbitMQ node a session, one database a test."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika.exceptions  # type: ignore[import-untyped]
import pytest
from aviso_native.addresses import find_free_port

from tests.relay.drivers import Broker, Database, Relay, environment_for, manage
from tests.relay.pusher import Pusher
from tests.relay.rabbitmq import Node, private_rabbitmq


@pytest.fixture(autouse=True)
def quiet_pika(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="pika")


_NODE = pytest.StashKey[Node]()


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    with private_rabbitmq() as node:
        request.config.stash[_NODE] = node
        yield node
        del request.config.stash[_NODE]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show the end of RabbitMQ's log with a failure."""
    report = yield
    node = item.config.stash.get(_NODE, None)
    if report.failed and node and "node" in getattr(item, "fixturenames", ()):
        report.sections.append(("rabbitmq.log", node.log_end()))
    return report


@pytest.fixture
def broker(node: Node) -> Broker:
    broker = Broker(node)
    try:
        broker.clear()
    except pika.exceptions.AMQPError:
        # Of a quorum queue that is deleted and made again at once RabbitMQ now and then
        # keeps a part (rabbitmq-server #17457), and refuses its name from then on.
        node.begin_anew()
    return broker


@pytest.fixture(scope="session")
def migrated() -> Iterator[str]:
    """A database with all tables, to be copied."""
    database = Database(os.environ["AVISO_DATABASE_URL"])
    manage(environment_for(database.url, "", 1), "migrate", "--verbosity", "0")
    yield database.name
    database.drop()


@pytest.fixture
def database(migrated: str) -> Iterator[Database]:
    database = Database(os.environ["AVISO_DATABASE_URL"], migrated)
    yield database
    database.drop()


@pytest.fixture
def environment(database: Database, node: Node, broker: Broker) -> dict[str, str]:
    return environment_for(database.url, node.url, find_free_port())


@pytest.fixture
def pusher(node: Node, broker: Broker) -> Iterator[Pusher]:
    pusher = Pusher(node.pusher_url)
    pusher.start()
    yield pusher
    pusher.stop()


StartRelay = Callable[[], Relay]


@pytest.fixture
def start_relay(
    environment: dict[str, str],
    pusher: Pusher,
    tmp_path: Path,
) -> Iterator[StartRelay]:
    """Start relays on the test's database and broker; all are ended afterwards."""
    relays: list[Relay] = []

    def start() -> Relay:
        own = {**environment, "AVISO_RELAY_BIND": f"127.0.0.1:{find_free_port()}"}
        relays.append(Relay(own, tmp_path / f"relay-{len(relays)}.log"))
        return relays[-1]

    yield start
    for relay in relays:
        relay.process.kill()
        relay.process.wait(30)
