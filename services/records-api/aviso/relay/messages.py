"""Events as messages for the broker, as contracts/topology.json says."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from aviso.events.rendering import (
    EventRow,
    Lists,
    render_event,
    render_opened,
    render_unavailable,
)
from aviso.relay.broker import Publication
from aviso.relay.outgoing import Opening, Outgoing
from aviso.relay.topology import CONTENT_TYPE, EVENTS_EXCHANGE

# W3C Trace Context, section 3.2. Anything else is left out: a header of any length
# could make the broker close the connection, over and over.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
# The `unavailable` event of an event always has the same id, so a copy is known as one.
_UNAVAILABLE = uuid.UUID("5b0f6f0e-5f0c-4c55-9a0a-6d1f4a1f7f3b")


def build_event(opening: Opening, event: EventRow, *, again: bool = False) -> Outgoing:
    """Render a numbered event under its feed's present epoch."""
    body = render_event(event, opening.epoch)
    return _build(opening, event, body, again=again)


def build_unrendered(
    opening: Opening, event: EventRow, *, again: bool = False
) -> Outgoing:
    """Stand in for an event that can't be rendered, to be parked: the bare data."""
    body = event.data.encode("utf-8", "backslashreplace")
    return _build(opening, event, body, again=again)


def _build(opening: Opening, event: EventRow, body: bytes, *, again: bool) -> Outgoing:
    return Outgoing(
        feed=event.feed,
        event_id=str(event.id),
        type=event.full_type,
        routing_key=f"feed.{event.feed}.{event.type}",
        body=body,
        epoch=opening.epoch,
        first=event.sequence,
        last=event.sequence,
        subject=event.subject,
        time=event.time,
        traceparent=_clean_traceparent(event.traceparent),
        reader=event.reader,
        again=again,
    )


def build_opening(feed: str, opening: Opening, head: int, lists: Lists) -> Outgoing:
    """Announce that a feed's epoch begins, or goes on, after sequence `head`."""
    event_id = uuid.uuid4()
    return Outgoing(
        feed=feed,
        event_id=str(event_id),
        type="aviso.feed.opened.v1",
        routing_key=f"feed.{feed}.opened",
        body=render_opened(
            event_id=event_id,
            feed=feed,
            epoch=opening.epoch,
            head=head,
            visibility=opening.visibility,
            lists=lists,
            time=datetime.now(UTC),
        ),
        epoch=opening.epoch,
        opening=opening,
    )


def build_unavailable(message: Outgoing, cause: str) -> Outgoing:
    """Keep the place of an event that can't be relayed."""
    event_id = uuid.uuid5(_UNAVAILABLE, message.event_id)
    if message.first is None or message.time is None:
        raise ValueError(f"{message.type} {message.event_id} takes no place in a feed")
    body = render_unavailable(
        event_id=event_id,
        feed=message.feed,
        epoch=message.epoch,
        sequence=message.first,
        time=message.time,
        cause=cause,
        parked_id=message.event_id,
        parked_type=message.type,
        subject=message.subject,
    )
    return replace(
        message,
        event_id=str(event_id),
        type="aviso.record.unavailable.v1",
        routing_key=f"feed.{message.feed}.unavailable",
        body=body,
        reader=None,
        substitute=True,
    )


def build_pruned(feed: str, epoch: str, sequence: int) -> Outgoing:
    """Keep the place of an event that was asked for again and is no more."""
    event_id = uuid.uuid5(_UNAVAILABLE, f"{feed}:{epoch}:{sequence}")
    time = datetime.now(UTC)
    return Outgoing(
        feed=feed,
        event_id=str(event_id),
        type="aviso.record.unavailable.v1",
        routing_key=f"feed.{feed}.unavailable",
        body=render_unavailable(
            event_id=event_id,
            feed=feed,
            epoch=epoch,
            sequence=sequence,
            time=time,
            cause="pruned",
            parked_id=None,
            parked_type=None,
        ),
        epoch=epoch,
        first=sequence,
        last=sequence,
        time=time,
        substitute=True,
        again=True,
    )


def build_publication(message: Outgoing) -> Publication:
    headers = {"feed": message.feed}
    if message.traceparent is not None:
        headers["traceparent"] = message.traceparent
    if message.reader is not None:
        headers["reader"] = message.reader
    return Publication(
        exchange=EVENTS_EXCHANGE,
        routing_key=message.routing_key,
        body=message.body,
        message_id=message.event_id,
        content_type=CONTENT_TYPE,
        headers=headers,
        token=message,
    )


def _clean_traceparent(text: str | None) -> str | None:
    if text is None or not _TRACEPARENT.fullmatch(text):
        return None
    return text
