"""A stack on somebody else's database, by a role with what the docs say, no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from aviso_native import postgres  # on the path that running.py sets

from .api import Api
from .database import Database
from .projects import server_of_its_own
from .running import REPOSITORY, Stack
from .waiting import until, until_equal

DOCS = REPOSITORY / "docs/own-tables.md"
SHOP = """
CREATE ROLE shop_owner LOGIN PASSWORD 'secret';
CREATE DATABASE shop OWNER shop_owner;
REVOKE ALL ON DATABASE shop FROM PUBLIC;
"""
ORDERS = """
CREATE SCHEMA sales;
CREATE TABLE sales.orders (id bigint PRIMARY KEY, status text, secret text);
INSERT INTO sales.orders VALUES (1, 'paid', 's'), (2, 'draft', 's');
"""
RIGHTS = """
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
    OR has_database_privilege(oid, 'shop', 'CREATE')
    OR has_database_privilege(oid, 'shop', 'TEMPORARY')
    OR has_schema_privilege(oid, 'public', 'CREATE')
    OR has_table_privilege(oid, 'sales.orders', 'SELECT')
    OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)
FROM pg_roles WHERE rolname = 'aviso_stack'
"""


@pytest.fixture(scope="module")
def shop(
    run_dirs: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Its database's URL for a role. As the docs say, by a superuser."""
    given = tmp_path_factory.mktemp("given") / "rights.sql"
    given.write_text(read_statements())
    with server_of_its_own(run_dirs()) as settings:
        for statement in SHOP.strip().splitlines():
            postgres.query(settings, statement)
        postgres.query(settings, "", database="shop", file=given)
        port = settings.ports["postgres"]
        yield lambda role: f"postgresql://{role}:secret@127.0.0.1:{port}/shop"


def read_statements() -> str:
    """What the docs have whoever owns a server give to the stack's role."""
    blocks = re.findall(r"^```sql\n(.*?)^```", DOCS.read_text(), re.M | re.S)
    (statements,) = [block for block in blocks if "CREATE ROLE aviso_stack" in block]
    return str(statements)


def test_a_role_with_what_the_docs_say_carries_a_stack(
    shop: Callable[[str], str], start_stack: Callable[..., Stack]
) -> None:
    owner = Database(shop("shop_owner"))
    with owner.transaction() as connection:
        connection.execute(ORDERS)
    stack = start_stack(AVISO_DATABASE_URL=shop("aviso_stack"))
    api = Api(stack.url, stack.facts["api_key"])

    owner.execute(
        "SELECT aviso.track('sales.orders', 'orders', '{id,status}',"
        " $$status <> 'draft'$$, 'public')"
    )
    owner.execute("SELECT aviso.ask_backfill('sales.orders')")
    owner.execute("UPDATE sales.orders SET status = 'sent' WHERE id = 2")

    rows = {"1": {"id": 1, "status": "paid"}, "2": {"id": 2, "status": "sent"}}
    until_equal(rows, lambda: told(api), "both rows to be told")
    # What only the owner may mend is said, and mended by him.
    owner.execute("ALTER TABLE sales.orders ALTER status TYPE varchar(20)")
    said = "SELECT problem FROM aviso.tracked"
    until(lambda: owner.value(said), "the relay's word")
    assert "only the owner of sales.orders may do this" in owner.value(said)
    owner.execute("SELECT aviso.reconcile('sales.orders')")
    assert owner.value(said) is None
    owner.execute("DELETE FROM sales.orders WHERE id = 1")
    del rows["1"]
    until_equal(rows, lambda: told(api), "the row that is left")
    assert owner.rows(RIGHTS) == [(False,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        Database(shop("aviso_stack")).rows("SELECT * FROM sales.orders")
    api.close()
    stack.interrupt()


def told(api: Api) -> dict[str, object]:
    """What whoever read the feed's events holds."""
    rows: dict[str, object] = {}
    for event in api.all_events("orders"):
        if event["type"] == "aviso.feed.reset.v1":
            rows.clear()
        elif event["type"] == "aviso.record.deleted.v1":
            # Of a row that was gone before the backfill came to it that is all.
            rows.pop(event["subject"], None)
        else:
            rows[event["subject"]] = event["data"]["data"]
    return rows
