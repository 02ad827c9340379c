"""Nobody gains a right: not who writes the table, and not whose functions it calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest

from tests.capture.folding import fold
from tests.relay.drivers import Database

ROLES = ("shop_owner", "shop_writer", "stranger", "aviso_keeper")


@pytest.fixture
def shop(database: Database) -> Iterator[Database]:
    """Aviso's objects belong to a role without a right beyond them."""
    for role in ROLES:
        database.run(f"CREATE ROLE {role} LOGIN")
    database.run("ALTER SCHEMA aviso OWNER TO aviso_keeper")
    database.run(
        """DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT format('ALTER %%s %%s OWNER TO aviso_keeper',
                CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
                    ELSE 'TABLE' END,
                c.oid::regclass) AS code
            FROM pg_class c WHERE relnamespace = 'aviso'::regnamespace
                AND relkind IN ('r', 'v', 'S') AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE objid = c.oid AND deptype = 'i' AND relkind = 'S')
            UNION ALL SELECT format('ALTER FUNCTION %%s OWNER TO aviso_keeper',
                oid::regprocedure) FROM pg_proc
                WHERE pronamespace = 'aviso'::regnamespace
            UNION ALL SELECT 'ALTER SCHEMA aviso_rows OWNER TO aviso_keeper'
        LOOP EXECUTE one.code; END LOOP; END $$"""
    )
    database.run(
        "CREATE SCHEMA shop AUTHORIZATION shop_owner;"
        "GRANT USAGE ON SCHEMA shop TO PUBLIC;"
        "SET ROLE shop_owner;"
        "CREATE TABLE shop.orders (id bigint PRIMARY KEY, status text);"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON shop.orders TO shop_writer;"
        "RESET ROLE"
    )
    yield database
    for role in ROLES:
        database.run(f"DROP OWNED BY {role} CASCADE")
        database.run(f"DROP ROLE {role}")


def let_in(shop: Database) -> None:
    shop.run(
        "GRANT USAGE ON SCHEMA aviso TO shop_owner;"
        "GRANT USAGE, CREATE ON SCHEMA aviso_rows TO shop_owner"
    )


def run_as(shop: Database, role: str, *statements: LiteralString) -> None:
    with psycopg.connect(shop.url.replace("somebody", role)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_writer_needs_no_right_on_anything_of_ours(shop: Database) -> None:
    let_in(shop)
    run_as(
        shop,
        "shop_owner",
        "SELECT aviso.track('shop.orders', 'orders', '{id,status}', 'id > 0')",
    )

    run_as(
        shop,
        "shop_writer",
        "INSERT INTO shop.orders VALUES (1, 'a'), (2, 'b')",
        "UPDATE shop.orders SET status = 'c' WHERE id = 1",
        "DELETE FROM shop.orders WHERE id = 2",
    )

    assert {"1": {"id": 1, "status": "c"}} == fold(shop)
    for statement in (
        "SELECT * FROM aviso.events",
        "SELECT aviso.tell('orders', 'created', '9', NULL, '{}')",
        "SELECT aviso_rows.row_1(ROW(1, 2))",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run_as(shop, "shop_writer", statement)


@pytest.mark.parametrize("role", ["shop_writer", "stranger"])
def test_only_its_owner_tracks_a_table(shop: Database, role: str) -> None:
    let_in(shop)
    shop.run("GRANT USAGE ON SCHEMA aviso TO shop_writer, stranger")
    for call in (
        "SELECT aviso.track('shop.orders', 'orders', '{id}')",
        "SELECT aviso.preview('shop.orders', 'orders', '{id}')",
        "SELECT aviso.register(ROW(1, 'shop.orders'::regclass, 'shop', 'orders',"
        " 'orders', NULL, NULL, NULL, '{id}', NULL, '{}', '{id}', '{bigint}', '{}',"
        " '{}', '{}', 'public', 'reset', 1, now(), NULL, NULL, 0, NULL, NULL, '{}',"
        " NULL, now(), 0, 0)::aviso.tracked_tables)",
    ):
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege, match="only the owner of "
        ):
            run_as(shop, role, call)
    run_as(shop, "shop_owner", "SELECT aviso.track('shop.orders', 'orders', '{id}')")
    for call in (
        "SELECT aviso.untrack('shop.orders')",
        "SELECT aviso.ask_backfill('shop.orders')",
        "SELECT aviso.forget(1)",
        "SELECT aviso.register_mended(1, true, 'forged')",
    ):
        with pytest.raises(psycopg.Error):
            run_as(shop, role, call)
    assert 1 == shop.value("SELECT count(*) FROM aviso.tracked")
    assert [] == seen_by(shop, role)


def seen_by(shop: Database, role: str) -> list[tuple[object, ...]]:
    with psycopg.connect(shop.url.replace("somebody", role)) as connection:
        return connection.execute("SELECT * FROM aviso.tracked").fetchall()


def test_an_owner_who_was_not_let_in_is_told_what_he_needs(shop: Database) -> None:
    shop.run("GRANT USAGE ON SCHEMA aviso TO shop_owner")

    with pytest.raises(psycopg.Error, match="needs USAGE on the schema aviso, and"):
        run_as(shop, "shop_owner", "SELECT aviso.track('shop.orders', 'o', '{id}')")


def test_a_superuser_tracks_for_the_owner_and_with_his_rights(shop: Database) -> None:
    shop.run("SELECT aviso.track('shop.orders', 'orders', '{id,status}')")

    owners = shop.run(
        "SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc"
        " WHERE pronamespace = 'aviso_rows'::regnamespace"
    )
    assert [("shop_owner",)] == owners
    run_as(shop, "shop_writer", "INSERT INTO shop.orders VALUES (1, 'a')")
    assert {"1": {"id": 1, "status": "a"}} == fold(shop)


# What the owner's code tries wherever it is called: to write the log, to read it, to
# have our names mean its own. `gained` has what it could do, and as whom.
TRIES: tuple[LiteralString, ...] = (
    "CREATE TABLE shop.gained (what text)",
    "CREATE FUNCTION shop.try(code text) RETURNS void LANGUAGE plpgsql AS $$"
    " BEGIN EXECUTE code; INSERT INTO shop.gained VALUES (code);"
    " EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
    "CREATE FUNCTION shop.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$"
    " BEGIN INSERT INTO shop.gained VALUES ('equal as ' || current_user);"
    " RETURN true; END $$",
    "CREATE OPERATOR shop.= (LEFTARG = text, RIGHTARG = text, FUNCTION = shop.equal)",
    "CREATE FUNCTION shop.wake_relay() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO shop.gained VALUES ('wake as ' || current_user); END $$",
    "CREATE FUNCTION shop.lie() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
    "  PERFORM shop.try('SELECT * FROM aviso.events');"
    "  PERFORM shop.try('INSERT INTO aviso.feeds (slug) VALUES (''gained'')');"
    "  PERFORM shop.try('SELECT aviso.tell(''x'', ''reset'', NULL, NULL, '''')');"
    "  PERFORM shop.try('SET ROLE aviso_keeper');"
    "  PERFORM shop.try('SELECT * FROM aviso.api_keys');"
    "  PERFORM set_config('search_path', 'shop, pg_catalog', false); END $$",
)
WRITES: tuple[LiteralString, ...] = (
    "INSERT INTO shop.orders VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO shop.orders VALUES (3, 'c')",
    "UPDATE shop.orders SET status = 'd'",
    "UPDATE shop.orders SET status = 'e' WHERE id = 1",
    "DELETE FROM shop.orders WHERE id = 1",
    "DELETE FROM shop.orders",
)


def test_a_lying_function_of_the_owner_gains_nothing(shop: Database) -> None:
    let_in(shop)
    run_as(
        shop,
        "shop_owner",
        *TRIES,
        "CREATE FUNCTION shop.liar(text) RETURNS boolean IMMUTABLE"
        " LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.lie(); RETURN true; END $$",
        "SELECT aviso.track('shop.orders', 'orders', '{id,status}',"
        " 'shop.liar(status)')",
    )

    for _ in range(2):
        run_as(shop, "shop_writer", *WRITES)
    run_as(shop, "shop_writer", "INSERT INTO shop.orders VALUES (4, 'a')")
    shop.run("SELECT aviso.ask_backfill('shop.orders')")
    with pytest.raises(psycopg.Error, match="has changed the search path"):
        shop.run("SELECT * FROM aviso.backfill_step(1)")
    shop.run("SELECT * FROM aviso.preview('shop.orders', 'o', '{id}',"
             " 'shop.liar(status)')")  # fmt: skip

    # What it made of its own names, it was called for with its own rights.
    assert [("equal as shop_owner",)] == gained(shop)
    assert [] == shop.run("SELECT slug FROM aviso.feeds WHERE slug <> 'orders'")


@pytest.mark.parametrize(
    ("feed", "context"), [("orders", "IMPLICIT"), ("orders-{status}", "ASSIGNMENT")]
)
def test_a_lying_cast_of_the_owner_gains_nothing(
    shop: Database, feed: LiteralString, context: LiteralString
) -> None:
    """Casts between a type of his and all that we write values as."""
    let_in(shop)
    kinds: tuple[LiteralString, ...] = ("text", "json", "jsonb", "bigint", "boolean")
    run_as(
        shop,
        "shop_owner",
        *TRIES,
        "CREATE TYPE shop.mood AS ENUM ('a', 'b', 'c', 'd', 'e')",
        *(
            f"CREATE FUNCTION shop.to_{kind}(shop.mood) RETURNS {kind} IMMUTABLE"
            " LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.lie(); RETURN '1'; END $$"
            for kind in kinds
        ),
        *(
            f"CREATE CAST (shop.mood AS {kind})"
            f" WITH FUNCTION shop.to_{kind}(shop.mood) AS {context}"
            for kind in kinds
        ),
        "CREATE FUNCTION shop.to_mood(text) RETURNS shop.mood IMMUTABLE LANGUAGE"
        " plpgsql AS $$ BEGIN PERFORM shop.lie(); RETURN enum_first(NULL::shop.mood);"
        " END $$",
        "CREATE CAST (text AS shop.mood)"
        f" WITH FUNCTION shop.to_mood(text) AS {context}",
        "ALTER TABLE shop.orders DROP status, ADD status shop.mood",
    )
    track: LiteralString = (
        f"SELECT aviso.track('shop.orders', '{feed}', '{{id,status}}')"
    )
    run_as(shop, "shop_owner", track)

    for _ in range(2):
        run_as(shop, "shop_writer", *WRITES)
    run_as(shop, "shop_writer", "INSERT INTO shop.orders VALUES (4, 'a')")
    # A column that was of a plain type, and functions that were made for that.
    run_as(
        shop,
        "shop_owner",
        "ALTER TABLE shop.orders ALTER status TYPE text USING 'a'",
        track,
        "ALTER TABLE shop.orders ALTER status TYPE shop.mood USING 'a'::shop.mood",
    )
    run_as(shop, "shop_writer", *WRITES)
    shop.run("SELECT aviso.reconcile()")
    run_as(shop, "shop_writer", *WRITES)

    assert [("equal as shop_owner",)] == gained(shop)
    assert [] == shop.run("SELECT slug FROM aviso.feeds WHERE slug !~ '^orders'")


def gained(shop: Database) -> list[tuple[object, ...]]:
    return shop.run("SELECT DISTINCT what FROM shop.gained ORDER BY 1")


def test_another_tables_trigger_can_not_tell_through_it(shop: Database) -> None:
    let_in(shop)
    run_as(
        shop,
        "shop_owner",
        "SELECT aviso.track('shop.orders', 'orders', '{id,status}')",
        "CREATE TABLE shop.forged (id bigint PRIMARY KEY, status text)",
        "CREATE TRIGGER forged AFTER INSERT ON shop.forged"
        " REFERENCING NEW TABLE AS written FOR EACH STATEMENT"
        " EXECUTE FUNCTION aviso.capture_1()",
    )

    with pytest.raises(psycopg.Error, match="is none of "):
        run_as(shop, "shop_owner", "INSERT INTO shop.forged VALUES (1, 'forged')")


def test_an_owner_can_not_register_his_table_for_anothers_feed(shop: Database) -> None:
    let_in(shop)
    shop.add_feed("payroll")
    rows = ' ("aviso row" record, OUT value text, OUT subject text, OUT data text,'
    body = " OUT cause text) SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN END'"
    for name in ("row_9", "change_9", "find_9", "page_9", "list_9"):
        create = f"CREATE FUNCTION aviso_rows.{name}{rows}{body}"
        run_as(shop, "shop_owner", create)

    for parts in ("NULL, NULL, NULL", "'free-', '', NULL", "'free-', '', 'id'"):
        with pytest.raises(psycopg.Error, match="feed 'payroll' is taken"):
            run_as(
                shop,
                "shop_owner",
                "SELECT aviso.register(ROW(9, 'shop.orders'::regclass, 'shop',"
                f" 'orders', 'payroll', {parts}, '{{id}}', NULL, '{{}}', '{{id}}',"
                " '{bigint}', '{}', '{}', '{}', 'public', 'reset', 1, now(), NULL,"
                " NULL, 0, NULL, NULL, '{}', NULL, now(), 0, 0)::aviso.tracked_tables)",
            )


# Put on the table by its owner, with no more of a transition table than it says here.
FORGED: dict[str, tuple[LiteralString, LiteralString, LiteralString]] = {
    "an insert": ("INSERT", "FOR EACH ROW", "INSERT INTO shop.orders VALUES (2, 'b')"),
    "an update": ("UPDATE", "FOR EACH ROW", "UPDATE shop.orders SET status = 'b'"),
    "half an update": (
        "UPDATE",
        "REFERENCING NEW TABLE AS written FOR EACH STATEMENT",
        "UPDATE shop.orders SET status = 'b'",
    ),
    "a deletion": ("DELETE", "FOR EACH ROW", "DELETE FROM shop.orders"),
}


@pytest.mark.parametrize("kind", ["int", "jsonb"])
@pytest.mark.parametrize("schema", ["pg_temp", "shop"])
@pytest.mark.parametrize(
    ("op", "how", "write"), FORGED.values(), ids=list(FORGED.keys())
)
def test_a_view_is_not_taken_for_a_transition_table(
    shop: Database,
    kind: LiteralString,
    schema: LiteralString,
    op: LiteralString,
    how: LiteralString,
    write: LiteralString,
) -> None:
    let_in(shop)
    run_as(
        shop,
        "shop_owner",
        f"ALTER TABLE shop.orders ADD extra {kind}",
        "INSERT INTO shop.orders VALUES (1, 'a')",
        "SELECT aviso.track('shop.orders', 'orders', '{id,status,extra}')",
        "CREATE SEQUENCE shop.calls",
        "GRANT ALL ON SEQUENCE shop.calls TO PUBLIC",
        "CREATE FUNCTION shop.say() RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_catalog.nextval('shop.calls'); RETURN current_user; END $$",
        f"CREATE TRIGGER forged AFTER {op} ON shop.orders {how}"
        " EXECUTE FUNCTION aviso.capture_1()",
    )

    with psycopg.connect(shop.url.replace("somebody", "shop_owner")) as session:
        for name in ("before", "written"):
            session.execute(
                f"CREATE VIEW {schema}.{name} AS"
                " SELECT id, shop.say() AS status, extra FROM shop.orders"
            )
            session.execute(f"GRANT SELECT ON {schema}.{name} TO PUBLIC")
        session.execute("SET search_path = shop, public")
        with pytest.raises(psycopg.Error, match="array_eq"):
            session.execute(write)
        session.rollback()

    assert not shop.value("SELECT is_called FROM shop.calls")


def test_nobody_puts_our_own_triggers_on_a_table_of_his(shop: Database) -> None:
    let_in(shop)
    run_as(
        shop,
        "shop_owner",
        "CREATE TABLE shop.forged (number bigint, id uuid, feed text, data jsonb,"
        " version int, created_at timestamptz, updated_at timestamptz)",
    )

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="records_created"):
        run_as(
            shop,
            "shop_owner",
            "CREATE TRIGGER forged AFTER INSERT ON shop.forged REFERENCING NEW TABLE"
            " AS written FOR EACH STATEMENT EXECUTE FUNCTION aviso.records_created()",
        )

    assert [] == shop.run(
        "SELECT oid::regprocedure FROM pg_proc"
        " WHERE pronamespace = 'aviso'::regnamespace"
        " AND prorettype = 'trigger'::regtype"
        " AND has_function_privilege('stranger', oid, 'EXECUTE')"
    )


@pytest.mark.parametrize("role", ["shop_owner", "shop_writer"])
def test_a_column_that_is_gone_is_no_call_of_a_function_of_its_name(
    shop: Database, role: str
) -> None:
    let_in(shop)
    run_as(
        shop,
        "shop_owner",
        "SELECT aviso.track('shop.orders', 'orders', '{id,status}')",
        "ALTER TABLE shop.orders RENAME status TO state",
    )
    shop.run(
        "CREATE SCHEMA own; GRANT ALL ON SCHEMA own TO PUBLIC;"
        "CREATE SEQUENCE own.calls; GRANT ALL ON SEQUENCE own.calls TO PUBLIC"
    )
    run_as(
        shop,
        role,
        "CREATE FUNCTION own.status(record) RETURNS text LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM nextval('own.calls'); RETURN current_user; END $$",
        "SET search_path = own",
        "INSERT INTO shop.orders VALUES (1, 'a')",
        "UPDATE shop.orders SET state = 'b'",
        "DELETE FROM shop.orders",
    )

    assert not shop.value("SELECT is_called FROM own.calls")
    assert {} == fold(shop)


def test_a_key_that_is_no_column_is_no_call_of_a_function(shop: Database) -> None:
    """Whoever enters his table himself may say what he likes of it."""
    let_in(shop)
    rows = ' ("aviso row" record, OUT value text, OUT subject text, OUT data text,'
    body = " OUT cause text) SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN END'"
    for name in ("row_9", "find_9", "page_9", "list_9"):
        create = f"CREATE FUNCTION aviso_rows.{name}{rows}{body}"
        run_as(shop, "shop_owner", create)
    run_as(
        shop,
        "shop_owner",
        "SELECT aviso.register(ROW(9, 'shop.orders'::regclass, 'shop', 'orders',"
        " 'orders', NULL, NULL, NULL, '{id}', NULL, '{}', '{nothing}', '{bigint}',"
        " '{}', '{}', '{}', 'public', 'reset', 1, now(), NULL, NULL, 0, NULL, NULL,"
        " '{}', NULL, now(), 0, 0)::aviso.tracked_tables)",
        "CREATE TRIGGER own AFTER UPDATE ON shop.orders REFERENCING OLD TABLE AS before"
        " NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION aviso.capture_9()",
        "CREATE SEQUENCE shop.calls",
        "GRANT ALL ON SEQUENCE shop.calls TO PUBLIC",
        "CREATE FUNCTION shop.nothing(record) RETURNS int LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM nextval('shop.calls'); RETURN 1; END $$",
        "INSERT INTO shop.orders VALUES (1, 'a')",
        "SET search_path = shop",
        "UPDATE shop.orders SET status = 'b'",
    )

    assert not shop.value("SELECT is_called FROM shop.calls")


SAYING: tuple[LiteralString, ...] = (
    "CREATE TABLE shop.said (who text)",
    "GRANT ALL ON shop.said TO PUBLIC",
    "CREATE FUNCTION shop.say() RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO shop.said VALUES (current_user); RETURN 1; END $$",
    "SET check_function_bodies = off",
)


@pytest.mark.parametrize("tag", ["function", "aviso"])
@pytest.mark.parametrize("where", ["a column's", "the key's", "the table's"])
def test_a_name_does_not_end_the_code_that_it_stands_in(
    shop: Database, where: str, tag: LiteralString
) -> None:
    let_in(shop)
    name: LiteralString = f"${tag}$;SELECT shop.say(),${tag}$"
    table = name if where == "the table's" else "t"
    column = name if where == "a column's" else "n"
    key = name if where == "the key's" else "id"
    run_as(
        shop,
        "shop_owner",
        *SAYING,
        f'CREATE TABLE shop."{table}" ("{key}" int PRIMARY KEY, "{column}" int)',
        f"SELECT aviso.track('shop.\"{table}\"', 'named', ARRAY['{key}', '{column}'])",
        f'INSERT INTO shop."{table}" VALUES (1, 2)',
        f'INSERT INTO shop."{table}" VALUES (2, 2), (3, 2)',
        f'TRUNCATE shop."{table}"',
    )

    assert [] == shop.run("SELECT who FROM shop.said")
    assert {} == fold(shop, "named")


def test_a_where_does_not_end_the_code_that_it_stands_in(shop: Database) -> None:
    let_in(shop)
    text: LiteralString = "$aviso$;SELECT shop.say();SELECT $aviso$"
    run_as(
        shop,
        "shop_owner",
        *SAYING,
        "SELECT aviso.track('shop.orders', 'orders', '{id,status}',"
        f" \"where\" => $w$ status <> '{text}' $w$)",
        "INSERT INTO shop.orders VALUES (1, 'a')",
    )

    assert [] == shop.run("SELECT who FROM shop.said")
    assert {"1"} == set(fold(shop))
