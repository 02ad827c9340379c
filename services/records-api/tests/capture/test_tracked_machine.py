"""Random DML and DDL on a tracked table: the log folds to what the table is.

After each commit what a subscriber holds is what a SELECT of the listed columns finds,
within a reconcile after DDL; and no statement fails that would not have failed on the
same table without Aviso, which stands beside it as a twin.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, LiteralString

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import sql

from tests.capture.folding import EVENTS, fold_rows
from tests.relay.drivers import Database

TABLES: LiteralString = """
DROP TABLE IF EXISTS {0}, {1} CASCADE;
CREATE TABLE {1} (id int PRIMARY KEY);
CREATE TABLE {0} (id int PRIMARY KEY, kind text, n numeric, parent int
    REFERENCES {1} ON DELETE CASCADE ON UPDATE CASCADE);
CREATE OR REPLACE FUNCTION {2}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE {0} SET n = n + 1 WHERE id IN (NEW.id, NEW.id + 1) AND n BETWEEN 50 AND 52;
    RETURN NULL; END $$;
CREATE TRIGGER again AFTER INSERT OR UPDATE ON {0} FOR EACH ROW EXECUTE FUNCTION {2}();
INSERT INTO {1} SELECT generate_series(0, 3);
"""
KEYS = st.integers(0, 5)
NUMBERS = st.sampled_from(["0", "1", "50", "1.50", "'NaN'", "NULL"])
KINDS = st.sampled_from(["'a'", "'draft'", "NULL"])
WHERE: LiteralString = "kind <> 'draft' OR n > 50"

# {0} is the table, {1} its parent.
STATEMENTS: list[str] = [
    "INSERT INTO {0} VALUES ({k}, {s}, {n}, {k2} % 4)",
    "INSERT INTO {0} SELECT i, {s}, {n} FROM generate_series({k}, {k2}) AS i"
    " ON CONFLICT (id) DO UPDATE SET n = excluded.n, kind = {0}.kind",
    "INSERT INTO {0} VALUES ({k}, {s}) ON CONFLICT DO NOTHING",
    "UPDATE {0} SET n = {n} WHERE id >= {k}",
    "UPDATE {0} SET kind = {s} WHERE id IN ({k}, {k2})",
    "UPDATE {0} SET id = {k} WHERE id = {k2}",
    "UPDATE {0} SET id = id - 1",
    "UPDATE {0} SET kind = kind, parent = NULL",
    "DELETE FROM {0} WHERE id = {k}",
    "DELETE FROM {0} WHERE id > {k}",
    "WITH gone AS (DELETE FROM {0} WHERE id <= {k} RETURNING *)"
    " INSERT INTO {0} SELECT id, kind, n + 1 FROM gone",
    "WITH one AS (UPDATE {0} SET n = {n} WHERE id = {k} RETURNING id)"
    " DELETE FROM {0} WHERE id IN (SELECT id + 1 FROM one)",
    "DELETE FROM {1} WHERE id = {k}",
    "INSERT INTO {1} VALUES ({k}) ON CONFLICT DO NOTHING",
    "UPDATE {1} SET id = {k} WHERE id = {k2}",
    "TRUNCATE {0}",
]
MERGE = (
    "MERGE INTO {0} AS t USING (VALUES ({k}), ({k2} + 1)) AS g (id) ON t.id = g.id"
    " WHEN MATCHED AND t.n > 1 THEN DELETE WHEN MATCHED THEN UPDATE SET n = {n}"
    " WHEN NOT MATCHED THEN INSERT VALUES (g.id, {s}, {n})"
)
DDL = [
    "ALTER TABLE {0} ADD COLUMN IF NOT EXISTS extra text DEFAULT 'x'",
    "ALTER TABLE {0} DROP COLUMN IF EXISTS extra",
    "ALTER TABLE {0} ALTER COLUMN n TYPE text",
    "ALTER TABLE {0} ALTER COLUMN n TYPE numeric USING n::numeric",
    "ALTER TABLE {0} RENAME COLUMN n TO m",
    "ALTER TABLE {0} RENAME COLUMN m TO n",
    "ALTER TABLE {0} DISABLE TRIGGER USER",
    "ALTER TABLE {0} ENABLE TRIGGER USER",
    "DROP TRIGGER IF EXISTS aviso_updated ON {0}",
    "ALTER TABLE {0} RENAME TO {0}_moved",
    "ALTER TABLE {0}_moved RENAME TO {0}",
]


def test_what_a_subscriber_holds_is_what_the_table_has(database: Database) -> None:
    machine = settings(
        max_examples=30,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Machine.database = database
    run_state_machine_as_test(Machine, settings=machine)


class Machine(RuleBasedStateMachine):
    """Two sessions write `mine`, which is tracked, and do the same to `twin`."""

    database: ClassVar[Database]

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
        run("DROP TABLE IF EXISTS mine_moved, twin_moved")
        for name in ("mine", "twin"):
            run(TABLES.format(name, f"{name}_parents", f"{name}_again"))
        run(f"SELECT aviso.track('mine', 'orders', '{{id,kind,n}}', $w${WHERE}$w$)")
        self._settle()

    @rule(
        session=st.integers(0, 1),
        text=st.sampled_from([*STATEMENTS, MERGE]),
        k=KEYS,
        k2=KEYS,
        n=NUMBERS,
        s=KINDS,
    )
    def write(self, session: int, text: str, **values: Any) -> None:
        if text.startswith("TRUNCATE") and self._open:
            return
        self._do_to_both(session, text, values)

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
    @rule(text=st.sampled_from(DDL))
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

    def _do_to_both(self, session: int, text: str, values: dict[str, Any]) -> None:
        """Do it to the twin, then to the tracked table: both fail, or none."""
        failures = []
        for name in ("twin", "mine"):
            statement = text.format(name, f"{name}_parents", **values)
            failures.append(self._try(session, statement))
        twins, mine = failures
        # What waits for a lock of the other session is no failure of ours.
        if "55P03" not in failures:
            assert twins == mine, (text, values, failures)

    def _try(self, session: int, statement: str) -> str | None:
        is_open = session in self._open
        if is_open:
            self._execute(session, "SAVEPOINT each")
        self._execute(session, "SET lock_timeout = '50ms'")
        try:
            self._execute(session, statement)
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
        rows = self._run_whole(
            f"SELECT id::text, jsonb_build_object({members})::text FROM {name}"
            f" WHERE {where}"
        )
        held = fold_rows(self._connections[2].execute(EVENTS, ("orders",)).fetchall())
        assert {key: json.loads(row) for key, row in rows} == held

    def _execute(self, session: int, text: str) -> list[tuple[Any, ...]]:
        cursor = self._connections[session].execute(sql.SQL(text))
        return cursor.fetchall() if cursor.description else []

    def _run_whole(self, text: str) -> list[tuple[Any, ...]]:
        return self._execute(2, text)
