"""What stands between a table's rows and readers is no border of a feed, but told."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.capture.folding import fold
from tests.relay.drivers import Database

ROLES = ("rows_owner", "rows_clerk")
TRACK = "SELECT aviso.track('public.rows', 'orders', '{id,tenant}')"


@pytest.fixture
def rows(database: Database) -> Iterator[Database]:
    for role in ROLES:
        database.run(f"CREATE ROLE {role}")
    database.run(
        "CREATE TABLE public.rows (id int PRIMARY KEY, tenant text, salary int);"
        "ALTER TABLE public.rows OWNER TO rows_owner;"
        "INSERT INTO public.rows VALUES (1, 'a', 9), (2, 'b', 9)"
    )
    yield database
    for role in ROLES:
        database.run(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def warnings_of(database: Database, call: str) -> list[str]:
    warned: list[str] = []
    with database.connect() as connection:
        connection.add_notice_handler(
            lambda notice: warned.append(notice.message_primary or "")
        )
        connection.execute(call.encode())
    return warned


def unasked(database: Database) -> list[str]:
    found: list[str] = database.value("SELECT unasked FROM aviso.tracked")
    return found


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            "ALTER TABLE public.rows ENABLE ROW LEVEL SECURITY",
            "row-level security of public.rows is not asked: who may read the feed sees"
            " every row that is in it",
        ),
        (
            "GRANT SELECT (id) ON public.rows TO rows_clerk",
            "rights on some columns of public.rows alone (of rows_clerk) are not asked",
        ),
        (
            "GRANT SELECT (id, salary) ON public.rows TO PUBLIC",
            "rights on some columns of public.rows alone (of PUBLIC) are not asked",
        ),
    ],
)
def test_what_is_not_asked_is_said_before_and_after(
    rows: Database, setting: str, sentence: str
) -> None:
    preview = "SELECT * FROM aviso.preview('public.rows', 'orders', '{id,tenant}')"
    assert [] == warnings_of(rows, preview) + warnings_of(rows, TRACK) + unasked(rows)

    with rows.connect() as connection:
        connection.execute(setting.encode())

    for said in (warnings_of(rows, preview), warnings_of(rows, TRACK), unasked(rows)):
        assert 1 == len(said)
        assert said[0].startswith(sentence)


@pytest.mark.parametrize(
    "setting",
    [
        "GRANT SELECT (id, tenant) ON public.rows TO rows_clerk",
        "GRANT SELECT ON public.rows TO rows_clerk",
        "GRANT SELECT (id), SELECT ON public.rows TO rows_clerk",
        "GRANT UPDATE (id) ON public.rows TO rows_clerk",
    ],
)
def test_a_right_on_all_that_is_told_is_nothing_to_say(
    rows: Database, setting: str
) -> None:
    with rows.connect() as connection:
        connection.execute(setting.encode())

    assert [] == warnings_of(rows, TRACK)


def test_row_security_of_the_owner_too_is_refused_and_noticed_later(
    rows: Database,
) -> None:
    force = (
        "ALTER TABLE public.rows ENABLE ROW LEVEL SECURITY;"
        "ALTER TABLE public.rows FORCE ROW LEVEL SECURITY"
    )
    rows.run(force)
    with pytest.raises(
        psycopg.Error, match="holds for its owner too, as whom its rows"
    ):
        rows.run("SELECT aviso.track('public.rows', 'orders', '{id,tenant}')")
    rows.run("ALTER ROLE rows_owner BYPASSRLS")
    rows.run("SELECT aviso.track('public.rows', 'orders', '{id,tenant}')")

    rows.run("ALTER ROLE rows_owner NOBYPASSRLS")
    rows.run("SELECT aviso.reconcile()")
    assert "NO FORCE ROW LEVEL" in rows.value("SELECT problem FROM aviso.tracked")
    rows.run("ALTER TABLE public.rows NO FORCE ROW LEVEL SECURITY")
    rows.run("SELECT aviso.reconcile()")

    assert None is rows.value("SELECT problem FROM aviso.tracked")
    assert "running" == rows.value("SELECT backfilled FROM aviso.tracked")


def test_row_security_hides_nothing_from_a_feed(rows: Database) -> None:
    rows.run(
        "ALTER TABLE public.rows ENABLE ROW LEVEL SECURITY;"
        "SELECT aviso.track('public.rows', 'orders', '{id,tenant}');"
        "SELECT aviso.ask_backfill('public.rows');"
        "SELECT aviso.backfill_step((SELECT id FROM aviso.tracked))"
    )

    assert {"1", "2"} == set(fold(rows))
    assert {("1",), ("2",)} == set(
        rows.run("SELECT subject FROM aviso.list_rows('orders', NULL, false, 9, 9)")
    )


def test_what_stays_private_is_said(rows: Database) -> None:
    rows.run(TRACK)

    (said,) = warnings_of(rows, TRACK[:-1] + ", visibility => 'public')")

    assert said.startswith("orders of public.rows stays private")
