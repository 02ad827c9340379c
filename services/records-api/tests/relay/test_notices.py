"""A session that works hears what is notified to it, whatever it is doing just then."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

from aviso.outbox.connection import Connection, Notices, connect, fetch
from aviso.outbox.errors import DatabaseLostError
from tests.relay.drivers import Database

ALIVE_S = 30.0


class Hearing:
    """A session, what it was told, and somebody who notifies it."""

    def __init__(self, session: Connection, writer: psycopg.Connection) -> None:
        self.session = session
        self.told: list[str] = []
        self.woken = asyncio.Event()
        self.notices = Notices(session, self._take)
        self._writer = writer

    def _take(self, payload: str) -> None:
        self.told.append(payload)
        self.woken.set()

    def notify(self, payload: str) -> None:
        self._writer.execute("SELECT pg_notify('aviso_events', %s)", [payload])

    async def wait(self) -> None:
        with self.notices.heard():
            async with asyncio.timeout(ALIVE_S):
                await self.woken.wait()
        self.woken.clear()


@pytest.fixture
def run(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Hearing], Awaitable[None]]], None]:
    place = {"NAME": database.name, "PORT": str(urlsplit(database.url).port)}
    for name, value in place.items():
        monkeypatch.setitem(settings.DATABASES["default"], name, value)

    async def begin(work: Callable[[Hearing], Awaitable[None]]) -> None:
        session = await connect(name="aviso-test")
        try:
            with psycopg.connect(database.url, autocommit=True) as writer:
                hearing = Hearing(session, writer)
                await hearing.notices.begin()
                await work(hearing)
        finally:
            await session.close()

    return lambda work: asyncio.run(begin(work))


Run = Callable[[Callable[[Hearing], Awaitable[None]]], None]


def test_a_notice_wakes_whoever_waits(run: Run) -> None:
    async def work(hearing: Hearing) -> None:
        for n in range(3):
            waiting = asyncio.create_task(hearing.wait())
            await asyncio.sleep(0.05)
            hearing.notify(str(n))
            await waiting

        assert ["0", "1", "2"] == hearing.told

    run(work)


def test_a_notice_before_the_wait_ends_it_at_once(run: Run) -> None:
    async def work(hearing: Hearing) -> None:
        hearing.notify("early")
        await hearing.wait()

        assert ["early"] == hearing.told

    run(work)


def test_a_notice_during_a_statement_is_told_once(run: Run) -> None:
    async def work(hearing: Hearing) -> None:
        answer = asyncio.create_task(fetch(hearing.session, "SELECT pg_sleep(0.3)"))
        await asyncio.sleep(0.1)
        hearing.notify("meanwhile")
        await answer
        await hearing.wait()
        await fetch(hearing.session, "SELECT 1")

        assert ["meanwhile"] == hearing.told

    run(work)


def test_many_notices_between_statements_are_all_told(run: Run) -> None:
    """One that comes right behind an answer is read with it, and by nothing else."""

    async def work(hearing: Hearing) -> None:
        for n in range(300):
            asking = asyncio.create_task(fetch(hearing.session, "SELECT 1"))
            await asyncio.sleep(0)
            await asyncio.to_thread(hearing.notify, str(n))
            await asking
            # What an answer brought had woken it too.
            while str(n) not in hearing.told:
                await hearing.wait()

        assert [str(n) for n in range(300)] == hearing.told

    run(work)


def test_a_session_that_is_ended_wakes_whoever_waits(run: Run) -> None:
    async def work(hearing: Hearing) -> None:
        ((pid,),) = await fetch(hearing.session, "SELECT pg_backend_pid()")
        waiting = asyncio.create_task(hearing.wait())
        await asyncio.sleep(0.05)
        hearing._writer.execute("SELECT pg_terminate_backend(%s)", [pid])
        await waiting

        with pytest.raises(DatabaseLostError):
            await fetch(hearing.session, "SELECT 1")
        with pytest.raises(DatabaseLostError):
            await hearing.wait()

    run(work)


def test_what_gets_the_number_of_an_ended_sessions_socket_is_left_alone(
    run: Run,
) -> None:
    """The driver closes the socket at once, and the next one has its number."""

    async def work(hearing: Hearing) -> None:
        loop = asyncio.get_running_loop()
        number = hearing.session.pgconn.socket
        ((pid,),) = await fetch(hearing.session, "SELECT pg_backend_pid()")
        next_one, other_end = socket.socketpair()
        with next_one, other_end:
            with hearing.notices.heard():
                hearing._writer.execute("SELECT pg_terminate_backend(%s)", [pid])
                async with asyncio.timeout(ALIVE_S):
                    await hearing.woken.wait()
                os.dup2(next_one.fileno(), number)
                loop.add_reader(number, lambda: None)

            assert loop.remove_reader(number)
            os.close(number)

    run(work)
