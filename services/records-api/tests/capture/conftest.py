"""A server whose databases can be replicated, and two of them with all our tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.capture.replication import Pair
from tests.postgresql import private_postgresql
from tests.relay.drivers import Database, environment_for, manage


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with private_postgresql(
        wal_level="logical",
        max_logical_replication_workers="8",
        max_sync_workers_per_subscription="4",
        # A worker that failed tries again soon.
        wal_retrieve_retry_interval="100ms",
    ) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(server: str) -> Iterator[str]:
    """A database with all tables, to be copied."""
    database = Database(server)
    manage(environment_for(database.url, "", 1), "migrate", "--verbosity", "0")
    yield database.name
    database.drop()


@pytest.fixture
def database(server: str, migrated: str) -> Iterator[Database]:
    database = Database(server, migrated)
    yield database
    database.drop()


@pytest.fixture
def other(server: str, migrated: str) -> Iterator[Database]:
    database = Database(server, migrated)
    yield database
    database.drop()


@pytest.fixture
def pair(database: Database, other: Database) -> Iterator[Pair]:
    """`database` publishes, `other` subscribes."""
    pair = Pair(database, other)
    yield pair
    pair.part()
