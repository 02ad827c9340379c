"""The tables that could be tracked, and what is known of one before it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from aviso.capture.limited_statements import TableError, ask
from aviso.tracking.declaring import declared

_TIMEOUT_MS = 5_000
_LIST = """
SELECT aviso.full_name(c.oid), {rows}, t.id, t.feed, aviso.find_obstacle(c.oid)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN aviso.tracked AS t ON t.relation = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND c.relpersistence <> 't' AND pg_has_role(c.relowner, 'MEMBER')
    AND n.nspname !~ '^pg_' AND n.nspname NOT IN
        ('information_schema', 'aviso', 'aviso_rows', 'aviso_site')
    AND strpos(lower(n.nspname || '.' || c.relname), lower(%s)) > 0
ORDER BY aviso.find_obstacle(c.oid) IS NOT NULL, n.nspname, c.relname LIMIT %s
"""
# As PostgreSQL last counted them; null where it never did.
_ROWS = """
CASE c.relkind WHEN 'p' THEN (
    SELECT sum(nullif(leaf.reltuples, -1)) FROM pg_class AS leaf
    WHERE leaf.oid = ANY (aviso.find_leaves(c.oid)::oid[]) AND leaf.relkind <> 'p')
ELSE nullif(c.reltuples, -1) END::bigint
"""
_DESCRIBE = """
SELECT aviso.full_name(c.oid), {rows},
    (SELECT id FROM aviso.tracked WHERE relation = c.oid), aviso.find_obstacle(c.oid)
FROM pg_class AS c WHERE c.oid = %s::regclass
"""
_COUNT = """
SELECT {rows} FROM aviso.tracked AS t JOIN pg_class AS c ON c.oid = t.relation
WHERE t.id = %s
"""
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod),
    attname = ANY (aviso.find_key(attrelid))
FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""
_IS_DECLARED = """
SELECT place - 1 FROM unnest(%s::text[]) WITH ORDINALITY AS listed (name, place)
WHERE to_regclass(name) = %s::regclass
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`name`: with its schema, quoted where SQL wants it. `rows`: about how many.

    `obstacle`: why it can't be tracked. `tracked`, `feed`: if it is already.
    """

    name: str
    rows: int | None
    tracked: int | None
    feed: str | None
    obstacle: str | None


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    is_key: bool


@dataclass(frozen=True, slots=True)
class Description:
    """`tracked`: its id in `aviso.tracked`, if it is."""

    name: str
    rows: int | None
    tracked: int | None
    columns: Sequence[Column]


def list_candidates(search: str, limit: int) -> list[Candidate]:
    """Return the role's tables whose name has `search` in it; trackable ones first.

    Raises TableError.
    """
    query = _LIST.format(rows=_ROWS)
    rows = ask(query, [search, limit], timeout_ms=_TIMEOUT_MS)
    return [Candidate(*row) for row in rows]


def describe(table: str) -> Description:
    """Raises TableError where it does not exist, or can't be tracked."""
    if "\x00" in table:
        raise TableError("no table has such a name", "relation")
    query = _DESCRIBE.format(rows=_ROWS)
    found = ask(query, [table], timeout_ms=_TIMEOUT_MS)
    if not found:
        raise TableError(f"there is no table {table}", "relation")
    ((name, rows, tracked, obstacle),) = found
    if obstacle is not None:
        raise TableError(obstacle, "relation")
    columns = [Column(*row) for row in ask(_COLUMNS, [table], timeout_ms=_TIMEOUT_MS)]
    return Description(name, rows, tracked, columns)


def count_rows(tracked: int) -> int | None:
    """Return about how many rows a tracked table has, where PostgreSQL can say."""
    try:
        found = ask(_COUNT.format(rows=_ROWS), [tracked], timeout_ms=_TIMEOUT_MS)
    except TableError:  # somebody holds it
        return None
    for (rows,) in found:
        return None if rows is None else int(rows)
    return None


def find_declaring_model(table: str) -> str | None:
    """Return the model that declares the table's feed in the project's code.

    Raises TableError.
    """
    quote = connection.ops.quote_name
    quoted = [quote(each.model._meta.db_table) for each in declared]
    for (place,) in ask(_IS_DECLARED, [quoted, table]):
        return str(declared[place].model._meta.label)
    return None
