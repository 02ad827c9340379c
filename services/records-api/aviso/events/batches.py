"""Runs of events as batches: the one place that writes contracts/batch.schema.json.

A batch is written once, and its bytes stay the same up to the browser. Its events' data
is the text that the trigger wrote and is never parsed, as in `rendering`.
"""

from __future__ import annotations

import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from aviso.events.rendering import EventRow, escape_json
from aviso.exact_json.times import format_time

# contracts/topology.json, `publish.limits`; a test compares.
MOST_EVENTS = 250
MOST_TEXT_BYTES = 128 * 1024
MOST_EVENT_BYTES = 1024 * 1024
MOST_ENCODED_BYTES = 384 * 1024
# Half of what the readers of a batch follow: they stand in calls of their own.
MOST_LEVELS = 500
# Below this, what deflating saves is not worth the reader's trouble.
DEFLATE_FROM_BYTES = 1024
# More than a batch's own members take, and those of an event beside subject and data.
_HEAD_BYTES = 512
_EVENT_BYTES = 200
# What slixmpp writes for these in a text.
_ESCAPES = {"&": 5, "<": 4, ">": 4, '"': 6, "'": 6}
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
# The stand-in of an event always has the same id, so that a copy is known as one.
_UNAVAILABLE = uuid.UUID("5b0f6f0e-5f0c-4c55-9a0a-6d1f4a1f7f3b")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Events `first` to `last` of a feed's epoch as they travel.

    `body` is the JSON text, deflated (RFC 1950) if `is_deflated`; `text_bytes` is how
    long it is before. `is_full`: the next event could not have joined it. `event_id` is
    there if it holds a single event. `time` is its first event's.
    """

    feed: str
    epoch: str
    first: int
    last: int
    body: bytes = field(repr=False)
    is_deflated: bool
    text_bytes: int
    encoded_bytes: int
    is_full: bool
    time: datetime
    event_id: str | None = None
    reader: str | None = None
    traceparent: str | None = None

    @property
    def name(self) -> str:
        return f"{self.feed}:{self.epoch}:{self.first}-{self.last}"

    @property
    def is_too_large(self) -> bool:
        """Tell whether it is a single event that no room takes."""
        return (
            self.text_bytes > MOST_EVENT_BYTES
            or self.encoded_bytes > MOST_ENCODED_BYTES
        )


def write_batches(
    events: Iterable[EventRow],
    epoch: str,
    is_alone: Callable[[int], bool] = lambda _: False,
) -> Iterator[Batch]:
    """Write a run of a feed's events, without a hole, as few batches.

    An event of a reader begins one; those whose sequence `is_alone` stand alone, and so
    does one that is too large for a batch of several.
    """
    begun: list[EventRow] = []
    size_bytes = 0
    for event in events:
        added = _EVENT_BYTES + _size(event)
        is_single = is_alone(event.sequence)
        is_full = bool(begun) and (
            len(begun) == MOST_EVENTS
            or _HEAD_BYTES + size_bytes + added > MOST_TEXT_BYTES
            or event.reader is not None
            or is_single
            or is_alone(begun[0].sequence)
        )
        if is_full:
            yield _write(begun, epoch, is_full=True)
            begun, size_bytes = [], 0
        begun.append(event)
        size_bytes += added
    if begun:
        yield _write(begun, epoch, is_full=len(begun) == MOST_EVENTS)


def is_too_deep(data: str) -> bool:
    """Tell whether JSON has more than MOST_LEVELS objects and lists in one another."""
    if data.count("{") + data.count("[") <= MOST_LEVELS:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(data):
        if match[0] in "{[":
            depth += 1
            if depth > MOST_LEVELS:
                return True
        elif match[0] in "}]":
            depth -= 1
    return False


def stand_in(event: EventRow, cause: str) -> EventRow:
    """Make the `unavailable` event that keeps another's place."""
    told = {"event_id": str(event.id), "type": event.full_type, "cause": cause}
    return replace(
        event,
        id=uuid.uuid5(_UNAVAILABLE, str(event.id)),
        type="unavailable",
        reader=None,
        data=json.dumps(told, separators=(",", ":")),
    )


def pruned_place(feed: str, epoch: str, sequence: int, time: datetime) -> EventRow:
    """Make the `unavailable` event of a place whose event is no more."""
    told = {"event_id": None, "type": None, "cause": "pruned"}
    return EventRow(
        id=uuid.uuid5(_UNAVAILABLE, f"{feed}:{epoch}:{sequence}"),
        feed=feed,
        type="unavailable",
        subject=None,
        reader=None,
        data=json.dumps(told, separators=(",", ":")),
        time=time,
        sequence=sequence,
    )


def _size(event: EventRow) -> int:
    """Tell how many bytes an event's own words take at most."""
    text = event.data if event.data.isascii() else escape_json(event.data)
    return len(text) + len(json.dumps(event.subject))


def _write(events: Sequence[EventRow], epoch: str, *, is_full: bool) -> Batch:
    first = events[0]
    time = format_time(first.time)
    text = (
        f'{{"specversion":"1.0","source":"/feeds/{first.feed}","feed":"{first.feed}",'
        f'"feedepoch":"{epoch}","feedseq":"{first.sequence}",'
        f'"type":"{first.full_type}","time":"{time}","events":['
        f"{','.join(_write_event(event, first, time) for event in events)}]}}"
    )
    body, is_deflated = _deflate(text.encode("ascii"))
    return Batch(
        feed=first.feed,
        epoch=epoch,
        first=first.sequence,
        last=events[-1].sequence,
        body=body,
        is_deflated=is_deflated,
        text_bytes=len(text),
        encoded_bytes=_encoded_bytes(text, body, is_deflated=is_deflated),
        is_full=is_full,
        time=first.time,
        event_id=str(first.id) if len(events) == 1 else None,
        reader=first.reader,
        traceparent=next((e.traceparent for e in events if e.traceparent), None),
    )


def _write_event(event: EventRow, first: EventRow, shared_time: str) -> str:
    time = format_time(event.time)
    members = (
        f'"id":"{event.id}"',
        "" if event.full_type == first.full_type else f'"type":"{event.full_type}"',
        "" if event.subject is None else f'"subject":{json.dumps(event.subject)}',
        "" if time == shared_time else f'"time":"{time}"',
        f'"data":{escape_json(event.data)}',
    )
    return f"{{{','.join(filter(None, members))}}}"


def _deflate(text: bytes) -> tuple[bytes, bool]:
    if len(text) < DEFLATE_FROM_BYTES:
        return text, False
    deflated = zlib.compress(text)
    return (deflated, True) if len(deflated) < len(text) else (text, False)


def _encoded_bytes(text: str, body: bytes, *, is_deflated: bool) -> int:
    """Tell how long it is in the stanza: in base64, or escaped for XML."""
    if is_deflated:
        return (len(body) + 2) // 3 * 4
    return len(text) + sum(
        text.count(character) * (length - 1) for character, length in _ESCAPES.items()
    )
