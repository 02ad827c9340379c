"""From a message of the broker to a batch, an opening, or why it is neither: pure.

What is read here is thrown away again: a batch's bytes go on as they came.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from amqp_client.messages import Delivery
from msgspec import UNSET, Meta, Struct, UnsetType

from . import contract
from .contract import CHANGES, READER_CHANGES, Cause
from .messages import Batch, Message, Opening, Poison, Reader
from .payload import inflate
from .position import Position, Span
from .summary import describe

_Feed = Annotated[str, Meta(pattern=contract.FEED)]
_Epoch = Annotated[str, Meta(pattern=contract.EPOCH)]
_Sequence = Annotated[str, Meta(pattern=contract.SEQUENCE)]
_Uuid = Annotated[str, Meta(pattern=contract.UUID)]
_Time = Annotated[str, Meta(pattern=contract.TIME)]
_Source = Annotated[str, Meta(pattern=contract.SOURCE)]
_Reader = Annotated[str, Meta(pattern=contract.READER)]
_Subject = Annotated[
    str, Meta(min_length=1, max_length=contract.MAX_SUBJECT_CHARACTERS)
]
_Readers = Annotated[tuple[_Reader, ...], Meta(max_length=contract.MAX_READERS)]


class _Event(Struct):
    id: _Uuid
    data: dict[str, msgspec.Raw]
    type: str | UnsetType = UNSET
    time: _Time | UnsetType = UNSET
    subject: _Subject | UnsetType = UNSET
    specversion: Any = UNSET
    source: Any = UNSET
    feed: Any = UNSET
    feedepoch: Any = UNSET
    feedseq: Any = UNSET


class _Batch(Struct):
    specversion: Literal["1.0"]
    source: _Source
    feed: _Feed
    feedepoch: _Epoch
    feedseq: _Sequence
    type: str
    time: _Time
    events: Annotated[list[_Event], Meta(min_length=1, max_length=contract.MAX_EVENTS)]


class _Opened(Struct):
    head: Annotated[str, Meta(pattern=contract.HEAD)]
    archived: Annotated[str, Meta(pattern=contract.HEAD)]
    visibility: contract.Visibility
    readers: _Readers | None = None
    revoked: _Readers | None = None


class _Opening(Struct):
    specversion: Literal["1.0"]
    id: _Uuid
    source: _Source
    type: Literal["aviso.feed.opened.v1"]
    time: _Time
    feed: _Feed
    feedepoch: _Epoch
    data: _Opened
    feedseq: Any = UNSET


_BATCH: Final = msgspec.json.Decoder(_Batch)
_OPENING: Final = msgspec.json.Decoder(_Opening)
_MAX_TEXT_BYTES: Final = contract.MAX_EVENT_BYTES + contract.MAX_ENVELOPE_BYTES


class _Unfit(Exception):
    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


def parse_message(delivery: Delivery) -> Message:
    """Read one message of the broker."""
    try:
        if delivery.type == contract.BATCH:
            return _read_batch(delivery)
        if delivery.type == contract.OPENING:
            return _read_opening(delivery)
    except _Unfit as unfit:
        feed, span, run = _read_place(delivery)
        return Poison(unfit.cause, str(unfit), feed, span, run)
    # Without its place: it says nothing against any of its events.
    detail = f"The type {str(delivery.type)[:80]!a} is not known here."
    return Poison("unknown-type", detail)


def _read_batch(delivery: Delivery) -> Batch:
    text = _read_text(delivery)
    batch = _decode(_BATCH, text)
    feed, span, run = _read_place(delivery)
    if feed is None or span is None or run is None:
        raise _Unfit("invalid", "A header of the batch is missing or malformed.")
    first = int(batch.feedseq)
    if (feed, span.epoch, span.first) != (batch.feed, batch.feedepoch, first):
        raise _Unfit("invalid", "The headers name another place than the body.")
    if span.last - span.first + 1 != len(batch.events):
        raise _Unfit("invalid", "The headers name another count than the body.")
    kinds = [batch.type if e.type is UNSET else e.type for e in batch.events]
    _check_events(batch.events, kinds)
    is_deflated = delivery.content_encoding == "deflate"
    _check_size(delivery.body, is_deflated)
    event = batch.events[0]
    time = batch.time if event.time is UNSET else event.time
    _check_time(time)
    changes = [CHANGES[kind] for kind in kinds]
    is_stand_in = changes[0] == "unavailable"
    return Batch(
        feed=feed,
        span=span,
        run=run,
        payload=delivery.body,
        is_deflated=is_deflated,
        description=describe(feed, changes, event.data),
        time=time,
        first_id=None if is_stand_in else event.id,
        reader=_read_reader(delivery, kinds[0]),
    )


def _read_opening(delivery: Delivery) -> Opening:
    opening = _decode(_OPENING, _read_text(delivery))
    _check_time(opening.time)
    run = delivery.headers.get("run")
    if opening.feedseq is not UNSET:
        raise _Unfit("invalid", "feedseq has no place in an opening.")
    if delivery.headers.get("feed") != opening.feed:
        raise _Unfit("invalid", "The header 'feed' does not name the opening's feed.")
    if not isinstance(run, str) or not contract.is_run(run):
        raise _Unfit("invalid", "The header 'run' is missing or malformed.")
    return Opening(
        feed=opening.feed,
        at=Position(opening.feedepoch, int(opening.data.head)),
        archived=int(opening.data.archived),
        run=run,
        visibility=opening.data.visibility,
        id=opening.id,
        readers=opening.data.readers,
        revoked=opening.data.revoked,
    )


def _read_text(delivery: Delivery) -> bytes:
    encoding = delivery.content_encoding
    if encoding == "deflate":
        try:
            text = inflate(delivery.body, _MAX_TEXT_BYTES)
        except ValueError as error:
            raise _Unfit("unreadable", f"The body {error}.") from error
    elif encoding:
        detail = f"The encoding {encoding[:80]!a} is not known here."
        raise _Unfit("unreadable", detail)
    else:
        text = delivery.body
    if len(text) > _MAX_TEXT_BYTES:
        detail = f"{len(text)} bytes, more than {_MAX_TEXT_BYTES}."
        raise _Unfit("too-large", detail)
    if not text.isascii():
        raise _Unfit("invalid", "The body is not in ASCII.")
    return text


def _decode(decoder: msgspec.json.Decoder[Any], text: bytes) -> Any:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        # It names the member and what was expected, never the value.
        raise _Unfit("invalid", f"{error}.") from error
    except msgspec.DecodeError as error:
        raise _Unfit("unreadable", "The body is no JSON.") from error
    except RecursionError as error:
        raise _Unfit("too-deep", "Nested deeper than can be read.") from error


def _check_events(events: list[_Event], kinds: list[str]) -> None:
    for event, kind in zip(events, kinds, strict=True):
        shared = (event.specversion, event.source, event.feed, event.feedepoch)
        if any(each is not UNSET for each in (*shared, event.feedseq)):
            raise _Unfit("invalid", "An event repeats what its batch says.")
        if kind not in CHANGES:
            detail = f"The event type {kind[:80]!a} is not known here."
            raise _Unfit("unknown-type", detail)
    if any(CHANGES[kind] in READER_CHANGES for kind in kinds[1:]):
        raise _Unfit("invalid", "An event about a reader does not begin its batch.")


def _check_size(body: bytes, is_deflated: bool) -> None:
    size = 4 * -(-len(body) // 3) if is_deflated else len(body)
    if not is_deflated:
        size += 4 * (body.count(b"&")) + 3 * (body.count(b"<") + body.count(b">"))
        size += 4 * body.count(b"\r")
    if size > contract.MAX_ENCODED_BYTES:
        detail = f"{size} bytes in a stanza, more than {contract.MAX_ENCODED_BYTES}."
        raise _Unfit("too-large", detail)


def _check_time(time: str) -> None:
    try:
        datetime.fromisoformat(time)
    except ValueError as error:
        raise _Unfit("invalid", "time is no time.") from error


def _read_reader(delivery: Delivery, kind: str) -> Reader | None:
    if CHANGES[kind] not in READER_CHANGES:
        return None
    address = delivery.headers.get("reader")
    if not isinstance(address, str) or not contract.is_reader(address):
        raise _Unfit("invalid", "The header 'reader' is missing or no bare JID.")
    return Reader(address, CHANGES[kind])


def _read_place(delivery: Delivery) -> tuple[str | None, Span | None, str | None]:
    """Read what the headers say of feed, span and run; None where they do not."""
    headers = delivery.headers
    feed, run, epoch = (headers.get(name) for name in ("feed", "run", "epoch"))
    first, last = headers.get("first"), headers.get("last")
    span = None
    if (
        isinstance(epoch, str)
        and isinstance(first, str)
        and isinstance(last, str)
        and contract.is_epoch(epoch)
        and contract.is_sequence(first)
        and contract.is_sequence(last)
        and int(last) >= int(first)
    ):
        span = Span(epoch, int(first), int(last))
    return (
        feed if isinstance(feed, str) and contract.is_feed(feed) else None,
        span,
        run if isinstance(run, str) and contract.is_run(run) else None,
    )
