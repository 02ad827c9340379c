"""What a chat client of somebody else sees of a feed, and what it cannot do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from .api import Api
from .archive import (
    archived_batches,
    batches_with,
    check_spans,
    events_of,
    live_batches,
    sequences_of,
)
from .chat import Chat, Refused
from .rooms import wait_for_room
from .running import Stack
from .waiting import until

PASSWORD = "a-password-of-one-test"


@pytest.fixture
def room(stack: Stack, api: Api, feed: str, observer: Chat) -> str:
    """The feed's room, with a first record that nobody who comes now still hears."""
    first = api.write(feed, {"first": True})["id"]
    room: str = api.get(f"feeds/{feed}/")["room"]
    wait_for_room(stack, feed)
    batches_with(observer, room, [first])
    return room


@pytest.fixture
def reader(stack: Stack) -> Iterator[Chat]:
    """An account of its own, made by its chat client (XEP-0077)."""
    name = f"reader-{uuid.uuid4().hex[:8]}"
    with Chat(stack.facts["xmpp"], (name, PASSWORD), register=True) as chat:
        yield chat


@pytest.fixture(params=["guest", "account"])
def client(request: pytest.FixtureRequest) -> Chat:
    fixture = {"guest": "observer", "account": "reader"}[request.param]
    chat: Chat = request.getfixturevalue(fixture)
    return chat


def join(chat: Chat, room: str) -> None:
    """Join a room as soon as the pusher has made it."""

    def is_in() -> bool:
        try:
            chat.join(room)
        except Refused:
            return False
        return True

    until(is_in, f"{room} to be open", every_s=0.2)


def test_a_chat_client_reads_a_sentence_and_the_json(
    client: Chat, api: Api, feed: str, room: str
) -> None:
    join(client, room)

    record = api.write(feed, {"item": "café 😀", "count": 3})

    [batch] = until(
        lambda: [b for b in live_batches(client, room) if b.last == 2], "the event"
    )
    check_spans([batch])
    [event] = batch.events
    assert event["subject"] == record["id"]
    assert event["type"] == "aviso.record.created.v1"
    assert event["data"]["data"] == {"item": "café 😀", "count": 3}
    assert feed in batch.body
    assert "café 😀" in batch.body


def test_a_chat_client_pages_the_whole_archive(
    client: Chat, api: Api, feed: str, room: str
) -> None:
    ids = [api.write(feed, {"n": n})["id"] for n in range(60)]
    ids += api.write_all(feed, [{"n": n} for n in range(60, 900)])
    until(lambda: archive_reaches(client, room, 901), "the archive to hold all")

    batches = archived_batches(client, room)
    in_small_pages = archived_batches(client, room, page=2)

    check_spans(batches)
    assert sequences_of(batches) == list(range(1, 902))
    assert [event["subject"] for event in events_of(batches)][1:] == ids
    assert in_small_pages == batches
    # However many of the records went together, a batch has 250 at most.
    assert len(batches) > 4


def test_a_chat_client_cannot_speak_in_a_room(
    client: Chat, stack: Stack, api: Api, feed: str, room: str
) -> None:
    join(client, room)
    with Chat(stack.facts["xmpp"]) as witness:
        join(witness, room)

        client.send(
            f"<message type='groupchat' to='{room}' id='{feed}:abcd:2-2'>"
            "<body>believe me</body></message>"
        )
        client.ping()
        record_id = api.write(feed, {"after": "the attempt"})["id"]
        until(lambda: live_batches(witness, room), "the next record")

        texts = [m.findtext("{jabber:client}body") for m in witness.messages_from(room)]
        assert "believe me" not in texts
        subjects = [e["subject"] for e in events_of(live_batches(witness, room))]
        assert subjects == [record_id]
    assert client.refusals()[-1] in ("forbidden", "not-allowed")
    archived = archived_batches(client, room)
    assert sequences_of(archived) == [1, 2]


def test_a_wrong_password_is_refused(reader: Chat, stack: Stack) -> None:
    name = reader.jid.partition("@")[0]

    with pytest.raises(Refused, match="not-authorized"):
        Chat(stack.facts["xmpp"], (name, "another password"))


def archive_reaches(chat: Chat, room: str, sequence: int) -> bool:
    batches = archived_batches(chat, room)
    return bool(batches) and batches[-1].last >= sequence
