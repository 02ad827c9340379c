"""A busy feed has few stanzas: what arrives while some are out joins the next one."""

from __future__ import annotations

import psycopg

from .api import Api
from .archive import archived_batches, sequences_of
from .chat import Chat
from .rooms import wait_for_open_room
from .running import Stack
from .waiting import until

RECORDS = 500

_INSERT = 'INSERT INTO records (feed, data) VALUES (%s, \'{"one": "of many"}\')'


def test_five_hundred_single_records_are_not_five_hundred_stanzas(
    stack: Stack, api: Api, feed: str
) -> None:
    wait_for_open_room(stack, feed)
    room = f"{feed}@{stack.facts['xmpp']['rooms_domain']}"

    with psycopg.connect(stack.facts["database_url"], autocommit=True) as writer:
        for _ in range(RECORDS):
            writer.execute(_INSERT, [feed])

    with Chat(stack.facts["xmpp"]) as guest:
        batches = until(lambda: all_of(guest, room), "all records in the archive", 60)
    print(f"{RECORDS} records in {len(batches)} stanzas")
    assert sequences_of(batches) == list(range(1, RECORDS + 1))
    assert len(batches) <= RECORDS / 2


def all_of(guest: Chat, room: str) -> list:  # type: ignore[type-arg]
    batches = [each for each in archived_batches(guest, room) if each.events]
    return batches if sequences_of(batches)[-1:] == [RECORDS] else []
