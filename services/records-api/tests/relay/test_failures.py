"""What is killed, cut off or stopped in between costs no event and no order."""

from __future__ import annotations

import json
import time

import psycopg

from aviso.relay.backlog import FEED_MESSAGES
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, Received, eventually
from tests.relay.rabbitmq import Node


def first_copies(messages: list[Received]) -> list[int]:
    """Drop what a consumer drops: every sequence it has seen already."""
    seen: list[int] = []
    for message in messages:
        if message.sequence is not None and message.sequence not in seen:
            seen.append(message.sequence)
    return seen


def test_killed_before_it_wrote_down_what_was_confirmed_it_publishes_copies(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    first = start_relay()
    database.wait_until_published()
    first.wait_for_broker()

    # A lock keeps the relay from writing down what the broker confirmed.
    with psycopg.connect(database.url) as blocker:
        database.run(BLOCK_MARKS)
        blocker.execute("SELECT pg_advisory_lock(77)")
        database.add_records("orders", 3)
        eventually(
            lambda: broker.depth("xmpp-pusher.0") + broker.depth("xmpp-pusher.1") >= 4
        )
        eventually(lambda: database.value(WAITING_MARKS) > 0)
        first.kill()
        # Its session would write on by itself when it gets the lock.
        database.terminate("aviso-relay")
    eventually(lambda: database.value(WAITING_MARKS) == 0)
    assert 3 == database.unpublished()
    start_relay()
    database.wait_until_published()

    received = [m for m in broker.take_all() if m.sequence is not None]
    copies = {
        m.sequence: {n.body for n in received if n.sequence == m.sequence}
        for m in received
    }
    assert [1, 2, 3, 1, 2, 3] == [m.sequence for m in received]
    assert [1, 1, 1] == [len(bodies) for bodies in copies.values()]


BLOCK_MARKS = """
CREATE FUNCTION block_marks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(77);
    RETURN NEW;
END $$;
CREATE TRIGGER block_marks BEFORE UPDATE ON aviso.feed_progress
    FOR EACH ROW EXECUTE FUNCTION block_marks()
"""

WAITING_MARKS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'advisory'
"""


def test_a_standby_takes_over_when_the_lock_s_session_is_ended(
    database: Database, broker: Broker, start_relay: StartRelay
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

    assert list(range(1, 11)) == first_copies(broker.take_all())


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
    database: Database, broker: Broker, node: Node, start_relay: StartRelay
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

    assert list(range(1, 201)) == first_copies(broker.take_all())
    assert [1, 1] == [len(relay.lines("broker-lost")), len(relay.lines("broker-back"))]


def test_what_a_killed_broker_lost_travels_again_when_it_is_asked_for(
    database: Database, broker: Broker, node: Node, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    # RabbitMQ 3.10.8 loses a quorum queue that was made minutes before a kill. After
    # this it mostly keeps what it confirmed, but was seen to lose the first hundreds.
    node.stop()
    node.start()
    database.add_records("orders", 5_000)
    relay.wait_until_it_published()

    node.kill()
    node.start()
    database.wait_until_published()
    # In any order: it may have lost the first of them and the confirms for them too.
    kept = first_copies(broker.take_all())
    epoch = database.value("SELECT epoch FROM aviso.feeds WHERE slug = 'orders'")
    lacking = set(range(1, 5_001)) - set(kept) or {1, 5_000}
    request = {
        "feed": "orders",
        "feedepoch": epoch,
        "first": str(min(lacking)),
        "last": str(max(lacking)),
    }
    broker.park(json.dumps(request).encode(), headers={"aviso-request": "republish"})
    eventually(lambda: relay.lines("republished"))
    database.wait_until_published()

    again = [n for n in first_copies(broker.take_all()) if n in lacking]
    assert sorted(lacking) == again


def test_memory_holds_no_more_of_a_feed_than_its_budget_while_the_broker_is_away(
    database: Database, broker: Broker, node: Node, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    node.stop()
    try:
        relay = start_relay()
        relay.wait_for_role("active")
        database.add_records("orders", 20_000)
        eventually(lambda: database.unnumbered() == 0)
        eventually(lambda: f"aviso_relay_held {FEED_MESSAGES}.0" in relay.metrics())
    finally:
        node.start()
    database.wait_until_published()

    assert list(range(1, 20_001)) == first_copies(broker.take_all())


def test_a_topology_taken_away_is_mended_and_nothing_is_parked(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.wait_until_published()
    with broker.channel() as channel:
        channel.exchange_unbind("record-events.by-feed", "record-events", "feed.#")

    database.add_records("orders", 20)
    database.wait_until_published()

    assert list(range(1, 21)) == first_copies(broker.take_all())
    assert 0 == database.value("SELECT count(*) FROM aviso.parked_events")


def test_stopped_by_sigterm_it_writes_down_what_was_in_flight_and_ends_well(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.add_records("orders", 20_000)
    eventually(lambda: len(relay.lines("published")) > 1)

    assert 0 == relay.stop()

    sequences = [m.sequence for m in broker.take_all() if m.sequence is not None]
    marked = database.value("SELECT published FROM aviso.feed_progress")
    assert list(range(1, marked + 1)) == sequences


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
