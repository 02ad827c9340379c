"""With the broker and the XMPP server down, writers notice nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .api import Api
from .archive import batches_with, check_spans, events_of, sequences_of
from .chat import Chat
from .conftest import OpenPage
from .running import Stack

WRITES = 500
BACK_S = 90


@pytest.fixture
def no_stores(stack: Stack) -> Iterator[None]:
    """Whatever the test does, RabbitMQ and ejabberd serve again afterwards."""
    yield
    for part in ("rabbitmq", "ejabberd"):
        stack.start_part(part)


@pytest.mark.usefixtures("no_stores")
def test_what_is_written_while_rabbitmq_and_ejabberd_are_down_is_delivered_later(
    stack: Stack, api: Api, feed: str, open_page: OpenPage
) -> None:
    first = api.write(feed, {"n": 0})["id"]
    page = open_page(feed)
    page.wait_for_record(first)
    room = api.get(f"feeds/{feed}/")["room"]

    for part in ("rabbitmq", "ejabberd"):
        stack.stop_part(part)
    answers = [
        api.call("POST", f"feeds/{feed}/records/", {"data": {"n": n}})
        for n in range(1, WRITES + 1)
    ]
    for part in ("rabbitmq", "ejabberd"):
        stack.start_part(part)

    assert [answer.status for answer in answers] == [201] * WRITES
    ids = [first, *(answer.json["id"] for answer in answers)]
    page.wait_for_position(WRITES + 1, BACK_S)
    page.wait_for_rows(ids[::-1])
    with Chat(stack.facts["xmpp"]) as observer:
        batches = batches_with(observer, room, ids)
    check_spans(batches)
    assert sequences_of(batches) == list(range(1, WRITES + 2))
    assert [event["subject"] for event in events_of(batches)] == ids
