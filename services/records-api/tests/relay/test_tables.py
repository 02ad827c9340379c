"""The relay looks after tracked tables, on a real database."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from aviso.outbox import tables
from aviso.outbox.standing import Standing
from aviso.outbox.tables import TrackedTable
from tests.relay.drivers import PATIENCE_S, Database


@pytest.fixture(autouse=True)
def connected(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(*, name: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(database.url, autocommit=True)

    monkeypatch.setattr(tables, "connect", connect)


def test_it_tells_of_each_table(database: Database) -> None:
    database.run("CREATE TABLE public.books (id bigint PRIMARY KEY, title text)")
    database.run("SELECT aviso.track('public.books', 'books', '{id,title}')")

    async def look() -> list[TrackedTable]:
        told: asyncio.Future[list[TrackedTable]] = asyncio.Future()
        looking = asyncio.create_task(
            tables.look_after_tables(told.set_result, lambda: Standing("connected"))
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await told
        finally:
            looking.cancel()

    assert [("public.books", None)] == [
        (table.name, table.problem) for table in asyncio.run(look())
    ]


def test_what_changes_about_the_relay_is_written_before_the_next_look(
    database: Database,
) -> None:
    standings = [Standing("idle")]

    def broker() -> str:
        ((found,),) = database.run("SELECT broker FROM aviso.relay")
        return str(found)

    async def look() -> str:
        looked = asyncio.Event()
        looking = asyncio.create_task(
            tables.look_after_tables(
                lambda _: looked.set(), lambda: standings[-1], interval_s=86_400
            )
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                await looked.wait()
                assert "idle" == broker()
                standings.append(Standing("connected"))
                while broker() == "idle":
                    await asyncio.sleep(0.05)
                return broker()
        finally:
            looking.cancel()

    assert "connected" == asyncio.run(look())


def test_a_table_that_is_mended_does_not_wait_for_the_next(database: Database) -> None:
    """Whoever writes to the first would, for as long as somebody holds the second."""
    for name in ("books", "shelves"):
        database.run(f"CREATE TABLE public.{name} (id bigint PRIMARY KEY)")
        database.run("SELECT aviso.track(%s, %s, '{id}')", f"public.{name}", name)
        database.run(f"DROP TRIGGER aviso_inserted ON public.{name}")

    def locked() -> dict[str, bool]:
        """Those that somebody has to himself, or waits for."""
        return dict(
            database.run(
                "SELECT relation::regclass::text, granted FROM pg_locks"
                " WHERE mode = 'AccessExclusiveLock' AND relation IN"
                " ('public.books'::regclass, 'public.shelves'::regclass)"
            )
        )

    async def look(
        reader: psycopg.Connection[tuple[object, ...]],
    ) -> list[TrackedTable]:
        told: asyncio.Future[list[TrackedTable]] = asyncio.Future()
        looking = asyncio.create_task(
            tables.look_after_tables(told.set_result, lambda: Standing("connected"))
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                while "shelves" not in (found := locked()):
                    await asyncio.sleep(0)
                assert {"shelves": False} == found
                reader.rollback()
                return await told
        finally:
            looking.cancel()

    with psycopg.connect(database.url) as reader:
        reader.execute("SELECT FROM public.shelves")
        tables_told = asyncio.run(look(reader))

    assert [None, None] == [table.problem for table in tables_told]
    triggers = "SELECT count(*)::int FROM pg_trigger WHERE tgname = 'aviso_inserted'"
    assert 2 == database.value(triggers)
