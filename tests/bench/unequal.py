"""A record of a quiet feed while another feed has very much to say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ..integration.beside import beside
from ..integration.faults.heads import archived_head
from .beat import beat_for, beat_in_turns, beating
from .bench import Bench, empty_beside, tell
from .goals import Goal

_THROUGH_S = 3600.0

_SINGLES = """
DO $$
BEGIN
    FOR n IN 1..{count} LOOP
        INSERT INTO aviso.records (feed, data)
        VALUES ('{feed}', jsonb_build_object('n', -n, 'text', repeat('x', 120)));
        COMMIT;
    END LOOP;
END $$
"""


def beside_bulk(bench: Bench) -> None:
    """One statement inserts very many rows; another feed has a record now and then."""
    count = bench.choose(200_000, 1_000_000)
    bench.api.create_feed("bulk")
    bench.api.create_feed("quiet")
    time.sleep(2)
    alone = beat_for(bench, "quiet", bench.seconds)
    bench.note("alone, median (ms)", alone.median)
    tell(f"  {count:,} rows of one statement")
    started = time.monotonic()
    with beating(bench, "quiet") as waits:
        bench.database.execute(
            "INSERT INTO aviso.records (feed, data) SELECT 'bulk', jsonb_build_object("
            "'n', -n, 'text', repeat('x', 120), 'price', 12.5, 'open', true)"
            " FROM generate_series(1, %s) AS n",
            [count],
        )
        bench.note("the statement (s)", time.monotonic() - started)
        wait_until_archived(bench, "bulk", count)
    bench.note("until the last row is archived (s)", time.monotonic() - started)
    bench.note("rows of the bulk", count)
    bench.note("records beside it", len(waits.ms))
    bench.note("beside it, median (ms)", waits.median)
    bench.note("beside it, p99 (ms)", waits.quantile(0.99))
    bench.goals.append(
        Goal(f"slowest record beside {count:,} rows, ms", waits.slowest, 1000, 100)
    )


def beside_snapshot(bench: Bench) -> None:
    """As a backup does, somebody holds a snapshot while very many events pass."""
    count = bench.choose(100_000, 400_000)
    bench.api.create_feed("busy")
    bench.api.create_feed("quiet")
    time.sleep(2)
    with holding_snapshots(bench):
        started = time.monotonic()
        with beside(lambda _: _write_singles(bench, "busy", count)):
            wait_until_archived(bench, "busy", count)
        bench.note("events that passed", count)
        bench.note("until they were archived (s)", time.monotonic() - started)
        with empty_beside(bench, "empty") as empty:
            sides = {
                "another feed": (bench, "quiet"),
                "the busy feed": (bench, "busy"),
                "an empty system": (empty, "empty"),
            }
            waits = beat_in_turns(sides, 2 * bench.seconds)
    for name, each in waits.items():
        bench.note(f"{name}, median (ms)", each.median)
        bench.note(f"{name}, p99 (ms)", each.quantile(0.99))
    alone = waits.pop("an empty system").median
    for name, each in waits.items():
        title = f"a snapshot over {count:,} events, {name}, times an empty system's"
        bench.goals.append(Goal(title, each.median / alone, 1.5))


@contextmanager
def holding_snapshots(bench: Bench) -> Iterator[None]:
    """What pg_dump of both databases holds."""
    databases = (bench.database, bench.ejabberd_database)
    with databases[0].transaction() as ours, databases[1].transaction() as ejabberds:
        for each in (ours, ejabberds):
            each.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            each.execute("SELECT count(*) FROM pg_class")
        yield


def wait_until_archived(bench: Bench, feed: str, sequence: int) -> None:
    deadline = time.monotonic() + _THROUGH_S
    while (head := archived_head(bench.stack, feed)) < sequence:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the archive of {feed} is at {head} of {sequence}")
        time.sleep(0.5)


def _write_singles(bench: Bench, feed: str, count: int) -> None:
    """Each row in a transaction of its own, as fast as one connection goes."""
    with bench.database.transaction() as connection:
        connection.autocommit = True
        connection.execute("SET synchronous_commit = off")
        connection.execute(_SINGLES.format(feed=feed, count=count))
