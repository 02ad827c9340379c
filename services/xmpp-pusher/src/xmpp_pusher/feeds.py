"""All feeds that have something to do or had it lately: on a lease, and not too many.

Whatever is forgotten the archive tells again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from typing import Final

from amqp_client.messages import Delivery

from .feed import Feed
from .feed_log import FeedLog
from .messages import Poison
from .metrics import Metrics
from .outcomes import Outcomes
from .parking import Parking
from .parsing import parse_message
from .ports import Consumer, Rooms
from .reporter import Reporter

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0
# At the feeds that were quiet for longest, for each new one that is too many.
_LOOKS: Final = 10
MAX_PROBLEMS: Final = 20


class Feeds:
    """``lease_s``: how long a feed is kept that has nothing to do."""

    def __init__(
        self,
        rooms: Rooms,
        consumer: Consumer,
        reporter: Reporter,
        parking: Parking,
        metrics: Metrics,
        *,
        lease_s: float,
        max_rooms: int,
    ) -> None:
        self._rooms = rooms
        self._consumer = consumer
        self._reporter = reporter
        self._parking = parking
        self._metrics = metrics
        self._lease_s = lease_s
        self._max_rooms = max_rooms
        # The one that has been quiet for longest first, and since when.
        self._feeds: OrderedDict[str, tuple[Feed, float]] = OrderedDict()
        self._is_stopping = False

    def __len__(self) -> int:
        return len(self._feeds)

    @property
    def is_holding(self) -> bool:
        return any(feed.is_holding for feed, _ in self._feeds.values())

    def receive(self, delivery: Delivery) -> None:
        """Take one delivery; it is acked when it is archived, reported or parked."""
        if self._is_stopping:
            # Not acked, so it goes to whoever consumes next. Cancelling the consumer
            # instead would let a standby into our rooms before we have left them.
            return
        try:
            message = parse_message(delivery)
        except Exception:
            # Whatever this was, it must neither stop the queue nor get lost.
            self._metrics.failures.inc()
            log.exception("a message could not be read", extra={"outcome": "failed"})
            message = Poison("invalid", "The reader failed, see the pusher's log.")
        if isinstance(message, Poison):
            self._parking.park(delivery, message)
        else:
            self._keep(message.feed).receive(delivery, message)

    def forget(self) -> None:
        """The consumer's connection is gone: every delivery so far is void."""
        self._parking.forget()
        for feed, _ in self._feeds.values():
            feed.forget()

    def problems(self) -> dict[str, str]:
        """What a person should look at, by feed; at most ``MAX_PROBLEMS``."""
        found: dict[str, str] = {}
        for slug, (feed, _) in self._feeds.items():
            if feed.problem is not None:
                found[slug] = feed.problem
            if len(found) == MAX_PROBLEMS:
                break
        return found

    async def watch(self) -> None:
        """Leave the rooms of feeds that are quiet for too long, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._leave_quiet(len(self._feeds))

    async def let_go(self, channel: int) -> None:
        """Finish what is under way of what came over a channel, and leave its rooms.

        Nothing more may come over it; what is not acked then goes back to the queue.
        """
        self._parking.let_go(channel)
        feeds = [each for each, _ in self._feeds.values() if channel in each.channels]
        await asyncio.gather(*(feed.let_go(channel) for feed in feeds))
        for feed in feeds:
            kept, _ = self._feeds.get(feed.slug, (None, 0.0))
            if kept is feed and feed.is_quiet:
                del self._feeds[feed.slug]

    async def stop(self) -> None:
        """Finish what is under way in the rooms, and begin nothing."""
        self._is_stopping = True
        self._parking.forget()
        await asyncio.gather(*(feed.stop() for feed, _ in self._feeds.values()))

    def _keep(self, slug: str) -> Feed:
        entry = self._feeds.pop(slug, None)
        if entry is None:
            outcomes = Outcomes(slug, self._reporter, FeedLog(slug, self._metrics))
            feed = Feed(slug, self._rooms, self._consumer, outcomes)
        else:
            feed = entry[0]
        self._feeds[slug] = (feed, time.monotonic())
        if entry is None and len(self._feeds) > self._max_rooms:
            self._leave_quiet(_LOOKS)
        return feed

    def _leave_quiet(self, most: int) -> None:
        """Forget from the front what is over its lease, or too many; look at `most`."""
        now_s = time.monotonic()
        for _ in range(min(most, len(self._feeds))):
            slug, (feed, since_s) = next(iter(self._feeds.items()))
            is_over = now_s - since_s >= self._lease_s
            if not is_over and len(self._feeds) <= self._max_rooms:
                return
            if feed.is_quiet:
                feed.leave()
                del self._feeds[slug]
            else:
                self._feeds[slug] = (feed, now_s)
                self._feeds.move_to_end(slug)
