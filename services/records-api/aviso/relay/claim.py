"""Whose a broker is: of one database, which stands in a queue of the broker.

Queues, rooms and reports name a feed and no database. Two databases on one broker would
write into each other's rooms, and each relay would take the other's reports. So before
it sends anything a relay looks whose the broker is; where it is nobody's yet, it writes
down that it is its own database's.

The queue holds one message for good. Whoever looks is its only consumer meanwhile, and
what he has not acked comes back to where it was. A queue gives out the oldest first: so
what was there before one's own message comes before it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from amqp_client.connection import Connection
from amqp_client.consumer import Consumer
from amqp_client.errors import (
    BrokerError,
    BrokerUnavailableError,
    ChannelRefusedError,
)
from amqp_client.messages import Delivery, Publication
from amqp_client.publisher import Publisher

from aviso.broker.topology import REPORTS_QUEUE, SOURCE_EXCHANGE, SOURCE_QUEUE
from aviso.outbox.source import Source

# A queue that says it is empty may be about to get back what somebody looked at. What
# comes later than this comes first all the same.
_SEEN_S = 1.0
# Of one that says it is not, however slow the machine is.
_ANSWER_S = 20.0
# Another relay looks, for a moment.
_LOOKING_S = 5.0
_MOST = 16
_ACCESS_REFUSED = 403


@dataclass(frozen=True, slots=True)
class Claim:
    """What stands in the broker: whose it is, and since when (RFC 3339)."""

    source: Source
    since: str

    def __str__(self) -> str:
        source = self.source
        name = f"the database {source.name!r} at {source.server}"
        return f"{name} ({source.id[:8]}), since {self.since}"


class BrokerOfAnotherError(BrokerError):
    """The broker belongs to another database: yes, but a person has to decide."""

    def __init__(self, claim: Claim, source: Source, why: str = "") -> None:
        super().__init__(
            f"this RabbitMQ belongs to {claim}, and not to {source.name!r} at"
            f" {source.server} ({source.id[:8]}): each database has a stack of its own."
            " Give this relay another AVISO_AMQP_URL; or, where that database's relay"
            f" is no more, start this one with AVISO_TAKE_BROKER=yes{why}"
        )


async def claim(
    session: Connection, publisher: Publisher, source: Source, *, takes: bool
) -> Claim | None:
    """See that the broker is this database's; make it so where it is nobody's.

    `takes`: also where it is another's that has no relay at work; that one's claim is
    returned. Raises BrokerOfAnotherError, with nothing changed, or another BrokerError.
    """
    is_worked_with = takes and await _is_worked_with(session)
    async with _looking(session) as claims:
        found = await claims.first()
        if found is None:
            found = await claims.write(publisher, source)
        if found.source.id == source.id:
            return None
        if takes and not is_worked_with:
            await claims.write(publisher, source)
            claims.drop(found.source.id)
            return found
        claims.drop(source.id)
        why = ", which does nothing while a relay reads its reports" if takes else ""
        raise BrokerOfAnotherError(found, source, why)


async def read_claim(session: Connection) -> Claim | None:
    """Tell whose the broker is; None: nobody's yet. Raises BrokerError."""
    async with _looking(session) as claims:
        return await claims.first()


async def _is_worked_with(session: Connection) -> bool:
    states = await session.inspect(REPORTS_QUEUE)
    return any(state is not None and state.consumers for state in states.values())


class _Claims:
    """What comes of the queue, the oldest first."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Claim] = asyncio.Queue()
        self._seen: list[tuple[Claim, int]] = []
        self.is_empty = True
        """As the queue said before it was consumed."""
        self.consumer: Consumer | None = None

    def take_in(self, _: Consumer, delivery: Delivery) -> None:
        found = _read(delivery)
        self._seen.append((found, delivery.tag))
        self._waiting.put_nowait(found)

    async def first(self) -> Claim | None:
        """Tell what the queue has; None: nothing."""
        return await (self._next(_SEEN_S) if self.is_empty else self._given())

    async def _next(self, timeout_s: float) -> Claim | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._waiting.get()
        except TimeoutError:
            return None

    async def _given(self) -> Claim:
        found = await self._next(_ANSWER_S)
        if found is None:
            raise BrokerUnavailableError(
                f"{SOURCE_QUEUE} does not give out what it has"
            )
        return found

    async def write(self, publisher: Publisher, source: Source) -> Claim:
        """Add one's own, and tell what the queue gives out next."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        body = json.dumps({"source": asdict(source), "since": now}).encode()
        await publisher.publish_confirmed(
            Publication(SOURCE_EXCHANGE, "", body, content_type="application/json")
        )
        found = await self._given()
        if found.source.id != source.id:
            # One's own is behind it.
            await self._given()
        return found

    def drop(self, source_id: str) -> None:
        """Take what says that the broker is this one's out of the queue."""
        if self.consumer is not None:
            self.consumer.ack(
                tag for found, tag in self._seen if found.source.id == source_id
            )


@asynccontextmanager
async def _looking(session: Connection) -> AsyncIterator[_Claims]:
    """Be the only one who looks, and give back what was not acked."""
    claims = _Claims()
    until = time.monotonic() + _LOOKING_S
    while claims.consumer is None:
        states = await session.inspect(SOURCE_QUEUE)
        state = states[SOURCE_QUEUE]
        claims.is_empty = state is None or state.depth == 0
        try:
            claims.consumer = await session.consume(
                SOURCE_QUEUE, claims.take_in, prefetch=_MOST, is_exclusive=True
            )
        except ChannelRefusedError as exc:
            if exc.code != _ACCESS_REFUSED or time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)
    try:
        yield claims
    finally:
        await claims.consumer.close()


def _read(delivery: Delivery) -> Claim:
    """Read what stands there; what nobody of ours wrote belongs to somebody else."""
    try:
        told = json.loads(delivery.body)
        source = told["source"]
        words = [str(source[name])[:200] for name in ("id", "name", "server")]
        return Claim(Source(*words), str(told["since"])[:40])
    except (ValueError, TypeError, LookupError, RecursionError):
        return Claim(Source("unknown", "unknown", "unknown"), "unknown")
