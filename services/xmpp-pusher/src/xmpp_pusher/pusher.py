"""Puts the parts together: deliveries to their feeds, and the order of stopping."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Final

from .backoff import Backoff
from .deliveries import Consumer, Delivery, Publisher
from .errors import NotConfirmed
from .events import Event, Opening, Poison
from .feeds import Feed, FeedState, Rooms
from .ledger import Item
from .metrics import Metrics
from .reading import read_message

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.5
# A bound for the traffic in circles.
_STUCK_S: Final = 2.0


class Pusher:
    def __init__(
        self,
        rooms: Rooms,
        consumer: Consumer,
        publisher: Publisher,
        metrics: Metrics,
        prefetch: int,
        max_event_bytes: int,
        ticket_domain: str,
    ) -> None:
        self._rooms = rooms
        self._consumer = consumer
        self._publisher = publisher
        self._metrics = metrics
        self._prefetch = prefetch
        self._max_event_bytes = max_event_bytes
        self._ticket_domain = ticket_domain
        self._feeds: dict[str, Feed] = {}
        self._parking: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    def receive(self, delivery: Delivery) -> None:
        """Take one delivery; it is acked when it is in the room, or parked."""
        if self._is_stopping:
            # Not acked, so it goes to whoever consumes next. Cancelling the consumer
            # instead would let a standby into our rooms before we have left them.
            return
        message = self._read(delivery)
        if not isinstance(message, Poison):
            self._feed(message.feed).receive(Item(delivery, message))
        elif message.stand_in is not None:
            item = Item(delivery, message.stand_in, message)
            self._feed(message.stand_in.feed).receive(item)
        else:
            task = asyncio.create_task(self._park(delivery, message))
            self._parking.add(task)
            task.add_done_callback(self._parking.discard)

    def forget(self) -> None:
        """The consumer's connection is gone: every delivery so far is void."""
        self._stop_parking()
        for feed in self._feeds.values():
            feed.forget()

    def states(self) -> dict[str, FeedState]:
        return {slug: feed.state() for slug, feed in sorted(self._feeds.items())}

    async def watch(self) -> None:
        """Keep one stuck feed from filling a queue's prefetch, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self._make_way()
            except NotConfirmed as error:
                log.debug("could not send stuck events back: %s", error)

    async def stop(self) -> None:
        """Finish what is under way in the rooms, and begin nothing."""
        self._is_stopping = True
        self._stop_parking()
        await asyncio.gather(*(feed.stop() for feed in self._feeds.values()))

    def _stop_parking(self) -> None:
        for task in list(self._parking):
            task.cancel()

    def _read(self, delivery: Delivery) -> Event | Opening | Poison:
        try:
            return read_message(
                delivery.body,
                delivery.feed_header,
                self._max_event_bytes,
                delivery.headers.get("reader"),
            )
        except Exception:
            # Whatever this was, it must neither stop the queue nor get lost.
            self._metrics.failures.inc()
            log.exception("a message could not be read", extra={"outcome": "failed"})
            return Poison("invalid", "The reader failed, see the pusher's log.")

    def _feed(self, slug: str) -> Feed:
        if slug not in self._feeds:
            feed = Feed(
                slug,
                self._rooms,
                self._consumer,
                self._publisher,
                self._metrics,
                self._ticket_domain,
            )
            self._feeds[slug] = feed
            feed.start()
        return self._feeds[slug]

    async def _park(self, delivery: Delivery, poison: Poison) -> None:
        """Park a message that has no place in any feed."""
        backoff = Backoff()
        while True:
            try:
                await self._publisher.park(delivery, poison.cause, poison.detail)
                break
            except NotConfirmed:
                await asyncio.sleep(backoff.next_s())
        self._consumer.ack([delivery])
        self._metrics.parked.labels(poison.cause).inc()
        log.warning(
            "message parked", extra={"cause": poison.cause, "outcome": "parked"}
        )

    async def _make_way(self) -> None:
        """Make room where stuck events take half of a queue's prefetch.

        A hole may last for ever, and what fills it may stand behind the prefetch; so
        may the events of other feeds. Of the feed with most stuck events those go that
        are furthest from their turn: acked, for the relay has them, and asked for when
        the feed goes on. Where each stuck feed has but one, the last go round:
        published to the same queue, confirmed, and only then acked. They gain no
        delivery count, which would park them.
        """
        old_s = time.monotonic() - _STUCK_S
        stuck: dict[str, list[tuple[Feed, Item]]] = {}
        for feed in self._feeds.values():
            for item in feed.list_stuck():
                stuck.setdefault(item.delivery.queue, []).append((feed, item))
        for pairs in stuck.values():
            excess = len(pairs) - self._prefetch // 2
            if excess <= 0:
                continue
            most = Counter(feed for feed, _ in pairs).most_common(1)[0][0]
            if dispensable := most.list_dispensable():
                most.let_go(dispensable[-excess:])
                continue
            last = [i for f, i in pairs if f is most and i.received_s < old_s]
            for item in last[-excess:]:
                await self._publisher.send_back(item.delivery)
                most.give_up(item)
                self._metrics.sent_back.inc()
