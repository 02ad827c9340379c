"""Makes batches and openings of what the database has, and hands them to the broker.

What no room will ever take is parked, and an `unavailable` event keeps its place.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from aviso.conf import conf
from aviso.events.batches import (
    MOST_EVENTS,
    MOST_LEVELS,
    Batch,
    is_too_deep,
    pruned_place,
    stand_in,
    write_batches,
)
from aviso.events.rendering import EventRow
from aviso.outbox.feeds import Outbox
from aviso.outbox.states import FeedRun, FeedState, format_range
from aviso.parked.storing import Parking
from aviso.relay.lane import Lane
from aviso.relay.lanes import Lanes
from aviso.relay.messages import publish_batch, publish_opening
from aviso.relay.publishing import BROKER, Publishing

logger = logging.getLogger("aviso.relay.sending")

# An opening holds up to 20,000 readers, a few bytes if it has none.
OPENINGS_A_TURN = 100


class Sending:
    """The way from the database into the broker, as far as the lanes allow."""

    def __init__(
        self,
        lanes: Lanes,
        outbox: Outbox,
        publishing: Publishing,
        parking: Parking,
    ) -> None:
        self._lanes = lanes
        self._outbox = outbox
        self._publishing = publishing
        self._parking = parking

    async def send_new(self, state: FeedState, events: Sequence[EventRow]) -> None:
        """Send what was numbered just now, if it comes next and may go at once."""
        lane = self._lanes.take_in(state)
        is_next = bool(events) and events[0].sequence == lane.sent + 1
        if is_next and lane.wants() and self._publishing.may_publish():
            await self._send(lane, events)

    async def send_waiting(self) -> bool:
        """Do one turn of what waits; tell whether there is more that may go."""
        if not self._publishing.may_publish():
            return False
        opened = await self._open()
        wanted = self._lanes.wanted()
        if not wanted:
            return opened
        for run in await self._outbox.load(wanted):
            await self._send_run(run)
        self._lanes.loaded(wanted)
        return True

    async def _open(self) -> bool:
        feeds = self._lanes.openings(OPENINGS_A_TURN)
        if not feeds:
            return False
        states = await self._outbox.look_at(feeds)
        lists = await self._outbox.lists(feeds, conf.xmpp_ticket_domain)
        for state in states:
            lane = self._lanes.take_in(state)
            opening_id = uuid.uuid4()
            publication = publish_opening(
                state, lists[state.feed], opening_id, lane.run, lane.archived
            )
            if not self._publishing.may_publish():
                return False
            if not self._publishing.publish(publication):
                return False
            self._lanes.open(state.feed, str(opening_id), time.monotonic())
        return True

    async def _send_run(self, run: FeedRun) -> None:
        lane = self._lanes.take_in(run.state)
        first = run.events[0].sequence
        missing = range(lane.sent + 1, min(first, lane.sent + 1 + MOST_EVENTS))
        if missing and missing[-1] > run.state.pruned:
            # Somebody went back meanwhile, or deleted by hand: look again.
            return
        now = datetime.now(UTC)
        epoch = run.state.opening.epoch
        pruned = [pruned_place(lane.feed, epoch, n, now) for n in missing]
        follows = first == lane.sent + 1 + len(missing)
        await self._send(lane, [*pruned, *(run.events if follows else ())])

    async def _send(self, lane: Lane, events: Sequence[EventRow]) -> None:
        for batch in await self._write(lane, events):
            if not self._publishing.may_publish() or not self._lanes.accepts(batch):
                return
            if not self._publishing.publish(publish_batch(batch, lane.run)):
                return
            self._lanes.send(batch, time.monotonic())
            line = {"feed": batch.feed, "event_id": batch.event_id}
            sequence = format_range(batch.first, batch.last)
            logger.debug(
                "Sent", extra={**line, "sequence": sequence, "outcome": "sent"}
            )

    async def _write(self, lane: Lane, events: Sequence[EventRow]) -> list[Batch]:
        """Write batches, with others in the place of what has to be parked."""
        epoch = lane.opening.epoch
        for event in events:
            if event.sequence not in lane.parked and is_too_deep(event.data):
                depth = f"nested deeper than {MOST_LEVELS} levels"
                await self._park(lane, event, "too-deep", depth)
            if (words := lane.refused.get(event.sequence)) is not None:
                is_brokers = words.startswith(BROKER)
                await self._park(
                    lane, event, "too-large" if is_brokers else "refused", words
                )
        while True:
            placed = [
                event
                if (cause := lane.parked.get(event.sequence)) is None
                else stand_in(event, cause)
                for event in events
            ]
            try:
                batches = list(
                    write_batches(placed, epoch, lambda s: s <= lane.alone_up_to)
                )
            except Exception:
                # Whatever it is: this feed's trouble, and no other's.
                logger.exception(
                    "Not written; its feed waits",
                    extra={"feed": lane.feed, "outcome": "failed"},
                )
                self._lanes.shut(lane.feed, time.monotonic())
                return []
            large = {b.first: b for b in batches if b.is_too_large}
            if not large:
                return batches
            for event in events:
                if (batch := large.get(event.sequence)) is not None:
                    words = f"it takes {batch.text_bytes} bytes, {batch.encoded_bytes}"
                    await self._park(lane, event, "too-large", f"{words} in a stanza")

    async def _park(self, lane: Lane, event: EventRow, cause: str, words: str) -> None:
        await self._parking.park_own(event, lane.opening.epoch, cause, words)
        lane.park(event.sequence, cause)
        logger.error(
            "Parked: %s",
            words,
            extra={
                "event_id": str(event.id),
                "feed": event.feed,
                "sequence": event.sequence,
                "outcome": "parked",
                "cause": cause,
            },
        )
        if event.reader is not None:
            # The room is to know who may read, if not by this event.
            await self._outbox.reannounce(event.feed)
            self._lanes.want_opening(event.feed)
