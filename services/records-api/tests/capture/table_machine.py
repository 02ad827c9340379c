"""Random DML and DDL on a tracked table, and on a twin that Aviso does not know.

After each commit what a subscriber holds is what a SELECT of the listed columns finds,
within a reconcile after DDL; and no statement fails that would not have failed on the
twin.
"""

from __future__ import annotations

import json
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

from tests.capture.folding import EVENTS, Fold, fold_rows
from tests.relay.drivers import Database

KEYS = st.integers(0, 5)
NUMBERS = st.sampled_from(["0", "1", "50", "1.50", "NaN", None])
KINDS = st.sampled_from(["a", "draft", None])
WHERE = "kind <> 'draft' OR n > 50"


def one_of(name: str) -> st.SearchStrategy[str]:
    """One of the statements that the machine has under this name."""
    return st.runner().flatmap(lambda machine: st.sampled_from(getattr(machine, name)))


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
    definitions: ClassVar[list[str]]

    def __init__(self) -> None:
        super().__init__()
        self._connections = [
            psycopg.connect(self.database.url, autocommit=True) for _ in range(3)
        ]
        self._open: set[int] = set()
        self._saved: set[int] = set()
        self._has_ddl = False

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
        failures = []
        for name in ("twin", "mine"):
            statement = text.format(name, f"{name}_beside", **values)
            failures.append(self._try(session, statement, rows))
        twins, mine = failures
        # What waits for a lock of the other session is no failure of ours.
        if "55P03" not in failures:
            assert twins == mine, (text, values, rows, failures)

    def _try(
        self, session: int, statement: str, rows: list[tuple[Any, ...]] | None
    ) -> str | None:
        is_open = session in self._open
        if is_open:
            self._execute(session, "SAVEPOINT each")
        self._execute(session, "SET lock_timeout = '50ms'")
        try:
            if rows is None:
                self._execute(session, statement)
            else:
                self._copy(session, statement, rows)
        except psycopg.Error as exc:
            if is_open:
                self._execute(session, "ROLLBACK TO SAVEPOINT each")
            return exc.sqlstate
        return None

    def _settle(self) -> None:
        self._run_whole("SELECT aviso.reconcile()")
        while self._run_whole(
            "SELECT aviso.backfill_step(id) FROM aviso.tracked"
            " WHERE backfilled = 'running'"
        ):
            pass
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

    def _read_held(self) -> dict[str, Fold]:
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


def literal(value: str | None) -> str:
    return "NULL" if value is None else f"'{value}'"
