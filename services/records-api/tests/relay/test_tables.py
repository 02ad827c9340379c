"""The relay looks after tracked tables, on a real database."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from aviso.outbox import tables
from aviso.outbox.standing import Standing
from aviso.outbox.tables import TrackedTable
from tests.relay.drivers import PATIENCE_S, Database


def test_it_tells_of_each_table(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run("CREATE TABLE public.books (id bigint PRIMARY KEY, title text)")
    database.run("SELECT aviso.track('public.books', 'books', '{id,title}')")

    async def connect(*, name: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(database.url, autocommit=True)

    monkeypatch.setattr(tables, "connect", connect)

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
