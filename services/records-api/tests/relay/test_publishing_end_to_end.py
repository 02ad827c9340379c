"""From a committed record to a queue, through a real relay process."""

from __future__ import annotations

import json
import threading
from typing import LiteralString

import psycopg

from aviso.relay.lanes import MOST_OPENINGS_OUT
from tests.contracts import validate_batch, validate_event
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually
from tests.relay.pusher import Pusher, Taken

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

_UNANNOUNCED: LiteralString = (
    "SELECT array_agg(slug) FROM aviso.feeds WHERE announced_at IS NULL"
)


def of_feed(messages: list[Taken], feed: str) -> list[int | None]:
    return [m.sequence for m in messages if m.event["feed"] == feed]


def count_openings(pusher: Pusher, feed: str) -> int:
    told = [properties for properties, _ in pusher.received]
    kind = "aviso.feed.opened.v1"
    return sum(p.type == kind and p.headers["feed"] == feed for p in told)


def test_records_reach_a_queue_numbered_and_in_order(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()

    database.add_records("orders", 3_000)
    database.wait_until_published()

    assert [None, *range(1, 3_001)] == of_feed(pusher.take(), "orders")


def test_every_message_is_as_the_contract_says(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()

    with database.connect() as connection:
        connection.execute(
            "SELECT set_config('aviso.traceparent', %s, false)", [TRACEPARENT]
        )
        connection.execute(
            "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"
        )
        connection.execute("""UPDATE aviso.records SET data = '{"a": "café 😀"}'""")
        connection.execute("DELETE FROM aviso.records")
    database.wait_until_published()
    received = pusher.take()

    assert ["opened", "created", "updated", "deleted"] == [m.kind for m in received]
    for message in received:
        validate_event(message.event)
    assert TRACEPARENT == received[1].headers["traceparent"]
    opening, *batches = pusher.received
    for properties, text in batches:
        validate_batch(json.loads(text))
        assert text.isascii()
        assert ("aviso.batch.v2", 1) == (properties.type, properties.delivery_mode)
        assert "application/json" == properties.content_type
        headers = properties.headers
        span = f"{headers['first']}-{headers['last']}"
        assert f"orders:{headers['epoch']}:{span}" == properties.message_id
    assert "aviso.feed.opened.v1" == opening[0].type
    assert received[0].event["id"] == opening[0].message_id


def test_a_feed_without_events_is_opened_too(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    start_relay().wait_for_broker()

    database.add_feed("orders")
    database.wait_until_published()

    assert ["opened"] == [m.kind for m in pusher.take()]


def test_a_changed_visibility_is_announced_between_the_events(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    database.add_records("orders", 2)
    start_relay()
    database.wait_until_published()

    database.run("UPDATE aviso.feeds SET visibility = 'private'")
    database.add_records("orders", 1)
    database.wait_until_published()
    received = pusher.take()

    assert [None, 1, 2, None, 3] == [m.sequence for m in received]
    expected = {"visibility": "private", "readers": [], "revoked": []}
    assert {"head": "0", "archived": "2", **expected} == received[3].event["data"]


def test_a_feed_that_somebody_is_changing_is_marked_as_announced_later(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    """Whoever holds its row keeps neither the relay nor another feed waiting."""
    for feed in ("held", "other"):
        database.add_feed(feed)
    with database.connect() as connection, connection.transaction():
        connection.execute("UPDATE aviso.feeds SET title = 'new' WHERE slug = 'held'")
        relay = start_relay()
        eventually(lambda: count_openings(pusher, "held") == 1)
        eventually(lambda: database.value(_UNANNOUNCED) == ["held"])
        database.add_records("other", 1)
        eventually(lambda: pusher.sequences("other") == [1])
    database.wait_until_published()

    assert 1 == count_openings(pusher, "held")
    assert [] == relay.lines("database-refused")


def test_writers_that_overlap_roll_back_or_commit_late_leave_no_hole(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    insert = "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"

    def write_much() -> None:
        with psycopg.connect(database.url) as connection:
            for n in range(100):
                connection.execute(insert)
                if n % 3 == 0:
                    connection.rollback()
                else:
                    connection.commit()

    # A transaction with low row numbers that commits after all others were published.
    with psycopg.connect(database.url) as late:
        late.execute(insert)
        writers = [threading.Thread(target=write_much) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        database.wait_until_published()
        late.commit()
    database.wait_until_published()

    count = 4 * 66 + 1
    assert count == database.value("SELECT count(*) FROM aviso.events")
    assert [None, *range(1, count + 1)] == of_feed(pusher.take(), "orders")


def test_events_of_a_feed_stay_in_one_queue_and_feeds_share_the_queues(
    database: Database, broker: Broker, pusher: Pusher, start_relay: StartRelay
) -> None:
    feeds = [f"feed-{n}" for n in range(MOST_OPENINGS_OUT)]
    for feed in feeds:
        database.add_feed(feed)
        database.add_records(feed, 3)
    pusher.stop()
    start_relay().wait_for_broker()
    names = ("xmpp-pusher.0", "xmpp-pusher.1")
    eventually(lambda: sum(broker.depth(name) for name in names) >= 2 * len(feeds))

    # After a while in which it hears nothing the relay sends the same again.
    first, second = (
        {(each.headers["feed"], each.type) for each in broker.peek(name)}
        for name in names
    )

    kinds = ("aviso.feed.opened.v1", "aviso.batch.v2")
    assert {(feed, kind) for feed in feeds for kind in kinds} == first | second
    assert not {feed for feed, _ in first} & {feed for feed, _ in second}
    assert first
    assert second


def test_large_records_travel_within_the_bounds_of_memory(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    database.run(
        "INSERT INTO aviso.records (feed, data)"
        " SELECT 'orders', jsonb_build_object('n', n, 'text', repeat('x', 60000))"
        " FROM generate_series(1, 1500) AS n"
    )
    relay = start_relay()
    database.wait_until_published()

    held = [
        float(line.split()[1])
        for line in relay.metrics().splitlines()
        if line.startswith("aviso_relay_out_bytes ")
    ]
    assert held[0] <= 32 * 1024 * 1024
    assert [None, *range(1, 1_501)] == of_feed(pusher.take(), "orders")


def test_it_says_in_its_logs_how_far_a_feed_has_come(
    database: Database, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()

    database.add_records("orders", 1)
    database.wait_until_published()
    (line,) = eventually(
        lambda: [x for x in relay.lines("published") if x.get("sequence")]
    )
    assert ("orders", "1") == (line["feed"], line["sequence"])
