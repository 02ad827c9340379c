"""A table that somebody else made is a feed, whatever writes it."""

from __future__ import annotations

import json
from typing import LiteralString

import psycopg
import pytest

from tests.capture.folding import fold, told
from tests.relay.drivers import Database

ORDERS: LiteralString = (
    "CREATE TABLE public.orders (id bigint PRIMARY KEY, status text, total numeric,"
    " tenant text, secret text)"
)


@pytest.fixture
def shop(database: Database) -> Database:
    database.run(ORDERS)
    return database


@pytest.fixture
def orders(shop: Database) -> Database:
    shop.run("SELECT aviso.track('public.orders', 'orders', '{id,status,total}')")
    return shop


def test_only_the_listed_columns_are_told(orders: Database) -> None:
    orders.run("INSERT INTO orders VALUES (1, 'new', 12.50, 'a', 'hidden')")

    ((kind, subject, data),) = orders.run(
        "SELECT type, subject, data FROM aviso.events WHERE feed = 'orders'"
    )
    assert ("created", "1") == (kind, subject)
    assert '{"id":"1","data":{"id": 1, "total": 12.50, "status": "new"}}' == data


PLAIN: LiteralString = (
    'CREATE TABLE public.plain (id bigint PRIMARY KEY, "a""b" text, "c\\d" varchar,'
    ' "100%%" numeric, "é" char(5), ok boolean, "when" timestamptz, day date, t time,'
    ' "before" timestamp, u uuid, "name" name, s smallint, x int)'
)


@pytest.mark.parametrize(
    "values",
    [
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
        """E'"\\\\ \\n\\u0001\\u00e9', '', 'NaN', 'x', true, '2026-01-02 03:04:05.6+07',
        '0044-03-15 BC', '24:00', 'infinity', '7B5EE47A-47B0-4B2C-A9AB-8A5EE5ECD2A0',
        'n%s', -1, 2147483647""",
        """'%s', E'\\U0001f511', '-0.500', '', false, 'infinity', 'infinity', '1:2:3.4',
        '2026-01-02 03:04', NULL, '', 0, -5""",
    ],
)
def test_an_update_of_one_row_of_plain_types_is_told_as_any_other_statement(
    database: Database, values: LiteralString
) -> None:
    database.run(PLAIN)
    database.run("INSERT INTO plain (id, x) VALUES (7, 1), (8, 1)")
    database.run(
        "SELECT aviso.track('public.plain', 'plain', ARRAY(SELECT attname::text"
        " FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attnum > 0))"
    )
    columns: LiteralString = (
        '("a""b", "c\\d", "100%%", "é", ok, "when", day, t, "before", u, "name", s, x)'
    )
    change = f"UPDATE plain SET {columns} = ROW({values.replace('%', '%%')})"

    database.run(change + " WHERE id = %s", 7)
    one = database.value("SELECT data FROM aviso.events")
    database.run("UPDATE plain SET x = 3")
    database.run(change + " WHERE id >= %s", 7)

    many = database.value(
        "SELECT data FROM aviso.events WHERE subject = '7' ORDER BY changeset DESC"
        " LIMIT 1"
    )
    assert many == one


@pytest.mark.parametrize(("key", "count"), [("id", 49), ("a", 50), ("id", 130)])
def test_a_wide_row_of_plain_types_is_told_as_any_other_statement(
    database: Database, key: LiteralString, count: int
) -> None:
    """With more columns, and with as many, as one call of a function takes."""
    columns = ", ".join(f"c{n} int DEFAULT {n}" for n in range(1, count + 1))
    database.run(f"CREATE TABLE wide ({key} int PRIMARY KEY, {columns})")
    database.run(f"INSERT INTO wide ({key}) VALUES (1), (2)")
    database.run(
        "SELECT aviso.track('wide', 'wide', ARRAY(SELECT attname::text"
        " FROM pg_attribute WHERE attrelid = 'wide'::regclass AND attnum > 0))"
    )

    database.run(f"UPDATE wide SET c1 = NULL WHERE {key} = 1")
    database.run("UPDATE wide SET c1 = 0")
    database.run("UPDATE wide SET c1 = NULL")

    one, _, many = database.run(
        "SELECT data FROM aviso.events WHERE subject = '1' ORDER BY changeset"
    )
    assert many == one


def test_a_plain_column_of_another_type_is_told_in_json_before_anybody_noticed(
    database: Database,
) -> None:
    database.run("CREATE TABLE counts (id int PRIMARY KEY, n int, status text)")
    database.run("INSERT INTO counts VALUES (1, 2)")
    database.run("SELECT aviso.track('counts', 'counts', '{id,n,status}')")
    database.run("ALTER TABLE counts ALTER n TYPE text USING 'two'")

    # A session that has made ready nothing of the table as it was.
    with database.connect() as another:
        another.execute("UPDATE counts SET status = 'paid'")

    expected = {"1": {"id": 1, "n": "two", "status": "paid"}}
    assert expected == fold(database, "counts")


def test_an_updated_row_of_plain_types_may_be_as_large_as_any_other(
    orders: Database,
) -> None:
    orders.run("INSERT INTO orders VALUES (1)")
    frame = len('{"id": 1, "total": null, "status": ""}')

    for size in (65536 - frame, 65537 - frame):
        orders.run("UPDATE orders SET status = repeat('x', %s)", size)

    kinds = orders.run("SELECT type FROM aviso.events ORDER BY changeset")
    assert [("created",), ("updated",), ("unavailable",)] == kinds


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE orders SET status = 'paid'", [("updated", "1"), ("updated", "2")]),
        ("UPDATE orders SET status = 'paid' WHERE id = 2", [("updated", "2")]),
        ("UPDATE orders SET secret = 'other', total = total", []),
        ("UPDATE orders SET status = status WHERE id = 1", []),
        ("UPDATE orders SET status = 'x' WHERE id = 9", []),
        ("DELETE FROM orders WHERE id = 1", [("deleted", "1")]),
        ("DELETE FROM orders", [("deleted", "1"), ("deleted", "2")]),
        ("UPDATE orders SET id = 3 WHERE id = 1", [("deleted", "1"), ("created", "3")]),
        (
            "UPDATE orders SET id = id - 1",
            [("deleted", "2"), ("updated", "1"), ("created", "0")],
        ),
        (
            "INSERT INTO orders VALUES (2, 'again'), (3, 'new')"
            " ON CONFLICT (id) DO UPDATE SET status = excluded.status",
            [("created", "3"), ("updated", "2")],
        ),
        ("INSERT INTO orders VALUES (2, 'x') ON CONFLICT DO NOTHING", []),
        (
            "WITH gone AS (DELETE FROM orders RETURNING *)"
            " INSERT INTO orders SELECT id, status || '!' FROM gone",
            [("deleted", "1"), ("deleted", "2"), ("created", "1"), ("created", "2")],
        ),
        (
            "MERGE INTO orders USING (VALUES (1), (3)) AS given (id)"
            " ON orders.id = given.id WHEN MATCHED THEN DELETE"
            " WHEN NOT MATCHED THEN INSERT VALUES (given.id, 'new')",
            [("deleted", "1"), ("created", "3")],
        ),
        ("TRUNCATE orders", [("reset", None)]),
    ],
)
def test_each_way_of_writing_is_told(
    orders: Database, statement: LiteralString, expected: list[tuple[str, str | None]]
) -> None:
    if statement.startswith("MERGE") and orders.version() < 15:
        pytest.skip("PostgreSQL 15 and later have MERGE")
    orders.run("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")

    orders.run(statement)

    seen = told(orders)[2:]
    assert sorted(map(str, expected)) == sorted(map(str, seen))
    kinds = [kind for kind, _ in expected]
    if "deleted" in kinds and "created" in kinds:
        assert kinds == sorted(
            (k for k, _ in seen), key="deleted updated created".index
        )
    assert current(orders) == fold(orders)


def test_copy_and_a_rolled_back_write(orders: Database) -> None:
    with orders.connect() as connection:
        with connection.cursor().copy("COPY orders (id, status) FROM STDIN") as copy:
            copy.write_row((1, "a"))
            copy.write_row((2, "b"))
        with connection.transaction(force_rollback=True):
            connection.execute("DELETE FROM orders")

    assert [("created", "1"), ("created", "2")] == told(orders)


def test_a_cascade_and_another_trigger_are_told_as_the_table_is(
    shop: Database,
) -> None:
    """An inner statement's trigger fires before that of the outer one."""
    shop.run(
        "CREATE TABLE customers (id int PRIMARY KEY);"
        "ALTER TABLE orders ADD customer int REFERENCES customers ON DELETE CASCADE;"
        "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE orders SET status = 'seen by trigger' WHERE id IN (NEW.id, NEW.id + 1)"
        "  AND status <> 'seen by trigger';"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER again AFTER INSERT OR UPDATE ON orders FOR EACH ROW"
        " EXECUTE FUNCTION again()"
    )
    shop.run("SELECT aviso.track('orders', 'orders', '{id,status,total}')")
    shop.run("INSERT INTO customers VALUES (1), (2)")

    shop.run(
        "INSERT INTO orders (id, status, customer)"
        " SELECT n, 'new', 1 + n %% 2 FROM generate_series(1, 4) AS n"
    )
    assert current(shop) == fold(shop)
    shop.run("UPDATE orders SET status = 'paid'")
    assert current(shop) == fold(shop)
    shop.run("DELETE FROM customers WHERE id = 1")

    assert current(shop) == fold(shop)
    assert 2 == len(fold(shop))


@pytest.mark.parametrize("counts", ["on", "off"])
def test_a_row_that_a_trigger_changes_again_is_told_as_it_is(
    shop: Database, counts: str
) -> None:
    """Whether PostgreSQL counts what a transaction writes, or was told not to."""
    shop.run(
        "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE orders SET status = 'seen by trigger' WHERE id = NEW.id"
        "  AND status <> 'seen by trigger';"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER again AFTER UPDATE ON orders FOR EACH ROW"
        " EXECUTE FUNCTION again()"
    )
    shop.run("SELECT aviso.track('orders', 'orders', '{id,status}')")
    shop.run("INSERT INTO orders VALUES (1, 'new')")

    with psycopg.connect(shop.url) as writer:
        writer.execute("SELECT set_config('track_counts', %s, true)", [counts])
        writer.execute("UPDATE orders SET status = 'paid' WHERE id = 1")

    assert {"1": {"id": 1, "status": "seen by trigger"}} == fold(shop)


def test_a_row_is_in_the_feed_while_the_where_holds(shop: Database) -> None:
    shop.run(
        "SELECT aviso.track('orders', 'orders', '{id,total}', $$status <> 'draft'$$)"
    )

    shop.run("INSERT INTO orders VALUES (1, 'draft', 1), (2, 'new', 2), (3, NULL, 3)")
    shop.run("UPDATE orders SET total = 9 WHERE id = 1")
    shop.run("UPDATE orders SET status = 'new' WHERE id = 1")
    shop.run("UPDATE orders SET status = 'draft' WHERE id = 2")
    shop.run("DELETE FROM orders WHERE id = 2")

    expected = [("created", "2"), ("created", "1"), ("deleted", "2")]
    assert expected == told(shop)


def test_a_key_of_several_columns_is_a_json_array(database: Database) -> None:
    database.run(
        'CREATE TABLE "Odd ""Name" ("a""b" text, "select" int, n int,'
        ' PRIMARY KEY ("select", "a""b"))'
    )
    database.run(
        'SELECT aviso.track($$"Odd ""Name"$$, \'orders\','
        " ARRAY['select', 'a\"b', 'n'],"
        ' "where" => $$"a""b" <> \'\' AND "select" > 0$$)'
    )

    database.run('INSERT INTO "Odd ""Name" VALUES (\'x"y\', 7, 1)')
    database.run('UPDATE "Odd ""Name" SET n = 2')
    database.run('UPDATE "Odd ""Name" SET "select" = 8')

    subjects = [subject for _, subject in told(database)]
    assert ['["7","x\\"y"]'] * 3 + ['["8","x\\"y"]'] == subjects
    assert {"select": 8, 'a"b': 'x"y', "n": 2} == fold(database)['["8","x\\"y"]']


def test_what_can_not_be_told_is_unavailable_and_fails_nobody(
    database: Database,
) -> None:
    database.run(
        "CREATE FUNCTION fails(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$"
        "  BEGIN RETURN length($1) / length($1) = 1; END $$;"
        "CREATE TABLE things (id text PRIMARY KEY, doc json, much text);"
        "SELECT aviso.track('things', 'orders', '{id,doc,much}',"
        " \"where\" => 'fails(much)')"
    )
    database.run("INSERT INTO things VALUES ('fine', '{}', 'x')")
    database.run("INSERT INTO things VALUES ('bad', '\"\\u0000\"', 'x')")
    database.run("INSERT INTO things VALUES ('big', '1', repeat('x', 70000))")
    database.run("INSERT INTO things VALUES ('', '1', 'x')")
    database.run("INSERT INTO things VALUES (repeat('k', 1025), '1', 'x')")
    fine = {"id": "fine", "doc": {}, "much": "x"}
    assert {"bad": "no-form", "big": "too-large", "fine": fine} == fold(database)
    assert [("unavailable", None)] * 2 == told(database)[3:]

    # Nobody knows whether it belongs there: so it does not, and is said unnamed.
    database.run("UPDATE things SET much = '' WHERE id = 'fine'")

    assert [("deleted", "fine"), ("unavailable", None)] == told(database)[5:]
    database.run("UPDATE things SET much = 'y' WHERE id IN ('fine', 'big')")
    database.run("DELETE FROM things WHERE id = 'bad'")
    assert {"fine", "big"} == set(fold(database))
    database.run("ALTER TABLE things DROP COLUMN doc")
    database.run("UPDATE things SET much = 'z' WHERE id = 'fine'")
    assert "no-form" == fold(database)["fine"]
    assert 6 == database.value("SELECT unavailable FROM aviso.tracked")


def test_truncate_may_be_refused(shop: Database) -> None:
    shop.run("SELECT aviso.track('orders', 'orders', '{id}', on_truncate => 'refuse')")

    with pytest.raises(psycopg.Error, match="is refused, since its rows are the feed"):
        shop.run("TRUNCATE orders")


def test_a_large_statement_is_one_changeset(orders: Database) -> None:
    orders.run("INSERT INTO orders SELECT n, 'x', n FROM generate_series(1, 5000) AS n")
    orders.run("UPDATE orders SET total = 0 WHERE id %% 2 = 0")

    sizes = orders.run(
        "SELECT size FROM aviso.queue WHERE feed = 'orders' AND size > 0"
        " ORDER BY changeset"
    )
    assert [(5000,), (2500,)] == sizes
    assert current(orders) == fold(orders)


def test_the_feed_outlives_its_table_and_is_had_again(orders: Database) -> None:
    orders.run("INSERT INTO orders VALUES (1, 'a', 1)")

    orders.run("SELECT aviso.untrack('orders')")
    orders.run("INSERT INTO orders VALUES (2, 'b', 2)")

    assert [("created", "1")] == told(orders)
    assert [] == orders.run("SELECT * FROM aviso.tracked")
    left = orders.run(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'aviso_rows'::regnamespace"
        " OR proname ~ '^capture_.*[0-9]$'"
        " UNION SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass"
    )
    assert [] == left
    orders.run("SELECT aviso.track('orders', 'orders', '{id}')")
    assert [("reset", None)] == told(orders)[1:]
    assert "running" == orders.value("SELECT backfilled FROM aviso.tracked")


@pytest.mark.parametrize(
    ("was", "wish", "then"),
    [
        ("public", "private", "private"),
        ("private", "public", "private"),
        ("public", "public", "public"),
    ],
)
def test_tracked_anew_a_feed_is_closed_and_never_opened(
    shop: Database, was: str, wish: str, then: str
) -> None:
    track = "SELECT aviso.track('orders', 'orders', '{id}', visibility => %s)"
    shop.run(track, was)

    shop.run(track, wish)

    assert then == shop.value("SELECT visibility FROM aviso.feeds")
    assert [(then, wish)] == shop.run(
        "SELECT visibility, visibility_asked FROM aviso.tracked"
    )


def test_the_catalogue_says_what_the_feeds_are_and_not_what_was_asked(
    shop: Database,
) -> None:
    said = "SELECT visibility FROM aviso.tracked"
    shop.run("SELECT aviso.track('orders', 'of-{tenant}', '{id}')")
    assert "private" == shop.value(said)

    shop.run("INSERT INTO orders (id, tenant) VALUES (1, 1), (2, 2)")
    shop.run("SELECT aviso.take_notes()")
    shop.run("UPDATE aviso.feeds SET visibility = 'public' WHERE slug = 'of-1'")
    assert "mixed" == shop.value(said)

    shop.run("UPDATE aviso.feeds SET visibility = 'public'")
    assert [("public", "private")] == shop.run(
        "SELECT visibility, visibility_asked FROM aviso.tracked"
    )


def test_a_preview_shows_and_leaves_nothing(shop: Database) -> None:
    shop.run("INSERT INTO orders VALUES (1, 'draft', 1, 'Ü-a'), (2, 'new', 2, 'b')")
    functions = "SELECT count(*) FROM pg_proc"
    before = shop.value(functions)

    rows = shop.run(
        "SELECT * FROM aviso.preview('orders', 'of-{tenant}', '{id,total}',"
        " $$total > 0$$, 1)"
    )

    expected = ("of--c3-9c--a", "1", '{"id":"1","data":{"id": 1, "total": 1}}', None)
    assert [expected] == rows
    assert before == shop.value(functions)
    assert [] == shop.run("SELECT slug FROM aviso.feeds")


def current(database: Database) -> dict[str, object]:
    return {
        str(key): json.loads(row)
        for key, row in database.run(
            "SELECT id, jsonb_build_object('id', id, 'status', status, 'total', total)"
            "::text FROM orders"
        )
    }


def test_columns_may_have_the_names_that_the_triggers_use(database: Database) -> None:
    run = database.run
    run(
        "CREATE TABLE audit (id bigint PRIMARY KEY, before jsonb, written jsonb,"
        " touched text, said text)"
    )
    run(
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE audit SET touched = 'yes' WHERE id = new.id; RETURN NULL; END $$"
    )
    run(
        "CREATE TRIGGER touch AFTER INSERT ON audit FOR EACH ROW"
        " WHEN (new.touched = 'no') EXECUTE FUNCTION touch()"
    )
    columns = "{id,before,written,touched,said}"
    run("SELECT aviso.track('audit', 'orders', %s)", columns)

    run("INSERT INTO audit VALUES (1, '{}', '{}')")
    run("INSERT INTO audit VALUES (2, '{}', '{}', NULL), (3, '{}', '{}', 'no')")
    run("UPDATE audit SET before = '1' WHERE id = 1")
    run("UPDATE audit SET written = '2'")
    run("DELETE FROM audit WHERE id = 1")
    run("DELETE FROM audit WHERE id > 1")

    assert {} == fold(database)
    assert {"created", "updated", "deleted"} == {kind for kind, _ in told(database)}
    assert {"1", "2", "3"} == {subject for _, subject in told(database)}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO orders SELECT i, 'b', 50 FROM generate_series(0, 1) AS i"
        " ON CONFLICT (id) DO UPDATE SET total = excluded.total",
        "INSERT INTO orders SELECT i, 'b', 50 FROM generate_series(0, 3) AS i"
        " ON CONFLICT (id) DO UPDATE SET total = excluded.total",
        "MERGE INTO orders AS t USING generate_series(0, 1) AS i ON t.id = i"
        " WHEN MATCHED THEN UPDATE SET total = 50"
        " WHEN NOT MATCHED THEN INSERT VALUES (i, 'b', 50)",
    ],
)
def test_a_statement_of_two_kinds_is_told_as_its_own_triggers_left_it(
    database: Database, statement: LiteralString
) -> None:
    if statement.startswith("MERGE") and database.version() < 15:
        pytest.skip("PostgreSQL 15 and later have MERGE")
    run = database.run
    run("CREATE TABLE orders (id bigint PRIMARY KEY, status text, total numeric)")
    run(
        "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE orders SET total = total + 1"
        " WHERE id IN (new.id, new.id + 1) AND total BETWEEN 50 AND 52;"
        " RETURN NULL; END $$"
    )
    run(
        "CREATE TRIGGER again AFTER INSERT OR UPDATE ON orders"
        " FOR EACH ROW EXECUTE FUNCTION again()"
    )
    run("SELECT aviso.track('orders', 'orders', '{id,status,total}')")
    run("INSERT INTO orders VALUES (0, 'a', 0)")

    run(statement)

    assert fold(database) == current(database)


@pytest.mark.parametrize(
    ("rule", "statement", "expected"),
    [
        (
            "ON DELETE TO orders DO INSTEAD"
            " UPDATE orders SET status = 'gone' WHERE id = old.id",
            "DELETE FROM orders",
            [("updated", "1"), ("updated", "2")],
        ),
        (
            "ON INSERT TO orders WHERE EXISTS (SELECT FROM orders AS o"
            " WHERE o.id = new.id) DO INSTEAD"
            " UPDATE orders SET status = new.status WHERE id = new.id",
            "INSERT INTO orders VALUES (2, 'again'), (3, 'new')",
            [("created", "3"), ("updated", "2")],
        ),
        (
            "ON INSERT TO orders DO ALSO"
            " UPDATE orders SET total = total + 1 WHERE id < new.id",
            "INSERT INTO orders VALUES (3, 'new')",
            [("created", "3"), ("updated", "1"), ("updated", "2")],
        ),
        (
            "ON UPDATE TO orders WHERE new.status = 'b' DO INSTEAD"
            " DELETE FROM orders WHERE id = old.id",
            "UPDATE orders SET status = 'b' WHERE id = 1",
            [("deleted", "1")],
        ),
        ("ON DELETE TO orders DO INSTEAD NOTHING", "DELETE FROM orders", []),
        (
            "ON INSERT TO seen DO INSTEAD INSERT INTO orders VALUES (new.id, 'seen')",
            "INSERT INTO seen VALUES (3)",
            [("created", "3")],
        ),
        (
            "ON DELETE TO seen DO INSTEAD"
            " (INSERT INTO orders VALUES (old.id + 10, 'moved');"
            " DELETE FROM orders WHERE id = old.id)",
            "DELETE FROM seen WHERE id = 1",
            [("created", "11"), ("deleted", "1")],
        ),
    ],
)
def test_what_a_rule_makes_of_a_statement_is_told(
    orders: Database,
    rule: LiteralString,
    statement: LiteralString,
    expected: list[tuple[str, str]],
) -> None:
    orders.run("INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
    orders.run("CREATE VIEW seen AS SELECT id FROM orders")
    orders.run(f"CREATE RULE instead AS {rule}")

    orders.run(statement)

    assert sorted(expected) == sorted(told(orders)[2:])
    assert current(orders) == fold(orders)
