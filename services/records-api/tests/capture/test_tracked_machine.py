"""Whatever is done to a tracked table, its log folds to what the table is.

A plain table, one in partitions, and one whose rows have a feed a value.
"""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from psycopg import conninfo

from aviso.outbox import connection
from tests.capture.table_machine import TableMachine
from tests.relay.drivers import Database

BESIDE = """
CREATE TABLE {1} (id int PRIMARY KEY);
INSERT INTO {1} SELECT generate_series(0, 3);
CREATE TABLE {0} (id int PRIMARY KEY, kind text, n numeric, parent int
    REFERENCES {1} ON DELETE CASCADE ON UPDATE CASCADE)"""
AGAIN = """;
CREATE OR REPLACE FUNCTION {2}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE {0} SET n = n + 1 WHERE id IN (NEW.id, NEW.id + 1) AND n BETWEEN 50 AND 52;
    RETURN NULL; END $$;
CREATE TRIGGER again AFTER INSERT OR UPDATE ON {0} FOR EACH ROW EXECUTE FUNCTION {2}();
"""
STATEMENTS = [
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
    # An error of its grammar before PostgreSQL 15, in both.
    "MERGE INTO {0} AS t USING (VALUES ({k}), ({k2} + 1)) AS g (id) ON t.id = g.id"
    " WHEN MATCHED AND t.n > 1 THEN DELETE WHEN MATCHED THEN UPDATE SET n = {n}"
    " WHEN NOT MATCHED THEN INSERT VALUES (g.id, {s}, {n})",
]
COPY = "COPY {0} (id, kind, n) FROM STDIN"
APPLIED = [
    "INSERT INTO {0} (id, kind, n) VALUES ({k}, {s}, {n})",
    "UPDATE {0} SET kind = {s}, n = {n} WHERE id = {k}",
    "UPDATE {0} SET id = {k} WHERE id = {k2}",
    "DELETE FROM {0} WHERE id = {k}",
]
DEFINITIONS = [
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


class PlainTable(TableMachine):
    tables = f"{BESIDE}{AGAIN}"
    feed = "orders"
    statements: ClassVar = STATEMENTS
    copies: ClassVar = [COPY]
    applied: ClassVar = APPLIED
    definitions: ClassVar = DEFINITIONS


class TableInPartitions(TableMachine):
    """Of two, which are written to past the table as well; one comes and goes."""

    tables = f"""{BESIDE} PARTITION BY RANGE (id);
CREATE TABLE {{0}}_low PARTITION OF {{0}} FOR VALUES FROM (0) TO (3);
CREATE TABLE {{0}}_high PARTITION OF {{0}} FOR VALUES FROM (3) TO (99){AGAIN}"""
    feed = "orders"
    statements: ClassVar = [
        *STATEMENTS,
        "INSERT INTO {0}_high VALUES ({k}, {s}, {n})",
        "UPDATE {0}_low SET n = {n} WHERE id >= {k}",
        "UPDATE {0}_high SET id = {k} WHERE id = {k2}",
        "DELETE FROM {0}_high WHERE id = {k}",
        "TRUNCATE {0}_low",
        "TRUNCATE {0}_high",
    ]
    copies: ClassVar = [COPY, "COPY {0}_high (id, kind, n) FROM STDIN"]
    applied: ClassVar = [
        *APPLIED,
        "INSERT INTO {0}_high (id, kind, n) VALUES ({k}, {s}, {n})",
        "UPDATE {0}_low SET kind = {s}, n = {n} WHERE id = {k}",
        "DELETE FROM {0}_high WHERE id = {k}",
    ]
    definitions: ClassVar = [
        "ALTER TABLE {0} DETACH PARTITION {0}_high",
        "ALTER TABLE {0} ATTACH PARTITION {0}_high FOR VALUES FROM (3) TO (99)",
        "ALTER TABLE {0} ATTACH PARTITION {0}_high FOR VALUES FROM (4) TO (9)",
        "CREATE TABLE {0}_more PARTITION OF {0} FOR VALUES FROM (-9) TO (0)",
        "DROP TABLE IF EXISTS {0}_more",
        "ALTER TABLE {0} ALTER COLUMN n TYPE text",
        "ALTER TABLE {0} ALTER COLUMN n TYPE numeric USING n::numeric",
        "ALTER TABLE {0} RENAME TO {0}_moved",
        "ALTER TABLE {0}_moved RENAME TO {0}",
    ]


class FeedAValue(TableMachine):
    tables = f"{BESIDE}{AGAIN}"
    feed = "of-{kind}"
    statements: ClassVar = STATEMENTS
    copies: ClassVar = [COPY]
    applied: ClassVar = APPLIED
    definitions: ClassVar = [
        *DEFINITIONS,
        "ALTER TABLE {0} ALTER COLUMN kind TYPE varchar(9)",
        "ALTER TABLE {0} ALTER COLUMN kind TYPE text",
    ]


@pytest.mark.parametrize("machine", [PlainTable, TableInPartitions, FeedAValue])
def test_what_a_subscriber_holds_is_what_the_table_has(
    database: Database,
    machine: type[TableMachine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine.database = database
    to_it = conninfo.conninfo_to_dict(database.url)
    monkeypatch.setattr(connection, "_connection_arguments", lambda: to_it)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )
