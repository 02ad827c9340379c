"""A backfill is slowed, paused and resumed, whoever does its pages."""

from __future__ import annotations

import psycopg
import pytest

from tests.capture.folding import told
from tests.relay.drivers import Database, environment_for, manage

STATE = "SELECT backfilled, backfill_rate, looked_at, told FROM aviso.tracked"


@pytest.fixture
def orders(database: Database) -> Database:
    database.run("CREATE TABLE orders (id int PRIMARY KEY)")
    database.run("INSERT INTO orders SELECT generate_series(1, 100)")
    database.run("SELECT aviso.track('orders', 'orders', '{id}')")
    return database


def step(database: Database) -> tuple[int, bool, bool]:
    """Return how many rows it looked at, whether it is done, whether it has to rest."""
    [row] = database.run(
        "SELECT looked_at, is_done, rest_s > 0 FROM aviso.backfill_step(1)"
    )
    return row


def let_time_pass(database: Database) -> None:
    database.run("UPDATE aviso.tracked_tables SET backfill_next = clock_timestamp()")


def test_no_page_comes_before_its_time(orders: Database) -> None:
    orders.run("SELECT aviso.ask_backfill('orders', rate => 30)")

    assert (30, False, True) == step(orders)
    orders.run(
        "UPDATE aviso.tracked_tables SET backfill_next = backfill_next + interval '1 h'"
    )
    assert (0, False, True) == step(orders)
    let_time_pass(orders)
    assert (30, False, True) == step(orders)
    assert [("running", 30, 60, 60)] == orders.run(STATE)


def test_without_a_rate_it_does_not_rest(orders: Database) -> None:
    orders.run("SELECT aviso.ask_backfill('orders')")

    assert (100, True, False) == step(orders)
    assert [("done", None, 100, 100)] == orders.run(STATE)


def test_paused_it_stands_still_and_resumed_it_goes_on_where_it_was(
    orders: Database,
) -> None:
    orders.run("SELECT aviso.ask_backfill('orders', rate => 60)")
    step(orders)
    orders.run("SELECT aviso.pause_backfill('orders')")
    let_time_pass(orders)

    assert (0, True, False) == step(orders)
    orders.run("SELECT aviso.ask_backfill('orders')")
    assert (40, True, False) == step(orders)
    assert 100 == len(told(orders))
    assert [("done", None, 100, 100)] == orders.run(STATE)


def test_begun_again_it_looks_at_every_row(orders: Database) -> None:
    orders.run("SELECT aviso.ask_backfill('orders', rate => 60)")
    step(orders)
    orders.run("SELECT aviso.pause_backfill('orders')")

    orders.run("SELECT aviso.ask_backfill('orders', again => true)")

    assert (100, True, False) == step(orders)
    assert [("done", None, 100, 40)] == orders.run(STATE)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("ask_backfill('orders', rate => 0)", "rate is 0, expected 1 or more"),
        ("pause_backfill('orders')", "no backfill of public.orders is running"),
        ("pause_backfill('aviso.feeds')", "aviso.feeds is not tracked"),
        ("ask_backfill('aviso.feeds')", "aviso.feeds is not tracked"),
    ],
)
def test_what_can_not_be_is_refused(orders: Database, call: str, sentence: str) -> None:
    with pytest.raises(psycopg.Error, match=sentence):
        orders.run(f"SELECT aviso.{call}")


def test_the_command_says_that_somebody_paused_it(orders: Database) -> None:
    orders.run("SELECT aviso.ask_backfill('orders')")
    orders.run(
        "CREATE FUNCTION pausing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.backfilled := 'paused'; RETURN NEW; END $$;"
        "CREATE TRIGGER pausing BEFORE UPDATE ON aviso.tracked_tables FOR EACH ROW"
        " WHEN (NEW.looked_at > 0) EXECUTE FUNCTION pausing()"
    )

    with pytest.raises(RuntimeError, match="somebody has paused it"):
        manage(environment_for(orders.url, "", 1), "backfill", "public.orders")
