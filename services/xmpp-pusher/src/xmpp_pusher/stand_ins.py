"""The ``unavailable`` event that keeps the place of one that can't be relayed.

The same message gives the same stand-in, bytes and id: a repeat is a plain copy.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from .contract import TYPES, is_epoch, is_feed, is_sequence, is_time
from .events import Cause, Event


def escape(text: str) -> str:
    """Write text so that an XML reader finds exactly it again."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A bare CR would reach the reader as LF (XML 1.0, section 2.11).
    return text.replace("\r", "&#13;")


def make_stand_in(
    cause: Cause, members: dict[str, Any], feed_header: str | None
) -> Event | None:
    """Make the event that keeps the place, or None where no place can be read."""
    feed, epoch = members.get("feed"), members.get("feedepoch")
    sequence, time = members.get("feedseq"), members.get("time")
    is_placed = (
        isinstance(feed, str)
        and feed == feed_header
        and is_feed(feed)
        and isinstance(epoch, str)
        and is_epoch(epoch)
        and isinstance(sequence, str)
        and is_sequence(sequence)
    )
    if not is_placed:
        return None
    feed, epoch, sequence = str(feed), str(epoch), str(sequence)
    if not isinstance(time, str) or not is_time(time):
        time = "1970-01-01T00:00:00Z"
    return write_stand_in(
        feed, epoch, int(sequence), time, members.get("id"), members.get("type"), cause
    )


def write_stand_in(
    feed: str,
    epoch: str,
    sequence: int,
    time: str,
    event_id: object,
    event_type: object,
    cause: Cause,
) -> Event:
    """Write the ``unavailable`` event for a place in a feed (event.schema.json)."""
    name = f"{feed}:{epoch}:{sequence}:{event_id}"
    stand_in_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:aviso:unavailable:{name!a}"))
    text = json.dumps(
        {
            "specversion": "1.0",
            "id": stand_in_id,
            "source": f"/feeds/{feed}",
            "type": "aviso.record.unavailable.v1",
            "time": time,
            "feed": feed,
            "feedepoch": epoch,
            "feedseq": str(sequence),
            "data": {
                "event_id": _short(event_id),
                "type": _short(event_type),
                "cause": cause,
            },
        },
        separators=(",", ":"),
    )
    return Event(
        feed, epoch, sequence, stand_in_id, "unavailable", time, text, escape(text)
    )


def _short(value: object) -> str | None:
    return value[:200] if isinstance(value, str) else None


def stand_in_for(event: Event, cause: Cause) -> Event:
    """Make the stand-in for an event that was good when it was read."""
    kind = TYPES[event.change]
    return write_stand_in(
        event.feed, event.epoch, event.sequence, event.time, event.id, kind, cause
    )
