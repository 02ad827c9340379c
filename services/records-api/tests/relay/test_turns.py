"""One feed's load is not another's: feeds take turns, in numbering and publishing."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, LiteralString
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from aviso.outbox import sleep
from aviso.outbox.connection import connect
from aviso.relay.configuration import Configuration
from aviso.relay.election import _SESSION
from aviso.relay.status import Status
from aviso.relay.term import Term
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, Looking, eventually
from tests.relay.pusher import Pusher
from tests.relay.rabbitmq import QUEUES

LARGE = 50_000
# Takes the relay longer than another feed's event takes it.
MANY = 300_000
ROWS = 20_000
UPDATES: dict[str, tuple[LiteralString, LiteralString]] = {
    "records": (
        "UPDATE aviso.records SET data = data || jsonb_build_object('m', %s::text)",
        " WHERE number = 1",
    ),
    "readers": (
        "UPDATE aviso.readers SET revoked_at = now() WHERE %s <> ''",
        " AND id = 1",
    ),
}


def published(database: Database, feed: str) -> int:
    return int(
        database.value(
            "SELECT published FROM aviso.feed_progress WHERE feed = %s", feed
        )
    )


def test_a_large_statement_has_its_numbers_at_once_and_takes_one_place(
    database: Database,
) -> None:
    database.add_feed("bulk")
    database.add_records("bulk", LARGE)

    with Looking(database) as looking:
        looking.take_all()

    assert [("bulk", 1, LARGE)] == database.run(
        "SELECT feed, first, last FROM aviso.places"
    )


@pytest.mark.parametrize("table", ["records", "readers"])
def test_a_large_statement_after_small_ones_of_its_session_is_not_stuck(
    database: Database, table: str
) -> None:
    """A session keeps the plan of a trigger that it made for a single row."""
    database.add_feed("orders")
    database.add_records("orders", ROWS)
    database.run(
        "INSERT INTO aviso.readers (feed, reader)"
        " SELECT 'orders', 'r' || n || '@localhost' FROM generate_series(1, 9000) AS n"
    )
    update, condition = UPDATES[table]
    with database.connect() as connection:
        connection.execute("SET statement_timeout = '60s'")
        for n in range(3):
            connection.execute(update + condition, (str(n),))

        connection.execute(update, ("all",))

    count = {"records": ROWS, "readers": 9_000 - 1}[table]
    told = database.value(
        "SELECT count(*) FROM aviso.events WHERE type IN ('updated', 'revoked')"
    )
    assert told >= count


def test_an_event_of_another_feed_does_not_wait_for_a_large_statement(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("bulk")
    database.add_feed("quiet")
    start_relay().wait_for_broker()
    database.wait_until_published()
    written: list[str] = []

    def write_meanwhile(report: dict[str, Any]) -> bool:
        """Write when the first of the many is archived, before the relay hears it."""
        if report["feed"] == "bulk" and not written:
            database.add_records("quiet", 1)
            written.append("quiet")
        return False

    pusher.loses = write_meanwhile
    database.add_records("bulk", MANY)
    eventually(lambda: published(database, "quiet"))

    batches = [p.headers for p, _ in pusher.received if "last" in p.headers]
    before = itertools.takewhile(lambda batch: batch["feed"] != "quiet", batches)
    assert sum(int(b["last"]) - int(b["first"]) + 1 for b in before) < MANY
    assert (
        database.value("SELECT sequence FROM aviso.feed_heads WHERE feed = 'bulk'")
        == MANY
    )


class Counting:
    """The lock's connection, and what was said on it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.said: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, query: str, *values: Any) -> Any:
        self.said.append(query)
        return await self._connection.execute(query, *values)


@pytest.mark.usefixtures("pusher")
def test_a_lone_event_takes_one_statement_before_and_one_after(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else the sleeper's own looks would be more.
    monkeypatch.setattr(sleep, "LOOK_INTERVAL_S", 3600.0)
    monkeypatch.setattr(sleep, "WARM_S", 0.0)
    database.add_feed("orders")
    place = {"NAME": database.name, "PORT": str(urlsplit(database.url).port)}
    for name, value in place.items():
        monkeypatch.setitem(settings.DATABASES["default"], name, value)

    said = asyncio.run(relay_one(database, broker))

    timers = ("aviso.readers", "aviso.parked_events", "pg_advisory")
    of_events = [text for text in said if not any(t in text for t in timers)]
    looks = [text for text in of_events if "aviso.queue" in text]
    assert ["UPDATE aviso.feed_progress"] == [
        text.strip().split(" AS ")[0] for text in of_events if text not in looks
    ]
    assert 1 == len(looks)


async def relay_one(database: Database, broker: Broker) -> list[str]:
    connection = await connect(name="aviso-relay", session=_SESSION)
    counting = Counting(connection)
    configuration = Configuration(broker.url, QUEUES, ("127.0.0.1", 0))
    term = Term(counting, configuration, Status())  # type: ignore[arg-type]
    stopping = asyncio.Event()
    running = asyncio.create_task(term.run(stopping))
    try:
        await until(database.is_all_published)
        await until(lambda: term._sleep.is_asleep)
        counting.said.clear()
        await asyncio.to_thread(database.add_records, "orders", 1)
        await until(lambda: published(database, "orders") == 1)
        return list(counting.said)
    finally:
        stopping.set()
        term.wake()
        await running
        await connection.close()


async def until(look: Any) -> None:
    async with asyncio.timeout(40):
        while not await asyncio.to_thread(look):
            await asyncio.sleep(0.02)
