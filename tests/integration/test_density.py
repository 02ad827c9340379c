"""A busy feed has few stanzas: what arrives while some are out joins the next one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from .api import Api
from .archive import archived_batches, sequences_of
from .chat import Chat
from .rooms import wait_for_open_room
from .running import Stack
from .waiting import until

RECORDS = 500
WRITERS = 20

_INSERT = 'INSERT INTO records (feed, data) VALUES (%s, \'{"one": "of many"}\')'

Write = Callable[[Stack, str], None]


def insert(stack: Stack, feed: str) -> None:
    with psycopg.connect(stack.facts["database_url"], autocommit=True) as writer:
        for _ in range(RECORDS):
            writer.execute(_INSERT, [feed])


def post(stack: Stack, feed: str) -> None:
    def post_some(_: int) -> None:
        with closing(Api(stack.url, stack.facts["api_key"])) as api:
            for _ in range(RECORDS // WRITERS):
                api.write(feed, {"one": "of many"})

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(post_some, range(WRITERS)))


@pytest.mark.parametrize("write", [insert, post])
def test_five_hundred_single_records_are_not_five_hundred_stanzas(
    stack: Stack, feed: str, observer: Chat, write: Write
) -> None:
    wait_for_open_room(stack, feed)
    room = f"{feed}@{stack.facts['xmpp']['rooms_domain']}"

    began = time.monotonic()
    write(stack, feed)
    seconds = time.monotonic() - began

    batches = until(lambda: all_of(observer, room), "all records in the archive", 60)
    print(f"{RECORDS} records in {seconds:.2f} s in {len(batches)} stanzas")
    assert sequences_of(batches) == list(range(1, RECORDS + 1))
    assert len(batches) <= RECORDS / 2


def all_of(guest: Chat, room: str) -> list:  # type: ignore[type-arg]
    batches = [each for each in archived_batches(guest, room) if each.events]
    return batches if sequences_of(batches)[-1:] == [RECORDS] else []
