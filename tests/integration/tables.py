"""A tracked table with rows from before, written to while it is backfilled."""

from __future__ import annotations

import random
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from aviso_native import services

from .api import new_slug
from .beside import beside
from .database import Database
from .running import PYTHON, REPOSITORY, Stack

# What the table has otherwise than the last event of each row says; and of a row's
# events, in the feed's order, what no writer and no backfill may make.
_FAULTS = """
WITH told AS (
    SELECT subject, type, data, sequence, lag(type) OVER events AS type_before,
        lag(data) OVER events AS data_before, lead(type) OVER events IS NULL AS is_last
    FROM aviso.event_log WHERE feed = %s
    WINDOW events AS (PARTITION BY subject ORDER BY sequence)
), last AS (
    SELECT subject, (data::jsonb #>> '{{data,n}}')::int AS n FROM told
    WHERE is_last AND type <> 'deleted'
)
SELECT
    (SELECT count(*) FROM {table} AS row WHERE NOT EXISTS (
        SELECT FROM last WHERE subject = row.id::text AND last.n = row.n)),
    (SELECT count(*) FROM last WHERE NOT EXISTS (
        SELECT FROM {table} AS row WHERE row.id = subject::bigint)),
    (SELECT count(*) FROM told WHERE type = 'created' AND type_before <> 'deleted'
        OR type = 'updated' AND (type_before = 'deleted' OR data = data_before)
        OR type = 'deleted' AND type_before = 'deleted'),
    (SELECT max(sequence) - count(*) FROM told)
"""
_NAMES = ("missing", "unexpected", "told twice", "skipped")


class WrittenTable:
    """`feed` has its rows, of which none is told yet; `waits_ms` are its writers'."""

    def __init__(self, stack: Stack, database: Database, rows: int) -> None:
        self.feed = new_slug("stock")
        self.name = f"public.stock_{uuid.uuid4().hex[:8]}"
        self.waits_ms: list[float] = []
        self._stack = stack
        self._database = database
        self._rows = rows
        database.execute(f"CREATE TABLE {self.name} (id bigint PRIMARY KEY, n int)")
        database.execute(
            f"INSERT INTO {self.name} SELECT n, 0 FROM generate_series(1, %s) AS n",
            [rows],
        )
        database.execute(
            f"SELECT aviso.track('{self.name}', feed => %s, columns => '{{id,n}}',"
            " visibility => 'public')",
            [self.feed],
        )

    def start_backfill(self, rate: int | None = None) -> subprocess.Popen[bytes]:
        """Start `manage.py backfill` of it, which goes on where one before it was.

        `rate`: the most rows a second.
        """
        pace = [] if rate is None else [f"--rate={rate}"]
        return subprocess.Popen(
            [str(PYTHON), "manage.py", "backfill", self.name, *pace],
            cwd=REPOSITORY / "services/records-api",
            env=services.api_env(self._stack.settings),
            stdout=subprocess.DEVNULL,
        )

    def count_backfilled(self) -> int:
        """How many rows its backfill has told, as the catalogue says."""
        return int(
            self._database.value(
                "SELECT told FROM aviso.tracked WHERE feed = %s", [self.feed]
            )
        )

    def read_backfill(self) -> tuple[int | None, int]:
        """Its pace, and how many rows it has looked at, told or not."""
        ((rate, looked_at),) = self._database.rows(
            "SELECT backfill_rate, looked_at FROM aviso.tracked WHERE feed = %s",
            [self.feed],
        )
        return rate, looked_at

    def is_published(self) -> bool:
        """Whether all that was told is known to be in the room's archive."""
        unpublished = self._database.value(
            "SELECT sequence - published + ("
            "SELECT coalesce(sum(size), 0) FROM queue WHERE queue.feed = heads.feed)"
            " FROM feed_heads AS heads WHERE feed = %s",
            [self.feed],
        )
        return bool(unpublished == 0)

    def rows(self) -> dict[str, int]:
        """What it has, by its key."""
        return dict(self._database.rows(f"SELECT id::text, n FROM {self.name}"))

    def drop(self) -> None:
        self._database.execute(f"SELECT aviso.untrack('{self.name}')")
        self._database.execute(f"DROP TABLE {self.name}")

    def count_faults(self) -> dict[str, int]:
        """Hold what the feed's log says against the table, when nobody writes."""
        (counts,) = self._database.rows(_FAULTS.format(table=self.name), [self.feed])
        return dict(zip(_NAMES, counts, strict=True))

    @contextmanager
    def writing(self, rate: float) -> Iterator[None]:
        """Have rows inserted, updated and deleted, so many a second, all the while.

        Fewer where the machine does not keep up: what is late is not made up for. A
        wait is that of one statement, from its sending until it is committed.
        """
        with beside(partial(self._write, rate)):
            yield

    def _write(self, rate: float, ended: threading.Event) -> None:
        chance = random.Random(20260729)  # noqa: S311 # rows, not secrets
        statements = (
            f"UPDATE {self.name} SET n = n + 1 WHERE id = %s",
            f"INSERT INTO {self.name} AS row VALUES (%s, 1)"
            " ON CONFLICT (id) DO UPDATE SET n = row.n + 1",
            f"DELETE FROM {self.name} WHERE id = %s",
        )
        due = time.monotonic()
        with self._database.transaction() as connection:
            connection.autocommit = True
            while not ended.is_set():
                time.sleep(max(0.0, due - time.monotonic()))
                row = chance.randint(1, self._rows + self._rows // 10)
                sent = time.monotonic()
                _run(connection, chance.choice(statements), row)
                self.waits_ms.append(1000 * (time.monotonic() - sent))
                due = max(due + 1 / rate, time.monotonic())


def _run(connection: psycopg.Connection[object], statement: str, row: int) -> None:
    connection.execute(statement.encode(), [row])
