"""What travels once more: spans that the pusher asks for, and what a broker may lose.

A request is a span in memory, however long it is; it is loaded in turns with everything
else. Should this relay end before it is done, the pusher asks again.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from aviso.relay.backlog import Backlog, Span
from aviso.relay.messages import build_pruned
from aviso.relay.metrics import Metrics
from aviso.relay.outbox import FeedState, Outbox
from aviso.relay.outgoing import format_range
from aviso.relay.requests import Republish
from aviso.relay.window import Window

logger = logging.getLogger("aviso.relay.repeating")

# So many places of pruned events are kept for one request; the pusher asks on.
PRUNED_PLACES = 1_000
LIVELY_S = 3600.0


class Repeating:
    """Has events travel again; it never touches how far a feed is published."""

    def __init__(
        self,
        outbox: Outbox,
        backlog: Backlog,
        window: Window,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._backlog = backlog
        self._window = window
        self._metrics = metrics
        self._clock = clock
        self._lively: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._sessions = 0

    def note_lively(self, feed: str, head: int) -> None:
        """Remember the newest event of a feed that had one just now."""
        now = self._clock()
        self._lively[feed] = (head, now)
        self._lively.move_to_end(feed)
        while self._lively and next(iter(self._lively.values()))[1] < now - LIVELY_S:
            self._lively.popitem(last=False)

    def show_newest(self, sessions: int) -> None:
        """After each loss of the broker, show the pusher how far each feed goes.

        Should the broker have lost the tail of a feed, nothing else would show that
        before the feed's next event. `sessions` counts those with the broker so far.
        """
        if sessions == self._sessions:
            return
        if self._sessions:
            since = self._clock() - LIVELY_S
            for feed, (head, at) in self._lively.items():
                if head and at >= since:
                    self._backlog.ask_again(feed, Span(head, head), head)
                    self._metrics.republished.inc()
        self._sessions = sessions

    async def take_in(self, request: Republish) -> bool:
        """Have a span travel again; tell whether the feed's opening is to as well.

        From the first on it does by itself, and before the span: an empty room begins
        where it says. One of another epoch comes from before a restore: nothing moves.
        """
        states = await self._outbox.look_at([request.feed])
        count, needs_opening = 0, False
        if states and states[0].opening.epoch == request.epoch:
            count, needs_opening = self._ask(request, states[0])
        self._metrics.republished.inc(count)
        logger.warning(
            "The pusher lacks events, %d travel again",
            count,
            extra={
                "feed": request.feed,
                "sequence": format_range(request.first, request.last),
                "outcome": "republished",
            },
        )
        return needs_opening

    def _ask(self, request: Republish, state: FeedState) -> tuple[int, bool]:
        places = self._keep_pruned_places(request, state)
        loaded = self._backlog.loaded_of(request.feed)
        from_first = request.first == 1
        # An empty room asks for a piece from the first on. Where too much was pruned to
        # keep all the places, the piece is the beginning of what is left.
        is_beyond = from_first and state.pruned > PRUNED_PLACES
        asked = request.last + state.pruned if is_beyond else request.last
        last = min(asked, state.published if loaded is None else loaded)
        first = max(request.first, state.pruned + 1)
        if first > last:
            return places, places > 0 or from_first
        span = Span(first, last, opens=from_first)
        self._backlog.ask_again(request.feed, span, state.head)
        # One that was pruned may have been a grant: the opening lists who may read.
        return places + last - first + 1, places > 0 and not from_first

    def _keep_pruned_places(self, request: Republish, state: FeedState) -> int:
        """Answer for what is no more, or the pusher would wait for it for ever.

        An empty room asks from 1 on. It begins with the oldest that comes, which beats
        a long way through places with nothing in them.
        """
        pruned = range(request.first, min(request.last, state.pruned) + 1)
        if request.first == 1 and state.pruned > PRUNED_PLACES:
            return 0
        room, _ = self._window.room()
        places = [
            build_pruned(request.feed, request.epoch, sequence)
            for sequence in pruned[: min(PRUNED_PLACES, room)]
            if not self._window.holds(request.feed, sequence)
        ]
        self._window.add(places)
        return len(places)
