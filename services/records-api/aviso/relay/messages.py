"""Batches and openings as messages for the broker (contracts/topology.json).

They are not for its disk: what it loses with its process goes out again.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from amqp_client.messages import Publication

from aviso.broker.topology import EVENTS_EXCHANGE
from aviso.events.batches import Batch
from aviso.events.rendering import Lists, render_opened
from aviso.outbox.states import FeedState

BATCH_TYPE = "aviso.batch.v2"
OPENING_TYPE = "aviso.feed.opened.v1"
# W3C Trace Context, section 3.2. Anything else is left out: a header of any length
# could make the broker close the connection, over and over.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """What was handed to the broker of a feed; `first` to `last`, 0: an opening."""

    feed: str
    run: str
    first: int = 0
    last: int = 0


def publish_batch(batch: Batch, run: str) -> Publication:
    headers = {
        "feed": batch.feed,
        "epoch": batch.epoch,
        "first": str(batch.first),
        "last": str(batch.last),
        "run": run,
    }
    if batch.traceparent is not None and _TRACEPARENT.fullmatch(batch.traceparent):
        headers["traceparent"] = batch.traceparent
    if batch.reader is not None:
        headers["reader"] = batch.reader
    return Publication(
        exchange=EVENTS_EXCHANGE,
        routing_key=f"feed.{batch.feed}.batch",
        body=batch.body,
        message_id=batch.name,
        content_type="application/json",
        content_encoding="deflate" if batch.is_deflated else None,
        type=BATCH_TYPE,
        headers=headers,
        is_persistent=False,
        token=Sent(batch.feed, run, batch.first, batch.last),
    )


def publish_opening(
    state: FeedState, lists: Lists, opening_id: uuid.UUID, run: str, archived: int
) -> Publication:
    """Announce that the feed's epoch begins after its floor, and who may read it."""
    return Publication(
        exchange=EVENTS_EXCHANGE,
        routing_key=f"feed.{state.feed}.opened",
        body=render_opened(
            event_id=opening_id,
            feed=state.feed,
            epoch=state.opening.epoch,
            head=state.floor,
            archived=archived,
            visibility=state.opening.visibility,
            lists=lists,
            time=datetime.now(UTC),
        ),
        message_id=str(opening_id),
        content_type="application/cloudevents+json",
        type=OPENING_TYPE,
        headers={"feed": state.feed, "epoch": state.opening.epoch, "run": run},
        is_persistent=False,
        token=Sent(state.feed, run),
    )
