"""What is killed, cut off or stopped in between costs no event and no order."""

from __future__ import annotations

import json
import time

import psycopg

from aviso.broker.topology import pusher_queues
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually
from tests.relay.pusher import Pusher, Taken
from tests.relay.rabbitmq import QUEUES, Node

PUSHER_QUEUES = pusher_queues(QUEUES)


def first_copies(messages: list[Taken]) -> list[int]:
    """Drop what a consumer drops: every sequence it has seen already."""
    seen: list[int] = []
    for message in messages:
        if message.sequence is not None and message.sequence not in seen:
            seen.append(message.sequence)
    return seen


def test_a_standby_takes_over_when_the_lock_s_session_is_ended(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    first = start_relay()
    first.wait_for_role("active")
    second = start_relay()
    second.wait_for_role("standby")

    # Both sessions, so that the first can't be the first to come back.
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND granted"
        )
    eventually(lambda: first.lines("database-lost"))
    eventually(
        lambda: (
            {"active", "standby"}
            == {first.health().get("role"), second.health().get("role")}
        )
    )
    database.add_records("orders", 10)
    database.wait_until_published()

    assert list(range(1, 11)) == first_copies(pusher.take())


def test_a_statement_that_is_refused_is_not_called_a_lost_database(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.wait_until_published()
    # As after a bad restore: the number that comes next is somebody's already.
    database.run(
        "INSERT INTO aviso.places (feed, first, last, changeset)"
        " SELECT 'nobody', 1, 1, last_value + 1 FROM aviso.changesets"
    )

    database.add_records("orders", 1)
    (refused,) = eventually(lambda: relay.lines("database-refused"))[:1]
    database.run("DELETE FROM aviso.places WHERE feed = 'nobody'")
    database.wait_until_published()

    assert "23505" in refused["message"]
    assert [] == relay.lines("database-lost")


def test_without_a_broker_writes_go_on_and_all_is_published_when_it_is_back(
    database: Database,
    broker: Broker,
    pusher: Pusher,
    node: Node,
    start_relay: StartRelay,
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    node.stop()
    try:
        eventually(lambda: relay.lines("broker-lost"))
        for _ in range(200):
            database.add_records("orders", 1)
        eventually(lambda: database.unnumbered() == 0)
        assert (200, "connecting") == (200, relay.health()["broker"])
        assert 200 == relay.health()["code"]
    finally:
        node.start()
    database.wait_until_published()

    assert list(range(1, 201)) == first_copies(pusher.take())
    assert [1, 1] == [len(relay.lines("broker-lost")), len(relay.lines("broker-back"))]


def test_what_a_killed_broker_lost_travels_again_by_itself(
    database: Database, node: Node, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.add_records("orders", 5_000)
    relay.wait_until_it_published()

    node.kill()
    node.start()
    database.wait_until_published()

    assert list(range(1, 5_001)) == pusher.sequences("orders")


def test_what_is_out_waits_in_the_brokers_memory_and_not_on_its_disk(
    database: Database,
    node: Node,
    broker: Broker,
    pusher: Pusher,
    start_relay: StartRelay,
) -> None:
    database.add_feed("orders")
    database.add_records("orders", 1)
    start_relay()
    database.wait_until_published()
    pusher.stop()
    database.add_records("orders", 1)
    eventually(lambda: sum(map(broker.depth, PUSHER_QUEUES)) == 1)

    told = node.control(
        *("list_queues", "--formatter=json", "name", "messages_persistent")
    )

    persistent = {
        each["name"]: each["messages_persistent"] for each in json.loads(told)
    }
    assert [0, 0] == [persistent[queue] for queue in PUSHER_QUEUES]


def test_no_more_than_four_batches_of_a_feed_are_out_while_nobody_reads(
    database: Database, broker: Broker, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay()
    database.wait_until_published()
    pusher.stop()
    database.add_records("orders", 20_000)
    database.add_feed("stock")
    eventually(lambda: database.unnumbered() == 0)
    eventually(lambda: sum(map(broker.depth, PUSHER_QUEUES)) >= 5)

    # After a while in which it hears nothing the relay sends the same again.
    out = {
        (each.headers["feed"], each.headers.get("first"))
        for queue in PUSHER_QUEUES
        for each in broker.peek(queue)
    }
    assert 4 == sum(feed == "orders" for feed, _ in out)
    assert 5 == len(out)
    pusher.start()
    database.wait_until_published()
    assert list(range(1, 20_001)) == pusher.sequences("orders")


def test_a_binding_that_was_taken_away_is_told_and_nothing_is_parked(
    database: Database, broker: Broker, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.wait_until_published()
    with broker.channel() as channel:
        channel.exchange_unbind("record-events.by-feed", "record-events", "feed.#")

    database.add_records("orders", 20)
    [said] = eventually(lambda: relay.lines("topology-missing"))
    assert "RabbitMQ lacks a binding" in said["message"]
    broker.load()
    database.wait_until_published()

    assert list(range(1, 21)) == first_copies(pusher.take())
    assert 0 == database.value("SELECT count(*) FROM aviso.parked_events")


def test_stopped_by_sigterm_it_writes_down_what_was_in_flight_and_ends_well(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.add_records("orders", 20_000)
    eventually(lambda: len(relay.lines("published")) > 1)

    assert 0 == relay.stop()

    marked = database.value("SELECT published FROM aviso.feed_progress")
    assert marked > 0
    assert list(range(1, marked + 1)) == pusher.sequences("orders")[:marked]


def test_a_standby_follows_a_stopped_relay_at_once(
    database: Database, start_relay: StartRelay
) -> None:
    active = start_relay()
    active.wait_for_role("active")
    standby = start_relay()
    standby.wait_for_role("standby")

    assert 0 == active.stop()
    stopped_at = time.monotonic()
    standby.wait_for_role("active")

    assert time.monotonic() - stopped_at < 30


def test_without_its_database_it_is_not_healthy_and_with_it_it_is_again(
    database: Database, start_relay: StartRelay
) -> None:
    relay = start_relay()
    relay.wait_for_role("active")
    name = database.name
    with psycopg.connect(database.server_url, autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )
        eventually(lambda: relay.health().get("role") == "none")
        assert 503 == relay.health()["code"]
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    relay.wait_for_role("active")

    assert 200 == relay.health()["code"]
