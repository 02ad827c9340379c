"""Grants, revokes and records of writers that overlap, blocked and undone as it comes.

Three connections write to one feed in any order, in savepoints too, while the relay's
looks into the queue run in between, two changesets a page. Each statement leaves its
own number in the trace of its event, so that the events tell which they are of.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus

from tests.relay.drivers import Database, Looking

WRITERS = 3
READERS = ["ada@localhost", "ben@localhost"]
GRANT = (
    "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', %s)"
    " ON CONFLICT (feed, reader) DO UPDATE SET revoked_at = NULL"
)
REVOKE = "UPDATE aviso.readers SET revoked_at = now() WHERE reader = %s"
CHANGE = (
    "UPDATE aviso.records SET data = data || jsonb_build_object('n', %s::text)"
    " WHERE number = (SELECT min(number) FROM aviso.records)"
)
RECORD = "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"
TRACE = "SELECT set_config('aviso.traceparent', %s, true)"

WRITES = [GRANT, REVOKE, RECORD, RECORD, CHANGE, "undone", "kept"]
ENDS = ["commit", "commit", "commit", "rollback"]
steps = st.tuples(
    st.sampled_from([*WRITES, *ENDS, "number", "number", "number"]),
    st.integers(0, WRITERS - 1),
    st.sampled_from(READERS),
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


def play(database: Database, plan: list[tuple[str, int, str]]) -> Told:
    told = Told()
    with connections(database) as opened, Looking(database, page=2) as looking:
        for what, writer, reader in plan:
            told.clock += 1
            connection = opened[writer]
            if what == "number":
                looking.take()
            elif what in {"undone", "kept"}:
                write_in_savepoint(connection, told, writer, is_kept=what == "kept")
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
        looking.take_all()
    return told


def write(
    connection: psycopg.Connection[Any],
    told: Told,
    writer: int,
    statement: str,
    reader: str,
) -> None:
    try:
        connection.execute(TRACE, (f"00-{told.clock:032x}-{1:016x}-00",))
        connection.execute(statement, None if statement == RECORD else (reader,))
    except psycopg.errors.LockNotAvailable:
        connection.rollback()
        told.open.pop(writer, None)
        return
    told.open.setdefault(writer, []).append(told.clock)


def write_in_savepoint(
    connection: psycopg.Connection[Any], told: Told, writer: int, *, is_kept: bool
) -> None:
    connection.execute("SAVEPOINT part")
    before = list(told.open.get(writer, []))
    write(connection, told, writer, RECORD, "")
    is_undone = connection.info.transaction_status == TransactionStatus.IDLE
    if not (is_kept or is_undone):
        connection.execute("ROLLBACK TO part")
        told.open[writer] = before


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(plan=st.lists(steps, min_size=10, max_size=40))
def test_events_have_no_hole_and_keep_their_order(
    database: Database, plan: list[tuple[str, int, str]]
) -> None:
    database.run("ALTER TABLE aviso.records DISABLE TRIGGER records_truncating")
    database.run("ALTER TABLE aviso.readers DISABLE TRIGGER readers_truncating")
    database.run(
        "TRUNCATE aviso.feeds, aviso.feed_progress, aviso.places, aviso.queue,"
        " aviso.records, aviso.readers, aviso.events"
    )
    database.add_feed("orders")

    told = play(database, plan)

    rows = database.run(
        "SELECT sequence, type, reader, ('x' || substr(traceparent, 20, 16))::bit(64)"
        "::bigint FROM aviso.event_log ORDER BY sequence"
    )
    assert list(range(1, len(rows) + 1)) == [sequence for sequence, *_ in rows]
    assert len(rows) == database.value("SELECT sequence FROM aviso.feed_heads")
    assert {step for *_, step in rows} <= set(told.committed_at)
    # A record that was inserted and committed has one event, always.
    created = [plan[step - 1][0] in {RECORD, "kept"} for step in told.committed_at]
    assert sum(created) == sum(kind == "created" for _, kind, *_ in rows)
    assert 0 == database.value("SELECT count(*) FROM aviso.queue")
    versions = database.run(
        "SELECT subject, (data::jsonb ->> 'version')::int FROM aviso.event_log"
        " WHERE type = 'updated' ORDER BY subject, sequence"
    )
    assert versions == sorted(versions)
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
