"""Grants, revokes and records of writers that overlap, blocked and undone as it comes.

Three connections write to one feed in any order while the relay's numbering runs in
between. Each statement leaves its own number in the trace of its event, so that the
events tell which statement they are of.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aviso.relay.outbox import _NUMBER  # the statement itself is what is tried
from tests.relay.drivers import Database

WRITERS = 3
READERS = ["ada@localhost", "ben@localhost"]
GRANT = (
    "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', %s)"
    " ON CONFLICT (feed, reader) DO UPDATE SET revoked_at = NULL"
)
REVOKE = "UPDATE aviso.readers SET revoked_at = now() WHERE reader = %s"
RECORD = "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"
TRACE = "SELECT set_config('aviso.traceparent', %s, true)"

writers = st.integers(0, WRITERS - 1)
steps = st.one_of(
    st.tuples(st.just(GRANT), writers, st.sampled_from(READERS)),
    st.tuples(st.just(REVOKE), writers, st.sampled_from(READERS)),
    st.tuples(st.just(RECORD), writers, st.none()),
    st.tuples(st.sampled_from(["commit", "rollback"]), writers, st.none()),
    st.tuples(st.just("number"), writers, st.none()),
)


@dataclass(slots=True)
class Told:
    """What happened: each statement with when it ran, and when it was committed."""

    clock: int = 0
    open: dict[int, list[int]] = field(default_factory=dict)
    committed_at: dict[int, int] = field(default_factory=dict)


@contextlib.contextmanager
def connections(database: Database) -> Iterator[list[psycopg.Connection[Any]]]:
    with contextlib.ExitStack() as stack:
        found = [
            stack.enter_context(psycopg.connect(database.url)) for _ in range(WRITERS)
        ]
        for connection in found:
            # One that another blocks is undone, as a writer's time-out would.
            connection.execute("SET lock_timeout = '5ms'")
            connection.commit()
        yield found
        for connection in found:
            connection.rollback()


def play(database: Database, plan: list[tuple[str, int, str | None]]) -> Told:
    told = Told()
    with connections(database) as opened, database.connect() as relay:
        for what, writer, reader in plan:
            told.clock += 1
            connection = opened[writer]
            if what == "number":
                relay.execute(_NUMBER, (2,))
            elif what == "commit":
                connection.commit()
                for step in told.open.pop(writer, []):
                    told.committed_at[step] = told.clock
            elif what == "rollback":
                connection.rollback()
                told.open.pop(writer, None)
            else:
                write(connection, told, writer, what, reader)
        for connection in opened:
            connection.rollback()
        while relay.execute(_NUMBER, (2,)).fetchall():
            pass
    return told


def write(
    connection: psycopg.Connection[Any],
    told: Told,
    writer: int,
    statement: str,
    reader: str | None,
) -> None:
    try:
        connection.execute(TRACE, (f"00-{told.clock:032x}-{1:016x}-00",))
        connection.execute(statement, None if reader is None else (reader,))
    except psycopg.errors.LockNotAvailable:
        connection.rollback()
        told.open.pop(writer, None)
        return
    told.open.setdefault(writer, []).append(told.clock)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.lists(steps, max_size=40))
def test_events_have_no_hole_and_keep_their_order(
    database: Database, plan: list[tuple[str, int, str | None]]
) -> None:
    database.run("ALTER TABLE aviso.records DISABLE TRIGGER records_truncating")
    database.run("ALTER TABLE aviso.readers DISABLE TRIGGER readers_truncating")
    database.run("TRUNCATE aviso.feeds, feed_heads, records, readers, events")
    database.add_feed("orders")

    told = play(database, plan)

    rows = database.run(
        "SELECT sequence, type, reader, ('x' || substr(traceparent, 20, 16))::bit(64)"
        "::bigint FROM aviso.events ORDER BY sequence"
    )
    assert list(range(1, len(rows) + 1)) == [sequence for sequence, *_ in rows]
    assert len(rows) == database.value("SELECT sequence FROM aviso.feed_heads")
    assert {step for *_, step in rows} <= set(told.committed_at)
    check_order(told, [step for *_, step in rows])
    for reader in READERS:
        check_reader(
            database, reader, [kind for _, kind, who, _ in rows if who == reader]
        )


def check_order(told: Told, order: list[int]) -> None:
    """What began after another was committed stands after it."""
    for place, later in enumerate(order):
        for earlier in order[place + 1 :]:
            assert told.committed_at[earlier] > later, (earlier, later)


def check_reader(database: Database, reader: str, kinds: list[str]) -> None:
    """In and out by turns, and at last as the row says."""
    assert ["granted", "revoked"] * (len(kinds) // 2) == kinds[: len(kinds) // 2 * 2]
    stands = database.run(
        "SELECT revoked_at IS NULL FROM aviso.readers WHERE reader = %s", reader
    )
    assert [(kind == "granted",) for kind in kinds[-1:]] == stands
