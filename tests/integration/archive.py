"""An observer of a room: reads what was sent live, and pages the archive.

It shares no line with the product. What it says of a room is read from the stanzas
alone (contracts/README.md, XEP-0313, XEP-0059).
"""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from .batches import read_payload
from .chat import CLIENT, Chat, Refused
from .waiting import until

PAGE = 250  # the most that ejabberd gives at once

_EVENTS = "{urn:aviso:feed:2}events"
_STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
_MAM = "urn:xmpp:mam:2"
_RSM = "http://jabber.org/protocol/rsm"
_FORWARDED = "{urn:xmpp:forward:0}forwarded"


@dataclass(frozen=True)
class Batch:
    """One groupchat message of the pusher."""

    id: str
    body: str
    feed: str
    epoch: str
    first: int
    last: int
    events: list[dict[str, Any]]
    stanza_ids: list[str]


def read_batch(message: ET.Element) -> Batch | None:
    """Read a message; None when it is no batch (a subject, say)."""
    span = message.find(_EVENTS)
    if span is None:
        return None
    return Batch(
        id=message.get("id", ""),
        body=message.findtext(f"{CLIENT}body") or "",
        feed=span.get("feed", ""),
        epoch=span.get("epoch", ""),
        first=int(span.get("first", "")),
        last=int(span.get("last", "")),
        events=read_payload(message),
        stanza_ids=[each.get("id", "") for each in message.findall(_STANZA_ID)],
    )


def live_batches(chat: Chat, room: str) -> list[Batch]:
    """The batches that have come to an occupant of the room, in order."""
    read = [read_batch(each) for each in chat.messages_from(room)]
    return [each for each in read if each]


def archived_batches(chat: Chat, room: str, page: int = PAGE) -> list[Batch]:
    """The room's whole archive, in its order, read page by page."""
    batches: list[Batch] = []
    after = ""
    for number in range(1000):
        query = f"page-{number}-{uuid.uuid4()}"
        answer = chat.ask(
            "set",
            room,
            f"<query xmlns='{_MAM}' queryid='{query}'><set xmlns='{_RSM}'>"
            f"<max>{page}</max><after>{escape(after)}</after></set></query>"
            if after
            else f"<query xmlns='{_MAM}' queryid='{query}'>"
            f"<set xmlns='{_RSM}'><max>{page}</max></set></query>",
        )
        results = [
            result
            for message in chat.messages_from(room)
            if (result := message.find(f"{{{_MAM}}}result")) is not None
            and result.get("queryid") == query
        ]
        assert len(results) <= page
        for result in results:
            message = result.find(f"{_FORWARDED}/{CLIENT}message")
            assert message is not None
            if batch := read_batch(message):
                batches.append(batch)
        fin = answer.find(f"{{{_MAM}}}fin")
        assert fin is not None
        if fin.get("complete") == "true" or not results:
            return batches
        after = results[-1].get("id", "")
    raise AssertionError(f"the archive of {room} does not end")


def batches_with(chat: Chat, room: str, ids: list[str]) -> list[Batch]:
    """Wait until the archive has an event of each of these records; return it all.

    A page that shows them may have read them over REST, before the pusher came to it.
    """

    def complete() -> list[Batch]:
        try:
            batches = archived_batches(chat, room)
        except Refused:  # not made yet
            return []
        subjects = {event.get("subject") for event in events_of(batches)}
        return batches if subjects.issuperset(ids) else []

    return until(complete, f"{len(ids)} records in {room}", 60, every_s=0.25)


def events_of(batches: list[Batch]) -> list[dict[str, Any]]:
    return [event for batch in batches for event in batch.events]


def sequences_of(batches: list[Batch]) -> list[int]:
    return [int(event["feedseq"]) for event in events_of(batches)]


def check_spans(batches: list[Batch]) -> None:
    """Check that each batch holds what its header says, and nothing of another feed."""
    for batch in batches:
        inside = [
            (event["feed"], event["feedepoch"], int(event["feedseq"]))
            for event in batch.events
        ]
        span = range(batch.first, batch.last + 1)
        assert inside == [(batch.feed, batch.epoch, n) for n in span], batch.id
        assert batch.id == f"{batch.feed}:{batch.epoch}:{batch.first}-{batch.last}"
