"""Random DML and DDL on a tracked table, and on a twin that Aviso does not know.

After each commit what a subscriber holds is what a SELECT of the listed columns finds,
and after DDL as soon as the relay has looked, which it does all the time; and no
statement fails that would not have failed on the twin. What arrives as logical
replication's apply writes it is told once a row.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import Any, ClassVar

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from psycopg import sql

from aviso.outbox.standing import Standing
from aviso.outbox.tables import TrackedTable, look_after_tables
from tests.capture.folding import EVENTS, Fold, fold_rows
from tests.relay.drivers import PATIENCE_S, Database

KEYS = st.integers(0, 5)
NUMBERS = st.sampled_from(["0", "1", "50", "1.50", "NaN", None])
KINDS = st.sampled_from(["a", "draft", None])
WHERE = "kind <> 'draft' OR n > 50"
# The relay's own is seconds: here it is to come between any two statements.
LOOK_S = 0.02
# A table that the relay mends is locked for as long as that takes.
MINE_WAITS = "90s"
Held = dict[str, Fold]


def one_of(name: str) -> st.SearchStrategy[str]:
    """One of the statements that the machine has under this name."""
    return st.runner().flatmap(lambda machine: st.sampled_from(getattr(machine, name)))


class Tables:
    """The relay's looks after its tables, one after the other, in a thread."""

    def __init__(self) -> None:
        self._looks = 0
        self._looked = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._work = self._loop.create_task(
            look_after_tables(self._note, lambda: Standing("connected"), LOOK_S)
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def wait(self) -> None:
        """Wait for a look that began after this call, and is over."""
        with self._looked:
            # The first that ends may have begun before.
            wanted = self._looks + 2
            assert self._looked.wait_for(lambda: self._looks >= wanted, PATIENCE_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._work)

    def _note(self, tables: list[TrackedTable]) -> None:
        if any(table.is_backfilling for table in tables):
            return
        with self._looked:
            self._looks += 1
            self._looked.notify_all()


class TableMachine(RuleBasedStateMachine):
    """Two sessions write `mine`, which is tracked, and do the same to `twin`.

    In all statements {0} is the table and {1} what stands beside it.
    """

    database: ClassVar[Database]
    tables: ClassVar[str]
    """Makes both, and a function {2}."""
    feed: ClassVar[str]
    statements: ClassVar[list[str]]
    """With {k} and {k2}, keys, {n}, a number, and {s}, a kind."""
    copies: ClassVar[list[str]]
    """Of the columns id, kind and n."""
    applied: ClassVar[list[str]]
    """Of one row, as `statements`: what replication's apply does."""
    definitions: ClassVar[list[str]]

    def __init__(self) -> None:
        super().__init__()
        self._connections = [
            psycopg.connect(self.database.url, autocommit=True) for _ in range(3)
        ]
        self._open: set[int] = set()
        self._saved: set[int] = set()
        self._has_ddl = False
        self._tables: Tables | None = None

    @initialize()
    def make(self) -> None:
        run = self._run_whole
        run("SELECT aviso.untrack(relation) FROM aviso.tracked")
        for name in ("mine", "twin"):
            for table in (name, f"{name}_moved", f"{name}_beside", f"{name}_high"):
                run(f"DROP TABLE IF EXISTS {table} CASCADE")
            run(self.tables.format(name, f"{name}_beside", f"{name}_again"))
        run(
            f"SELECT aviso.track('mine', '{self.feed}', '{{id,kind,n}}', $w${WHERE}$w$)"
        )
        self._tables = Tables()
        self._settle()

    @rule(
        session=st.integers(0, 1),
        text=one_of("statements"),
        k=KEYS,
        k2=KEYS,
        n=NUMBERS,
        s=KINDS,
    )
    def write(
        self, session: int, text: str, k: int, k2: int, n: str | None, s: str | None
    ) -> None:
        if text.startswith("TRUNCATE") and self._open:
            return
        words = {"k": k, "k2": k2, "n": literal(n), "s": literal(s)}
        self._do_to_both(session, text, words)
        # That empties the feed, and the relay tells what the others have.
        self._has_ddl |= text.startswith("TRUNCATE {0}_")

    @rule(
        session=st.integers(0, 1),
        text=one_of("copies"),
        rows=st.lists(st.tuples(KEYS, KINDS, NUMBERS), max_size=3),
    )
    def copy(
        self, session: int, text: str, rows: list[tuple[int, str | None, str | None]]
    ) -> None:
        self._do_to_both(session, text, {}, rows)

    @rule(
        session=st.integers(0, 1),
        text=one_of("applied"),
        k=KEYS,
        k2=KEYS,
        n=NUMBERS,
        s=KINDS,
    )
    def apply(
        self, session: int, text: str, k: int, k2: int, n: str | None, s: str | None
    ) -> None:
        is_alone = not self._has_ddl and session not in self._open
        before = self._read_held() if is_alone else {}
        events = self._count_events()
        words = {"k": k, "k2": k2, "n": literal(n), "s": literal(s)}
        self._execute(session, "SET session_replication_role = replica")
        try:
            self._do_to_both(session, text, words)
        finally:
            self._execute(session, "SET session_replication_role = origin")
        if is_alone:
            changes = count_changes(before, self._read_held())
            assert changes == self._count_events() - events, (text, words)

    @rule(session=st.integers(0, 1))
    def begin(self, session: int) -> None:
        if session not in self._open:
            self._execute(session, "BEGIN")
            self._open.add(session)

    @rule(session=st.integers(0, 1), word=st.sampled_from(["COMMIT", "ROLLBACK"]))
    def end(self, session: int, word: str) -> None:
        if session in self._open:
            self._execute(session, word)
            self._open.discard(session)
            self._saved.discard(session)

    @rule(session=st.integers(0, 1), goes_back=st.booleans())
    def save(self, session: int, *, goes_back: bool) -> None:
        if session in self._saved and goes_back:
            self._execute(session, "ROLLBACK TO SAVEPOINT mark")
        elif session in self._open:
            self._execute(session, "SAVEPOINT mark")
            self._saved.add(session)

    @precondition(lambda self: not self._open)
    @rule(text=one_of("definitions"))
    def define(self, text: str) -> None:
        self._do_to_both(2, text, {})
        self._has_ddl = True

    @precondition(lambda self: not self._open)
    @rule()
    def settle(self) -> None:
        self._settle()

    @invariant()
    def holds(self) -> None:
        if not self._has_ddl:
            self._check()

    def teardown(self) -> None:
        if self._tables is not None:
            self._tables.stop()
        for connection in self._connections:
            connection.close()

    def _do_to_both(
        self,
        session: int,
        text: str,
        values: dict[str, Any],
        rows: list[tuple[Any, ...]] | None = None,
    ) -> None:
        """Do it to the twin, then to the tracked table: both fail, or none."""
        failures: list[psycopg.Error | None] = []
        for name, waits in (("twin", "50ms"), ("mine", MINE_WAITS)):
            statement = text.format(name, f"{name}_beside", **values)
            failures.append(self._try(session, statement, rows, waits))
            # It would wait for the other session, which waits for us, in both.
            if failures[0] is not None and failures[0].sqlstate == "55P03":
                return
        twins, mine = (each and each.sqlstate for each in failures)
        assert twins == mine, (text, values, rows, failures)

    def _try(
        self,
        session: int,
        statement: str,
        rows: list[tuple[Any, ...]] | None,
        waits: str,
    ) -> psycopg.Error | None:
        is_open = session in self._open
        if is_open:
            self._execute(session, "SAVEPOINT each")
        self._execute(session, f"SET lock_timeout = '{waits}'")
        try:
            if rows is None:
                self._execute(session, statement)
            else:
                self._copy(session, statement, rows)
        except psycopg.Error as exc:
            if is_open:
                self._execute(session, "ROLLBACK TO SAVEPOINT each")
            return exc
        return None

    def _settle(self) -> None:
        """Wait until the relay has found what DDL did."""
        assert self._tables is not None
        self._tables.wait()
        problem = self._run_whole("SELECT problem FROM aviso.tracked")[0][0]
        self._has_ddl = problem is not None and "told no more" not in problem

    def _check(self) -> None:
        ((name, columns, where),) = self._run_whole(
            'SELECT relation::text, columns, "where" FROM aviso.tracked'
        )
        members = ", ".join(f"'{column}', {column}" for column in columns)
        expected: dict[str, Fold] = {}
        for feed, key, row in self._run_whole(
            f"SELECT {self._feed_of_a_row()}, id::text,"
            f" jsonb_build_object({members})::text FROM {name} WHERE {where}"
        ):
            expected.setdefault(feed, {})[key] = json.loads(row)
        assert expected == self._read_held()

    def _feed_of_a_row(self) -> str:
        prefix, _, column = self.feed.rstrip("}").partition("{")
        if not column:
            return f"'{self.feed}'"
        return f"aviso.feed_name('{prefix}', {column}::text, '')"

    def _count_events(self) -> int:
        return int(self._run_whole("SELECT count(*) FROM aviso.events")[0][0])

    def _read_held(self) -> Held:
        """What a subscriber of each feed holds; of one that is empty, nothing."""
        held = {}
        for (feed,) in self._run_whole("SELECT DISTINCT feed FROM aviso.events"):
            events = self._connections[2].execute(EVENTS, (feed,)).fetchall()
            if rows := fold_rows(events):
                held[feed] = rows
        return held

    def _execute(self, session: int, text: str) -> list[tuple[Any, ...]]:
        cursor = self._connections[session].execute(sql.SQL(text))
        return cursor.fetchall() if cursor.description else []

    def _copy(self, session: int, text: str, rows: list[tuple[Any, ...]]) -> None:
        cursor = self._connections[session].cursor()
        with cursor.copy(sql.SQL(text)) as copy:
            for row in rows:
                copy.write_row(row)

    def _run_whole(self, text: str) -> list[tuple[Any, ...]]:
        return self._execute(2, text)


def count_changes(before: Held, after: Held) -> int:
    """Count the rows that came, went or changed, in each feed."""
    rows = [
        {(feed, key): row for feed, fold in held.items() for key, row in fold.items()}
        for held in (before, after)
    ]
    keys = rows[0].keys() | rows[1].keys()
    return sum(rows[0].get(key) != rows[1].get(key) for key in keys)


def literal(value: str | None) -> str:
    return "NULL" if value is None else f"'{value}'"
