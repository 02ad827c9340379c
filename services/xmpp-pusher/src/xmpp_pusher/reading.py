"""From a message's bytes to an event, an opening, or the cause why it is neither.

An event's bytes are not changed on the way, with one exception: what a foreign
publisher wrote beyond ASCII becomes ``\\uXXXX``, which is the same JSON and can't
harm an XML stream.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final, Never, cast

from . import shallow
from .contract import (
    CHANGES,
    OPENED,
    READER_CHANGES,
    NotInContract,
    check,
    is_reader,
)
from .events import Cause, Event, Opening, Poison, Visibility
from .stand_ins import escape, make_stand_in

MAX_DEPTH: Final = 512

_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def _refuse_constant(name: str) -> Never:
    # Python's json takes NaN and Infinity, JSON and the browser do not.
    raise json.JSONDecodeError(f"{name} is no JSON", "", 0)


def _read_long_integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
# int() refuses more than 4,300 digits, which PostgreSQL stores gladly.
_PATIENT_DECODER: Final = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_read_long_integer
)


def read_message(
    body: bytes,
    feed_header: str | None,
    max_event_bytes: int,
    reader_header: object = None,
) -> Event | Opening | Poison:
    """Read one message of the broker.

    ``feed_header`` is the header that the broker chose the queue by. An event under
    another feed's header (or none) is parked without a stand-in: it may be in
    another pusher's queue than its feed, and two pushers must not share a room.
    ``reader_header`` says whom a grant or a revoke is about; without it nobody knows,
    so such an event is parked and its place kept.
    """
    try:
        text = _to_ascii(body)
    except UnicodeDecodeError:
        return Poison("unreadable", "The body is not UTF-8.")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        depth = shallow.measure_depth(text)
        if depth > MAX_DEPTH:
            detail = f"Nested {depth} levels deep, more than {MAX_DEPTH}."
            tops = shallow.read_top_strings(text)
            return _poison("too-deep", detail, tops, feed_header)
    try:
        document = _decode(text)
    except ValueError:
        return Poison("unreadable", "The body is no JSON.")
    if not isinstance(document, dict):
        return Poison("invalid", "The body is no JSON object.")
    message = _read_document(document, text, feed_header, max_event_bytes)
    if not isinstance(message, Event) or message.change not in READER_CHANGES:
        return message
    if not isinstance(reader_header, str) or not is_reader(reader_header):
        detail = "The header 'reader' is missing or no bare JID."
        return _poison("invalid", detail, document, feed_header)
    return replace(message, reader=reader_header)


def _to_ascii(body: bytes) -> str:
    if body.isascii():
        return body.decode("ascii")
    return _BEYOND_ASCII.sub(
        lambda match: json.dumps(match[0])[1:-1], body.decode("utf-8")
    )


def _decode(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _PATIENT_DECODER.decode(text)


def _read_document(
    document: dict[str, Any],
    text: str,
    feed_header: str | None,
    max_event_bytes: int,
) -> Event | Opening | Poison:
    kind = document.get("type")
    if isinstance(kind, str) and kind not in CHANGES and kind != OPENED:
        detail = f"The type {kind[:80]!a} is not known here."
        return _poison("unknown-type", detail, document, feed_header)
    try:
        check(document)
    except NotInContract as wrong:
        return _poison("invalid", str(wrong), document, feed_header)
    if feed_header != document["feed"]:
        return Poison("invalid", "The header 'feed' does not name the event's feed.")
    if kind == OPENED:
        return _make_opening(document)
    escaped = escape(text)
    if len(escaped) > max_event_bytes:
        detail = f"{len(escaped)} bytes as XML, more than {max_event_bytes}."
        return _poison("too-large", detail, document, feed_header)
    return Event(
        feed=document["feed"],
        epoch=document["feedepoch"],
        sequence=int(document["feedseq"]),
        id=document["id"],
        change=CHANGES[document["type"]],
        time=document["time"],
        text=text,
        escaped=escaped,
    )


def _make_opening(document: dict[str, Any]) -> Opening:
    return Opening(
        feed=document["feed"],
        epoch=document["feedepoch"],
        head=int(document["data"]["head"]),
        visibility=cast(Visibility, document["data"]["visibility"]),
        id=document["id"],
        readers=_read_names(document["data"], "readers"),
        revoked=_read_names(document["data"], "revoked"),
    )


def _read_names(data: dict[str, Any], name: str) -> tuple[str, ...] | None:
    return tuple(data[name]) if name in data else None


def _poison(
    cause: Cause, detail: str, members: dict[str, Any], feed_header: str | None
) -> Poison:
    return Poison(cause, detail, make_stand_in(cause, members, feed_header))
