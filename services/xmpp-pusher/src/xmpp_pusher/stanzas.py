"""One batch as one groupchat message, by hand: ``contracts/README.md``, "Stanza".

Written as text, not with an XML library: the events' own text goes in unchanged, and
it is twice as fast. Whatever is not ASCII JSON is cleaned here: a character that XML
1.0 forbids makes ejabberd close the stream, with everything behind it lost.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from .contract import READER_CHANGES
from .events import Change, Event
from .positions import Position
from .stand_ins import escape

MAX_BODY_CHARACTERS: Final = 500
_MAX_FIELD_CHARACTERS: Final = 60

# XML 1.0, section 2.2, with the line breaks and tabs taken out as well.
_NOT_IN_A_LINE: Final = re.compile(
    "[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010fffd]"
)
_CHANGES: Final[tuple[Change, ...]] = ("created", "updated", "deleted")


def name_batch(feed: str, epoch: str, first: int, last: int) -> str:
    return f"{feed}:{epoch}:{first}-{last}"


def write_batch(room: str, events: Sequence[Event]) -> str:
    """Write the message for events that follow one another; at least one."""
    first, last = events[0], events[-1]
    return _write(
        room,
        first.feed,
        first.epoch,
        (first.sequence, last.sequence),
        describe_batch(events),
        ",".join(event.escaped for event in events),
    )


def write_announcement(room: str, feed: str, after: Position) -> str:
    """Write the empty batch that says where an epoch begins."""
    first = after.sequence + 1
    body = f"{feed}: a new epoch begins, continuing at {first}"
    return _write(room, feed, after.epoch, (first, after.sequence), body, "")


def describe_batch(events: Sequence[Event]) -> str:
    """Say in a line what happened, for people in chat clients.

    Who may read is nothing to tell of beside records.
    """
    feed = events[0].feed
    events = [event for event in events if event.change not in READER_CHANGES]
    if not events:
        return f"{feed}: who may read it has changed"
    if len(events) == 1 and events[0].change != "unavailable":
        return _clean(f"{feed}: {_describe_record(events[0])}")
    counts = Counter(event.change for event in events)
    lost = counts["unavailable"]
    if lost == len(events):
        cause = f" ({_read_cause(events[0])})" if lost == 1 else ""
        what = "1 event" if lost == 1 else f"{lost} events"
        return _clean(f"{feed}: {what} could not be relayed{cause}")
    parts = [f"{counts[change]} {change}" for change in _CHANGES if counts[change]]
    if lost:
        parts.append(f"{lost} could not be relayed")
    return f"{feed}: {len(events)} events ({', '.join(parts)})"


def _write(
    room: str, feed: str, epoch: str, span: tuple[int, int], body: str, events: str
) -> str:
    first, last = span
    # Feed, epoch and numbers are of the contract's alphabets: nothing to escape.
    return (
        f'<message xmlns="jabber:client" type="groupchat"'
        f' id="{name_batch(feed, epoch, first, last)}" to="{room}">'
        f"<body>{escape(body)}</body>"
        f'<events xmlns="urn:aviso:feed:1" feed="{feed}" epoch="{epoch}"'
        f' first="{first}" last="{last}"/>'
        f'<json xmlns="urn:xmpp:json:0">[{events}]</json></message>'
    )


def _describe_record(event: Event) -> str:
    record = _read_data(event)
    words = [event.change, str(record.get("id", ""))[:8]]
    data = record.get("data")
    for name, value in data.items() if isinstance(data, dict) else ():
        words.append(f"{_shorten(str(name))}={_shorten(_say(value))}")
        if sum(map(len, words)) > MAX_BODY_CHARACTERS:
            break
    return " ".join(words)


def _read_data(event: Event) -> dict[str, Any]:
    try:
        data = json.loads(event.text)["data"]
    except ValueError:  # an integer of more than 4,300 digits
        return {}
    return data if isinstance(data, dict) else {}


def _read_cause(event: Event) -> str:
    return str(_read_data(event).get("cause", ""))


def _say(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return json.dumps(value)


def _shorten(text: str) -> str:
    if len(text) <= _MAX_FIELD_CHARACTERS:
        return text
    return text[: _MAX_FIELD_CHARACTERS - 1] + "…"


def _clean(text: str) -> str:
    text = _NOT_IN_A_LINE.sub(" ", text)
    if len(text) > MAX_BODY_CHARACTERS:
        text = text[: MAX_BODY_CHARACTERS - 1] + "…"
    return text
