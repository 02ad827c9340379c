"""The short way of a plain table runs under its writer's path, with Aviso's rights.

So it says every name with its schema, and asks nothing that is another's.
"""

from __future__ import annotations

import re
from typing import LiteralString

import psycopg
import pytest

from tests.capture.folding import fold, told
from tests.relay.drivers import Database

PLAIN: LiteralString = "id int PRIMARY KEY, n int, name text"
# All that such a table may have, in more columns than one call takes.
MANY: LiteralString = (
    "id uuid PRIMARY KEY, a int2, b int8, c numeric, d bool, e varchar(9), f char(9),"
    ' g name, "h%%""x" text, i date, j time, k timestamp, "Select" text NOT NULL, '
    + ", ".join(f"more_{n} int" for n in range(60))
)
# And one digit.
KEY: LiteralString = "00000000-0000-0000-0000-00000000000"
TABLES: dict[str, tuple[LiteralString, LiteralString]] = {
    "every column": (PLAIN, "{id,n,name}"),
    "some columns": (PLAIN, "{id,name}"),
    "the key": (PLAIN, "{id}"),
    "many columns": (
        MANY,
        '{id,a,b,c,d,e,f,g,"h%%\\"x",i,j,k,Select,'
        + ",".join(f"more_{n}" for n in range(60))
        + "}",
    ),
}

# Whatever the short way names, made by somebody else, and what is like it: who calls it
# leaves a mark that no rollback takes back.
TRAPS: tuple[LiteralString, ...] = (
    "CREATE SCHEMA trap",
    "GRANT USAGE ON SCHEMA trap TO PUBLIC",
    "CREATE SEQUENCE trap.calls",
    "CREATE FUNCTION trap.caught() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER"
    " AS $$ BEGIN PERFORM pg_catalog.nextval('trap.calls');"
    " RAISE EXCEPTION 'caught'; END $$",
    """DO $do$ DECLARE one record; BEGIN
    FOR one IN SELECT p.proname, p.proretset, p.prorettype::regtype AS result,
            pg_get_function_identity_arguments(p.oid) AS arguments
        FROM pg_proc AS p WHERE pronamespace = 'pg_catalog'::regnamespace
            AND prokind = 'f' AND NOT proretset
            AND proname = ANY (SELECT (regexp_matches(
                (SELECT string_agg(prosrc, ' ') FROM pg_proc
                    WHERE proname IN ('capture_1', 'traceparent')), '[a-z_]+', 'g'))[1])
            AND NOT 2276 = ANY (proargtypes) AND NOT 2281 = ANY (proargtypes)
            AND NOT 2275 = ANY (proargtypes)
            AND prorettype NOT IN (2281, 2275, 2279, 3838)
    LOOP EXECUTE format('CREATE FUNCTION trap.%%I(%%s) RETURNS %%s LANGUAGE plpgsql'
        ' AS $$ BEGIN PERFORM trap.caught(); END $$',
        one.proname, one.arguments, one.result);
    END LOOP;
    FOR one IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r,
            oprresult::regtype AS result, oid
        FROM pg_operator WHERE oprkind = 'b' AND oprname IN
            ('=', '<>', '<', '>', '<=', '>=', '*=', '||', '~')
        AND oprleft::regtype::text = ANY (ARRAY['integer', 'bigint', 'smallint', 'oid',
            'text', 'boolean', 'record', 'name', 'uuid', 'numeric', 'date', 'anyarray',
            'character'])
    LOOP
        EXECUTE format('CREATE FUNCTION trap.o%%s(%%s, %%s) RETURNS %%s'
            ' LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.caught(); END $$',
            one.oid, one.l, one.r, one.result);
        EXECUTE format('CREATE OPERATOR trap.%%s (LEFTARG = %%s, RIGHTARG = %%s,'
            ' FUNCTION = trap.o%%s)', one.oprname, one.l, one.r, one.oid);
    END LOOP;
    FOREACH one.oprname IN ARRAY
        ARRAY['text', 'oid', 'regclass', 'int4', 'name', 'bool']
    LOOP EXECUTE format('CREATE DOMAIN trap.%%I AS pg_catalog.%%I'
        ' CHECK (trap.caught())', one.oprname, one.oprname);
    END LOOP; END $do$""",
    "CREATE TABLE trap.before (id int)",
    "CREATE TABLE trap.written (id int)",
    "GRANT ALL ON ALL TABLES IN SCHEMA trap TO PUBLIC",
)
HOSTILE: LiteralString = "SET search_path = trap, pg_temp, pg_catalog"
EQUALS: LiteralString = "OPERATOR(pg_catalog.=)"


def track(database: Database, columns: LiteralString, names: LiteralString) -> None:
    database.run(f"CREATE TABLE public.shop ({columns})")
    database.run(f"SELECT aviso.track('public.shop', 'shop', '{names}')")


def break_the_long_way(database: Database) -> None:
    """Have a statement fail that asks the owner's function of a row."""
    database.run(
        'CREATE OR REPLACE FUNCTION aviso_rows.row_1("aviso row" record,'
        " OUT value text, OUT subject text, OUT data text, OUT cause text)"
        " LANGUAGE plpgsql AS $$ BEGIN RAISE 'the long way'; END $$"
    )


@pytest.mark.parametrize(("columns", "names"), TABLES.values(), ids=TABLES.keys())
def test_the_short_way_says_every_name_with_its_schema(
    database: Database, columns: LiteralString, names: LiteralString
) -> None:
    track(database, columns, names)

    source = database.value("SELECT prosrc FROM pg_proc WHERE proname = 'capture_1'")
    settings = database.value(
        "SELECT proconfig FROM pg_proc WHERE proname = 'capture_1'"
    )

    assert settings is None
    assert [] == unqualified(source.partition("writers_path := ")[0])
    assert [] == unqualified(
        database.value("SELECT prosrc FROM pg_proc WHERE proname = 'traceparent'")
    )


def unqualified(source: str) -> list[str]:
    """Return what the search path finds: operators, functions, types and tables."""
    code = re.sub(r"--[^\n]*|\"(?:[^\"]|\"\")*\"", "column_name", source)
    code = re.sub(r"E?'(?:[^']|'')*'", "''", code)
    code = re.sub(r"OPERATOR\(pg_catalog\.[^)]+\)", "", code)
    code = code.replace(":=", " ").replace("::", " TYPE ").replace(".*", "")
    operators = re.findall(r"[-+*/<>=~!@#%^&|?]+", code)
    words = {"ROW", "ARRAY", "VALUES", "NOT", "WHEN", "WHERE", "THEN", "AND", "OR"}
    words |= {"EXISTS", "coalesce", "FROM"}
    calls = set(re.findall(r"([\w.]+)\s*\(", code)) - words
    types = re.findall(r"TYPE ([\w.]+)", code)
    declared = re.findall(r"\b(?:is_nested|event_data|writers_path) ([\w.]+);", code)
    tables = re.findall(r"(?:FROM|INTO|,) ([\w.]+) (?=WHERE|LIMIT|\()", code)
    hidden = re.findall(
        r"\b(?:NULLIF|IN|LIKE|ILIKE|SIMILAR|BETWEEN|DISTINCT|GREATEST|LEAST)\b"
        r"|\bCASE\s+(?!WHEN)|\bORDER\b|\bUSING\b|\bCAST\b|\b(?:date|time) ''",
        code,
    )
    collations = re.findall(r"COLLATE ([\w.]+)", code)
    named = [*sorted(calls), *types, *declared, *collations]
    return [
        *operators,
        *hidden,
        *(
            name
            for name in named
            if not name.startswith(("pg_catalog.", "aviso.")) and name != "boolean"
        ),
        *(name for name in tables if not re.match(r"(aviso\.|before$|written$)", name)),
    ]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("IF a = 1 THEN", ["="]),
        ("IF a OPERATOR(pg_catalog.=) 1 THEN", []),
        ("x := pg_catalog.format('a', lower(b))", ["lower"]),
        ("x := a::text", ["text"]),
        ("x := a IS DISTINCT FROM b", ["DISTINCT"]),
        ("x := CASE a WHEN 1 THEN 2 END", ["CASE "]),
        ("event_data text;", ["text"]),
        ('x := a COLLATE "C"', ["column_name"]),
        ("x := 'a = lower(b)' || \"a = b\"", ["||"]),
    ],
)
def test_a_name_that_is_forgotten_is_seen(said: str, found: list[str]) -> None:
    assert found == unqualified(said)


@pytest.mark.parametrize(("columns", "names"), TABLES.values(), ids=TABLES.keys())
def test_a_writers_path_has_no_say_in_what_is_told(
    database: Database, columns: LiteralString, names: LiteralString
) -> None:
    track(database, columns, names)
    for trap in TRAPS:
        database.run(trap)
    key: LiteralString = KEY if columns == MANY else ""
    one, two, three = f"'{key}1'", f"'{key}2'", f"'{key}3'"
    told_column: LiteralString = (
        "id" if names == "{id}" else "name" if columns == PLAIN else '"Select"'
    )
    where: LiteralString = f"WHERE id {EQUALS}"

    with database.connect() as connection:
        connection.execute("CREATE TEMPORARY TABLE before (id int)")
        connection.execute("CREATE TEMPORARY TABLE written (id int)")
        connection.execute("CREATE TEMPORARY TABLE text (id int)")
        connection.execute(HOSTILE)
        for statement in (
            f"INSERT INTO public.shop (id, {told_column}) VALUES ({one}, 'a')"
            if told_column != "id"
            else f"INSERT INTO public.shop (id) VALUES ({one})",
            f"UPDATE public.shop SET {told_column} = {one} {where} {one}",
            f"UPDATE public.shop SET {told_column} = {one} {where} {one}",
            f"UPDATE public.shop SET id = {two} {where} {one}",
            f"DELETE FROM public.shop {where} {two}",
            f"DELETE FROM public.shop {where} {two}",
            f"INSERT INTO public.shop (id) SELECT {three} WHERE false",
        ):
            connection.execute(statement)
        path = connection.execute("SHOW search_path").fetchone()

    assert ("trap, pg_temp, pg_catalog",) == path
    assert not database.value("SELECT is_called FROM trap.calls")
    kinds = [kind for kind, _ in told(database, "shop")]
    assert "created" == kinds[0]
    assert "deleted" == kinds[-1]
    assert {} == fold(database, "shop")


@pytest.mark.parametrize(("columns", "names"), TABLES.values(), ids=TABLES.keys())
def test_a_plain_row_is_told_the_short_way(
    database: Database, columns: LiteralString, names: LiteralString
) -> None:
    track(database, columns, names)
    database.run("ALTER TABLE shop ADD untold int")
    break_the_long_way(database)
    key, extra, value = (
        (KEY, ', "Select"', ", 'x'") if columns == MANY else ("", "", "")
    )

    database.run(f"INSERT INTO shop (id{extra}) VALUES ('{key}1'{value})")
    database.run(f"DELETE FROM shop WHERE id = '{key}1'")

    assert ["created", "deleted"] == [kind for kind, _ in told(database, "shop")]


def test_an_update_is_told_the_short_way_and_one_of_nothing_not_at_all(
    database: Database,
) -> None:
    track(database, PLAIN, "{id,n,name}")
    break_the_long_way(database)
    database.run("INSERT INTO shop VALUES (1, 1, 'a')")

    database.run("UPDATE shop SET n = 2")
    database.run("UPDATE shop SET n = 2")
    database.run("UPDATE shop SET name = NULL")

    assert ["created", "updated", "updated"] == [k for k, _ in told(database, "shop")]
    assert {"1": {"id": 1, "n": 2, "name": None}} == fold(database, "shop")


BYTES: dict[str, tuple[LiteralString, LiteralString, LiteralString]] = {
    "a blank": ("bpchar", "'a'", "'a '"),
    "a digit": ("numeric", "1.0", "1.00"),
    "a letter that is equal": ("text COLLATE alike", "'a'", "'A'"),
    "null": ("int", "NULL", "0"),
    "no null": ("varchar", "''", "NULL"),
    "a name": ("name", "'a'", "'A'"),
}


@pytest.mark.parametrize(("column", "was", "becomes"), BYTES.values(), ids=BYTES.keys())
def test_a_value_whose_bytes_alone_change_is_told(
    database: Database,
    column: LiteralString,
    was: LiteralString,
    becomes: LiteralString,
) -> None:
    database.run(
        "CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2',"
        " deterministic = false)"
    )
    track(database, f"id int PRIMARY KEY, a int, b numeric, c {column}", "{id,a,b,c}")
    database.run(f"INSERT INTO shop VALUES (1, 1, 1, {was})")
    break_the_long_way(database)

    database.run(f"UPDATE shop SET c = {was}")
    database.run(f"UPDATE shop SET c = {becomes}")
    database.run(f"UPDATE shop SET c = {becomes}")

    assert ["created", "updated"] == [kind for kind, _ in told(database, "shop")]


def test_a_column_that_came_later_is_not_told_of(database: Database) -> None:
    track(database, PLAIN, "{id,n,name}")
    database.run("INSERT INTO shop VALUES (1, 1, 'a')")
    database.run("ALTER TABLE shop ADD untold int")

    database.run("UPDATE shop SET untold = 2")

    assert ["created"] == [kind for kind, _ in told(database, "shop")]


def test_a_type_that_nobody_noticed_yet_is_not_asked_with_our_rights(
    database: Database,
) -> None:
    track(database, PLAIN, "{id,n,name}")
    with database.connect() as writer:
        writer.execute("INSERT INTO shop VALUES (1, 1, 'a')")
        writer.execute("UPDATE shop SET n = 2")
        database.run(
            "CREATE TYPE mood AS ENUM ('a', 'b');"
            "CREATE SEQUENCE calls;"
            "CREATE FUNCTION to_json(mood) RETURNS json IMMUTABLE LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM nextval('public.calls');"
            " RAISE 'asked behind %%', current_setting('search_path'); END $$;"
            "CREATE CAST (mood AS json) WITH FUNCTION to_json(mood) AS IMPLICIT;"
            "ALTER TABLE shop ALTER n TYPE mood USING 'a'"
        )
        break_the_long_way(database)

        with pytest.raises(psycopg.Error, match="the long way"):
            writer.execute("UPDATE shop SET name = 'b'")

    with pytest.raises(psycopg.Error, match="the long way"):
        database.run("UPDATE shop SET name = 'b'")
    assert not database.value("SELECT is_called FROM calls")


@pytest.mark.parametrize("names", ["{id,n}", "{id,name}"])
def test_a_row_without_a_key_is_told_the_long_way(
    database: Database, names: LiteralString
) -> None:
    track(database, PLAIN, names)
    database.run("ALTER TABLE shop DROP CONSTRAINT shop_pkey, ALTER id DROP NOT NULL")

    database.run("INSERT INTO shop VALUES (NULL, 1, 'a')")
    database.run("DELETE FROM shop")

    assert [("unavailable", None)] == told(database, "shop")


VARIABLES: dict[str, LiteralString] = {
    "found": "boolean",
    "is_nested": "boolean",
    "event_data": "text",
    "writers_path": "text",
    "tg_op": "text",
}


@pytest.mark.parametrize(("name", "column"), VARIABLES.items(), ids=VARIABLES.keys())
def test_a_column_that_is_gone_is_no_variable_of_its_name(
    database: Database, name: LiteralString, column: LiteralString
) -> None:
    track(database, f"id int PRIMARY KEY, {name} {column}", f"{{id,{name}}}")
    database.run("INSERT INTO shop VALUES (1, NULL)")
    database.run(f"ALTER TABLE shop RENAME {name} TO gone")

    database.run("INSERT INTO shop VALUES (2, NULL)")

    assert ["created", "unavailable"] == [kind for kind, _ in told(database, "shop")]


LONG: dict[str, LiteralString] = {
    "rows": (
        "INSERT INTO public.shop SELECT last + n, n, 'a'"
        " FROM generate_series(1, 5) AS n,"
        " (SELECT max(id) FROM public.shop) AS named (last)"
    ),
    "an update of rows": "UPDATE public.shop SET n = 3",
    "a large row": "UPDATE public.shop SET name = repeat('x', 70000) WHERE id = 1",
    "another key": "UPDATE public.shop SET id = 7 WHERE id = 1",
    "a deletion of rows": "DELETE FROM public.shop",
}


@pytest.mark.parametrize("statement", LONG.values(), ids=LONG.keys())
def test_the_long_way_leaves_the_writer_his_path(
    database: Database, statement: LiteralString
) -> None:
    track(database, PLAIN, "{id,n,name}")
    database.run("INSERT INTO shop VALUES (1, 1, 'a'), (2, 2, 'b')")
    before = len(told(database, "shop"))

    with database.connect() as connection:
        usual = path_of(connection)
        connection.execute('SET search_path = "Mine", public')
        with connection.transaction():
            connection.execute("SET LOCAL search_path = 'a,b', public")
            with connection.transaction():
                connection.execute(statement)
            within = path_of(connection)
        outside = path_of(connection)
        connection.execute(statement)
        again = path_of(connection)
        connection.execute("RESET search_path")
        reset = path_of(connection)

    assert ('"a,b", public', '"Mine", public') == (within, outside)
    assert ('"Mine", public', usual) == (again, reset)
    assert len(told(database, "shop")) > before


def path_of(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    row = connection.execute("SHOW search_path").fetchone()
    assert row is not None
    return row[0]
