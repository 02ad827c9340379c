"""GET feeds/{feed}/records/?at=: a table's rows as the log told them."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.api import Api, number_events

pytestmark = pytest.mark.django_db
PATH = "feeds/goods/records/"


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def ids(api: Api, *sequences: int) -> list[list[str]]:
    bodies = [api.get(f"{PATH}?at={n}").body for n in sequences]
    return [[row["id"] for row in body["results"]] for body in bodies]


@pytest.fixture(autouse=True)
def _goods(db: None) -> None:
    """Track a table with two rows that no event tells of."""
    run(
        "CREATE TABLE public.goods (id text PRIMARY KEY, n int, price numeric,"
        " note text)"
    )
    run("INSERT INTO public.goods VALUES ('a', 1, 1.0), ('b', 2, 2.50)")
    run(
        "SELECT aviso.track('public.goods', feed => 'goods',"
        " columns => '{id,n,price,note}', visibility => 'public')"
    )


def test_a_row_is_as_its_newest_event_by_then_says(anonymous: Api) -> None:
    run("UPDATE public.goods SET n = 20 WHERE id = 'b'")
    run("DELETE FROM public.goods WHERE id = 'b'")
    run("INSERT INTO public.goods VALUES ('b', 3, 3.10)")
    number_events()

    content = anonymous.get(f"{PATH}?at=1").content

    row = b'{"id":"b","data":{"n": 20, "id": "b", "note": null, "price": 2.50}}'
    assert content.startswith(b'{"results":[%b],' % row), content
    assert [["b"], [], ["b"]] == ids(anonymous, 1, 2, 3)


def test_rows_from_before_are_there_from_the_event_that_told_them(
    anonymous: Api,
) -> None:
    run("UPDATE public.goods SET n = 20 WHERE id = 'b'")
    run("SELECT aviso.ask_backfill('public.goods')")
    run("SELECT aviso.backfill_step(id) FROM aviso.tracked_tables")
    number_events()

    assert [["b"], ["a", "b"]] == ids(anonymous, 1, 2)


def test_after_a_reset_only_later_rows_are_there(anonymous: Api) -> None:
    run("UPDATE public.goods SET n = n + 10")
    run("TRUNCATE public.goods")
    run("INSERT INTO public.goods VALUES ('c', 3, 3.10)")
    number_events()

    assert [["b", "a"], [], ["c"]] == ids(anonymous, 2, 3, 4)


def test_a_row_that_is_too_large_says_so(anonymous: Api) -> None:
    run("UPDATE public.goods SET note = repeat('x', 70000) WHERE id = 'a'")
    number_events()

    body = anonymous.get(f"{PATH}?at=1").body

    assert [{"id": "a", "cause": "too-large"}] == body["results"]
