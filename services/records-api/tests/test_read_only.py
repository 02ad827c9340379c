"""A database that takes no writes for a while, or another that takes its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.postgresql import private_postgresql, standby_of
from tests.relay.drivers import environment_for, eventually, manage
from tests.serving import Server, serving
from tests.switches import switch_to
from tests.test_server import RECORDS

# All threads of both workers, so that each connection of their pools is in use.
_AT_ONCE = 32


class Stack:
    """The service over a switch, and the servers that can stand behind it."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.key = {"Authorization": f"Bearer {key}"}

    def write(self, _: object = None) -> int:
        return self.server.call("POST", RECORDS, b'{"data": {}}', **self.key)[0]

    def read(self, headers: dict[str, str]) -> int:
        return self.server.call("GET", RECORDS, **headers)[0]

    def write_at_once(self) -> Counter[int]:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return Counter(threads.map(self.write, range(_AT_ONCE)))


@pytest.fixture(scope="module")
def primary() -> Iterator[str]:
    with private_postgresql() as url:
        manage(environment_for(url, "", 1), "migrate", "--verbosity", "0")
        manage(environment_for(url, "", 1), "create_feed", "orders")
        yield url


@pytest.fixture(scope="module")
def key(primary: str) -> str:
    rights = ["--all-feeds", "--read", "--write"]
    return manage(environment_for(primary, "", 1), "create_key", "x", *rights).strip()


@pytest.fixture
def stack(primary: str, key: str, tmp_path: Path) -> Iterator[Stack]:
    with serving(tmp_path, primary) as server:
        yield Stack(server, key)


def ask(url: str, statement: LiteralString) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def _is_refused(stack: Stack) -> bool:
    """Return whether every write is answered 503."""
    return set(stack.write_at_once()) == {503}


def _is_taken(stack: Stack) -> bool:
    return set(stack.write_at_once()) == {201}


def _has_replayed(standby: str, end: str) -> bool:
    with psycopg.connect(standby, autocommit=True) as connection:
        asked = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        found = connection.execute(asked, [end]).fetchone()
    return bool(found and found[0])


_END_SESSIONS: LiteralString = (
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
    " WHERE application_name = 'aviso-records-api'"
)


def test_sessions_that_began_read_only_do_not_stay(stack: Stack, primary: str) -> None:
    assert _is_taken(stack)
    ask(primary, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        ask(primary, _END_SESSIONS)

        eventually(lambda: _is_refused(stack))
        assert [200, 200] == [stack.read(stack.key), stack.read({})]
    finally:
        ask(primary, "ALTER DATABASE postgres RESET default_transaction_read_only")

    eventually(lambda: _is_taken(stack))


def test_writes_go_on_when_the_server_takes_them_again(
    stack: Stack, primary: str
) -> None:
    assert _is_taken(stack)
    ask(primary, "ALTER SYSTEM SET default_transaction_read_only = on")
    ask(primary, "SELECT pg_reload_conf()")
    try:
        eventually(lambda: _is_refused(stack))
        _, answer = stack.server.call("POST", RECORDS, b'{"data": {}}', **stack.key)
        assert b"takes no writes" in answer
        assert [200, 200] == [stack.read(stack.key), stack.read({})]
    finally:
        ask(primary, "ALTER SYSTEM RESET default_transaction_read_only")
        ask(primary, "SELECT pg_reload_conf()")

    eventually(lambda: _is_taken(stack))


def test_a_standby_is_read_and_a_new_primary_behind_the_address_is_written(
    primary: str, key: str, tmp_path: Path
) -> None:
    """The old one stays up, read-only, and no connection to it is ended."""
    with (
        standby_of(primary) as standby,
        switch_to(_port(primary)) as switch,
        serving(tmp_path, standby) as on_standby,
        serving(
            tmp_path, f"postgresql://somebody@127.0.0.1:{switch.port}/postgres"
        ) as s,
    ):
        reading, stack = Stack(on_standby, key), Stack(s, key)
        assert _is_taken(stack)
        assert {503} == set(reading.write_at_once())
        assert [200, 200] == [reading.read(reading.key), reading.read({})]

        ask(primary, "ALTER SYSTEM SET default_transaction_read_only = on")
        ask(primary, "SELECT pg_reload_conf()")
        try:
            eventually(lambda: _is_refused(stack))
            # What it has not got yet would be lost, and is counted below.
            ((end,),) = ask(primary, "SELECT pg_current_wal_lsn()::text")
            eventually(lambda: _has_replayed(standby, end))
            ask(standby, "SELECT pg_promote()")
            switch.target = _port(standby)

            eventually(lambda: _is_taken(stack))
            eventually(lambda: _is_taken(reading))
        finally:
            ask(primary, "ALTER SYSTEM RESET default_transaction_read_only")
            ask(primary, "SELECT pg_reload_conf()")
        count = "SELECT count(*) FROM aviso.records"
        ((before,),), ((after,),) = ask(primary, count), ask(standby, count)
        assert after - before >= 2 * _AT_ONCE
