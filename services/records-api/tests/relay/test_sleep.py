"""The relay sleeps, and only who finds it asleep wakes it; it misses nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aviso.outbox.connection import LOOK_INTERVAL_S
from aviso.outbox.sleep import (
    BUSY_S,
    CROWD_A_S,
    CROWD_POLL_S,
    LONGEST_POLL_S,
    MANY,
    POLL_S,
    QUIET_S,
    WARM_LOOK_S,
    WARM_S,
)
from tests.relay.drivers import Database, Looking

WRITERS = 3
RECORD = "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"


@contextlib.contextmanager
def listening(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("LISTEN aviso_events")
        yield connection


def hear(listener: psycopg.Connection[Any]) -> int:
    """Take the notices that have come; a commit's are there when it is answered."""
    listener.execute("SELECT 1")
    return sum(1 for _ in listener.notifies(timeout=0))


def look(looking: Looking, after_s: float = 0.0) -> float:
    """Look once, so much later, and return when to look again."""
    looking.clock_s += after_s
    found = looking.take().changesets
    return looking.run(looking.sleep.next_look_s(found=found))


def fall_asleep(looking: Looking) -> None:
    looking.take_all()
    assert look(looking, QUIET_S + 1) == 0.0
    assert looking.sleep.is_asleep
    look(looking)


def test_nobody_notifies_a_relay_that_is_awake(database: Database) -> None:
    database.add_feed("orders")
    with Looking(database) as looking, listening(database) as listener:
        database.add_records("orders", 3)

        assert 0 == hear(listener)
        assert not looking.take().is_empty


def test_a_sleeper_is_notified_and_a_lone_event_does_not_wake_it_up(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking, listening(database) as listener:
        fall_asleep(looking)
        database.add_records("orders", 1)
        assert 1 == hear(listener)

        looking.clock_s += 10
        look(looking)

        assert looking.sleep.is_asleep
        database.add_records("orders", 1)
        assert 1 == hear(listener)


def test_a_sleeper_looks_often_for_a_while_behind_what_it_found(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking:
        fall_asleep(looking)
        looking.clock_s += 10
        assert LOOK_INTERVAL_S == look(looking)
        database.add_records("orders", 1)

        pauses = [look(looking)]
        found_at = looking.clock_s
        while pauses[-1] < LOOK_INTERVAL_S:
            pauses.append(look(looking, pauses[-1]))

        assert WARM_S <= looking.clock_s - found_at <= WARM_S + WARM_LOOK_S
        assert {WARM_LOOK_S} == set(pauses[:-1])
        assert looking.sleep.is_asleep


def test_one_find_after_another_wakes_it_up_and_ends_the_notices(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking, listening(database) as listener:
        fall_asleep(looking)
        for _ in range(2):
            database.add_records("orders", 1)
            next_s = look(looking, BUSY_S / 2)

        assert (False, POLL_S) == (looking.sleep.is_asleep, next_s)
        hear(listener)
        database.add_records("orders", 1)
        assert 0 == hear(listener)


def test_lone_events_one_after_the_other_do_not_keep_it_awake(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking:
        looking.take_all()

        for _ in range(3):
            next_s, next_event_s = 0.0, looking.clock_s + 2 * BUSY_S
            database.add_records("orders", 1)
            while looking.clock_s + next_s < next_event_s:
                next_s = look(looking, next_s)
            looking.clock_s = next_event_s

        assert looking.sleep.is_asleep


def test_it_polls_more_slowly_while_it_finds_nothing(database: Database) -> None:
    with Looking(database) as looking:
        looking.take_all()

        pauses = [look(looking) for _ in range(12)]

    assert pauses == sorted(pauses)
    assert LONGEST_POLL_S == pauses[-1]


def test_it_polls_more_slowly_while_it_finds_many(database: Database) -> None:
    database.add_feed("orders")
    with Looking(database) as looking:
        looking.take_all()

        pauses = []
        for found in (MANY, MANY, MANY, MANY, MANY, MANY - 1):
            for _ in range(found):
                database.add_records("orders", 1)
            pauses.append(look(looking, LONGEST_POLL_S))

    assert [2 * POLL_S, 4 * POLL_S, 8 * POLL_S] == pauses[:3]
    assert [LONGEST_POLL_S, LONGEST_POLL_S, POLL_S] == pauses[3:]


def test_it_polls_more_slowly_still_while_they_come_as_a_crowd(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking:
        looking.take_all()

        pauses = [POLL_S]
        # One look that comes late finds as many, and they are no crowd.
        for every_s in (1 / CROWD_A_S,) * 7 + (2 / CROWD_A_S,):
            found = max(MANY, round(pauses[-1] / every_s))
            for _ in range(found):
                database.add_records("orders", 1)
            pauses.append(look(looking, found * every_s * 0.99))

    assert pauses == sorted(pauses[:-1]) + pauses[-1:]
    assert [CROWD_POLL_S, CROWD_POLL_S, LONGEST_POLL_S] == pauses[-3:]


def test_it_can_not_fall_asleep_beside_a_writer_who_saw_it_awake(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking, psycopg.connect(database.url) as writer:
        looking.take_all()
        writer.execute(RECORD)

        look(looking, QUIET_S + 1)
        assert not looking.sleep.is_asleep

        writer.commit()
        assert not looking.take().is_empty


steps = st.one_of(
    st.tuples(
        st.sampled_from(["insert", "undone", "commit", "rollback"]),
        st.integers(0, WRITERS - 1),
    ),
    st.tuples(st.sampled_from(["look", "late look", "hear"]), st.just(0)),
)


@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.lists(steps, max_size=40))
def test_whatever_happens_a_sleeper_that_waits_has_seen_all_or_is_told(
    database: Database, plan: list[tuple[str, int]]
) -> None:
    database.run("DELETE FROM aviso.queue")
    database.run(
        "INSERT INTO aviso.feeds (slug) VALUES ('orders') ON CONFLICT DO NOTHING"
    )
    with contextlib.ExitStack() as stack:
        looking = stack.enter_context(Looking(database))
        listener = stack.enter_context(listening(database))
        writers = [
            stack.enter_context(psycopg.connect(database.url)) for _ in range(WRITERS)
        ]
        # A look that is due at once is no waiting.
        told, due = 0, True
        for what, number in plan:
            writer = writers[number]
            if what == "insert":
                writer.execute(RECORD)
            elif what == "undone":
                with writer.transaction(), writer.transaction(force_rollback=True):
                    writer.execute(RECORD)
            elif what == "commit":
                writer.commit()
            elif what == "rollback":
                writer.rollback()
            elif what == "hear":
                told, due = 0, True
                hear(listener)
                look(looking)
                due = False
            else:
                due = look(looking, QUIET_S * 2 * (what == "late look")) == 0.0
            told += hear(listener)
            if looking.sleep.is_asleep and not due:
                assert told or 0 == database.unnumbered(), plan
        for writer in writers:
            writer.rollback()
