"""`manage.py track`, `untrack`, `tracked`, `backfill`."""

from __future__ import annotations

import json

import pytest

from tests.capture.folding import fold
from tests.relay.drivers import Database, environment_for, manage


def test_a_table_is_looked_at_tracked_backfilled_listed_and_left(
    database: Database,
) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, status text)")
    database.run("INSERT INTO orders SELECT n, 's' FROM generate_series(1, 700) AS n")
    environment = environment_for(database.url, "", 1)
    wish = ("public.orders", "orders", "id, status", "--where", "id > 699")

    seen = manage(environment, "track", *wish, "--dry-run")
    assert 'orders 700 {"id":"700","data":{"id": 700, "status": "s"}}\n' == seen
    assert [] == database.run("SELECT * FROM aviso.tracked")

    manage(environment, "track", *wish[:3], "--public")
    assert "told 700\n" == manage(
        environment, "backfill", "public.orders", "--rate", "9000"
    )
    assert "told 0\n" == manage(environment, "backfill", "public.orders")
    assert 700 == len(fold(database))
    listed = json.loads(manage(environment, "tracked"))
    assert ("public.orders", "public", "done") == (
        listed["relation"],
        listed["visibility"],
        listed["backfilled"],
    )

    database.run("ALTER TABLE orders ENABLE ROW LEVEL SECURITY")
    warned = manage(environment, "track", *wish, "--dry-run", words=True)
    assert "warning: row-level security of public.orders is not asked" in warned

    manage(environment, "untrack", "public.orders")
    assert "" == manage(environment, "tracked")
    with pytest.raises(RuntimeError, match=r"public\.orders has no column 'colour'"):
        manage(environment, "track", "public.orders", "f", "id,colour")
    with pytest.raises(RuntimeError, match="is not tracked"):
        manage(environment, "backfill", "public.orders")


def test_a_survey_counts_by_pages_as_far_as_it_may_look(database: Database) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, tenant int)")
    database.run(
        "INSERT INTO orders SELECT n, mod(n, 2) FROM generate_series(1, 2500) AS n"
    )
    call = "SELECT * FROM aviso.survey('orders', 'of-{tenant}', '{id}', 'id > 500'"

    assert [("of-0", 1000, 0), ("of-1", 1000, 0), (None, 500, 0)] == database.run(
        f"{call})"
    )
    assert [("of-0", 500, 0), ("of-1", 500, 0), (None, 500, 0)] == database.run(
        f"{call}, look => 1500)"
    )
    assert [] == database.run("SELECT * FROM aviso.tracked")
