"""A broker is one database's: the relay of another says whose, and sends nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from amqp_client.connection import Connection
from aviso_native.addresses import find_free_port

from aviso.broker.topology import REPORTS_QUEUE
from aviso.relay import claim
from tests.relay.drivers import (
    Broker,
    Database,
    Relay,
    environment_for,
    eventually,
    manage,
)
from tests.relay.pusher import Pusher
from tests.relay.rabbitmq import Node

FEED = "orders"
SOURCE = "record-events.source"

Start = Callable[..., Relay]


@pytest.fixture
def other(migrated: str) -> Iterator[Database]:
    """Another database, with Aviso's tables in it too."""
    database = Database(os.environ["AVISO_DATABASE_URL"], migrated)
    yield database
    database.drop()


@pytest.fixture
def start(node: Node, pusher: Pusher, tmp_path: Path) -> Iterator[Start]:
    """Start a database's relay on the test's broker; all are ended afterwards."""
    relays: list[Relay] = []

    def start(database: Database, **environ: str) -> Relay:
        own = environment_for(database.url, node.url, find_free_port()) | environ
        relays.append(Relay(own, tmp_path / f"relay-{len(relays)}.log"))
        return relays[-1]

    yield start
    for relay in relays:
        relay.process.kill()
        relay.process.wait(30)


def write(database: Database, count: int) -> None:
    if not database.run("SELECT 1 FROM aviso.feeds"):
        database.add_feed(FEED)
    database.add_records(FEED, count)


def epoch(database: Database) -> str:
    return str(database.value("SELECT epoch FROM aviso.feeds"))


def test_the_relay_of_another_database_is_told_whose_the_broker_is(
    database: Database, other: Database, pusher: Pusher, start: Start
) -> None:
    write(database, 3)
    write(other, 5)
    first = start(database)
    database.wait_until_published()

    second = start(other)
    second.wait_for_broker("refused")

    health = second.health()
    assert (503, "active") == (health["code"], health["role"])
    assert f"belongs to the database {database.name!r} at" in health["refusal"]
    assert f"not to {other.name!r} at" in health["refusal"]
    assert [health["refusal"]] == [
        line["message"] for line in second.lines("broker-refused")
    ]
    assert 'aviso_relay_broker{state="refused"} 1.0' in second.metrics()

    write(database, 4)
    database.wait_until_published()
    assert 200 == first.health()["code"]
    assert epoch(database) == pusher.archives[FEED].epoch
    assert list(range(1, 8)) == pusher.sequences(FEED)
    assert 5 == other.unpublished()


def test_the_way_of_a_record_says_whose_the_broker_is(
    database: Database, other: Database, node: Node, start: Start
) -> None:
    start(database).wait_for_broker()

    said = manage(environment_for(other.url, node.url, 1), "pipeline")
    own = manage(environment_for(database.url, node.url, 1), "pipeline")

    assert f"broker          belongs to the database {database.name!r}" in said
    assert "broker          reachable" in own


def test_whoever_looks_at_his_tables_is_told_whose_the_broker_is(
    database: Database, other: Database, start: Start
) -> None:
    start(database).wait_for_broker()
    second = start(other)
    second.wait_for_broker("refused")

    eventually(lambda: other.run("SELECT 1 FROM aviso.relay WHERE broker = 'refused'"))
    said = manage(environment_for(other.url, "", 1), "tracked", words=True)

    assert f"warning: nothing is sent: {second.health()['refusal']}\n" == said


def test_of_two_that_come_at_once_one_has_the_broker(
    database: Database, other: Database, start: Start
) -> None:
    relays = [start(database), start(other)]

    def states() -> list[str]:
        return sorted(relay.health().get("broker", "") for relay in relays)

    eventually(lambda: states() == ["connected", "refused"])


def test_a_broker_that_is_killed_remembers(
    database: Database, other: Database, node: Node, start: Start
) -> None:
    first = start(database)
    first.wait_for_broker()
    first.kill()
    node.kill()
    node.start()

    start(other).wait_for_broker("refused")
    start(database).wait_for_broker()


def test_a_database_is_the_same_wherever_it_is_moved_to(
    database: Database, start: Start
) -> None:
    first = start(database)
    first.wait_for_broker()
    assert 0 == first.stop()
    moved = Database(database.server_url, database.name)
    try:
        start(moved).wait_for_broker()
    finally:
        moved.drop()


def test_a_broker_is_taken_when_the_other_relay_has_ended(
    database: Database, other: Database, pusher: Pusher, broker: Broker, start: Start
) -> None:
    write(other, 2)
    first = start(database)
    # It reads its reports a moment after it has the broker.
    eventually(lambda: broker.readers(REPORTS_QUEUE) == 1)

    second = start(other, AVISO_TAKE_BROKER="yes")
    second.wait_for_broker("refused")
    assert "nothing while a relay reads its reports" in second.health()["refusal"]

    assert 0 == first.stop()
    second.wait_for_broker()
    other.wait_until_published()
    assert epoch(other) == pusher.archives[FEED].epoch
    (taken,) = second.lines("broker-taken")
    assert repr(database.name) in taken["message"]
    eventually(lambda: broker.depth(SOURCE) == 1)
    start(database).wait_for_broker("refused")


def test_what_nobody_can_read_is_somebody_elses(
    database: Database, broker: Broker, start: Start
) -> None:
    with broker.channel() as channel:
        channel.confirm_delivery()
        channel.basic_publish(SOURCE, "", b"{", mandatory=True)

    relay = start(database)

    relay.wait_for_broker("refused")
    assert "belongs to the database 'unknown'" in relay.health()["refusal"]


def test_what_stands_there_is_waited_for_however_slowly_it_comes(
    node: Node, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in = claim._Claims.take_in

    def take_in_late(*given: Any) -> None:
        asyncio.get_running_loop().call_later(0.2, take_in, *given)

    monkeypatch.setattr(claim._Claims, "take_in", take_in_late)
    monkeypatch.setattr(claim, "_SEEN_S", 0.0)
    with broker.channel() as channel:
        channel.confirm_delivery()
        channel.basic_publish(SOURCE, "", b"{", mandatory=True)

    async def look() -> claim.Claim | None:
        connection = await Connection.open(node.url, name="test")
        try:
            return await claim.read_claim(connection)
        finally:
            await connection.close()

    found = asyncio.run(look())

    assert found is not None
    assert "unknown" == found.source.name
