"""Keeps a session with the broker while a term lasts, whatever the broker does.

It connects, declares the topology, opens what publishes and what consumes, and starts
over after any failure, with a growing delay. The first failure and the recovery are
logged, not each try.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from aviso.broker.channels import Consumer, Delivered, Publisher
from aviso.broker.errors import BrokerError, BrokerUnavailableError
from aviso.broker.messages import Delivery, Outcome
from aviso.broker.session import Session
from aviso.broker.topology import (
    PARKED_QUEUE,
    REPORTS_QUEUE,
    build_topology,
    pusher_queues,
)
from aviso.relay.configuration import Configuration
from aviso.relay.delays import Backoff
from aviso.relay.status import Status

logger = logging.getLogger("aviso.relay.link")

PARKED_PREFETCH = 20


class Listener(Protocol):
    """What the link tells of the broker. Nothing here may block or raise."""

    def on_ready(self) -> None: ...

    def on_lost(self, error: BrokerError) -> None: ...

    def on_settled(self, token: object, outcome: Outcome) -> None: ...

    def on_parked(self, consumer: Consumer, delivery: Delivery) -> None: ...

    def on_reports(self, consumer: Consumer, delivery: Delivery) -> None: ...


class Link:
    """The way to the broker; `publisher` is None while there is none."""

    def __init__(
        self, configuration: Configuration, listener: Listener, status: Status
    ) -> None:
        self._configuration = configuration
        self._topology = build_topology(configuration.queues)
        self._listener = listener
        self._status = status
        self._session: Session | None = None
        self.publisher: Publisher | None = None

    async def run(self) -> None:
        """Keep a session up until cancelled."""
        backoff = Backoff()
        while True:
            self._status.set_broker("connecting")
            error = await self._run_session(backoff)
            self._status.metrics.broker_losses.inc()
            if backoff.failures == 0:
                logger.warning("No broker: %s", error, extra={"outcome": "broker-lost"})
            await asyncio.sleep(backoff.next_s())

    async def redeclare(self) -> None:
        """Declare the topology again, should somebody have taken a part of it away.

        Raises BrokerError.
        """
        if self._session is None:
            raise BrokerUnavailableError("there is no session with the broker")
        await self._session.declare(self._topology)

    def give_up(self, reason: str) -> None:
        """Begin anew with another session: this one is of no use."""
        if self._session is not None:
            self._session.give_up(reason)

    def may_publish(self) -> bool:
        return (
            self.publisher is not None
            and self._session is not None
            and not self._session.is_blocked
        )

    async def is_consumed(self) -> bool:
        """Tell whether each of the pusher's queues has somebody who reads it."""
        if self._session is None:
            return False
        try:
            for name in pusher_queues(self._configuration.queues):
                state = await self._session.inspect(name)
                if state is None or state.consumers == 0:
                    return False
        except BrokerError:
            return False
        return True

    async def _run_session(self, backoff: Backoff) -> BrokerError:
        session: Session | None = None
        try:
            session = await Session.open(
                self._configuration.amqp_url, name="aviso relay"
            )
            await session.declare(self._topology)
            self.publisher = await session.open_publisher(self._listener.on_settled)
            self._begin(session, backoff)
            consuming = [
                asyncio.create_task(self._consume(session, REPORTS_QUEUE)),
                asyncio.create_task(self._consume(session, PARKED_QUEUE)),
            ]
            try:
                return await asyncio.shield(session.failure)
            finally:
                for task in consuming:
                    task.cancel()
        except BrokerError as exc:
            return exc
        finally:
            await self._end(session)

    async def _consume(self, session: Session, queue: str) -> None:
        """Consume a queue, beside the publishing and without holding it up.

        A quorum queue that came back without its data never answers basic.consume
        (RabbitMQ 3.10.8, killed within minutes after the queue was made).
        """
        delivered: Delivered = self._listener.on_reports
        prefetch = 0
        if queue == PARKED_QUEUE:
            delivered, prefetch = self._listener.on_parked, PARKED_PREFETCH
        backoff = Backoff(first_s=1.0, longest_s=60.0)
        while True:
            try:
                await session.consume(queue, delivered, prefetch=prefetch)
            except BrokerError as exc:
                if backoff.failures == 0:
                    logger.warning(
                        "%s can't be read: %s",
                        queue,
                        exc,
                        extra={"outcome": "queue-lost"},
                    )
                await asyncio.sleep(backoff.next_s())
            else:
                return

    def _begin(self, session: Session, backoff: Backoff) -> None:
        if backoff.failures:
            logger.info("The broker is back", extra={"outcome": "broker-back"})
        backoff.reset()
        session.on_blocked = self._on_blocked
        self._session = session
        self._on_blocked(session.is_blocked)
        self._listener.on_ready()

    async def _end(self, session: Session | None) -> None:
        if self.publisher is not None:
            self.publisher.mute()
        self.publisher = None
        was_ready, self._session = self._session is not None, None
        if session is None:
            return
        if was_ready:
            error = session.failure.result() if session.failure.done() else None
            self._listener.on_lost(
                error or BrokerUnavailableError("the session was closed")
            )
        await session.close()
        self._status.set_broker("idle")

    def _on_blocked(self, blocked: bool) -> None:
        self._status.set_broker("blocked" if blocked else "connected")
        if not blocked:
            self._listener.on_ready()
            return
        logger.warning(
            "The broker is short of memory or disk and takes nothing now",
            extra={"outcome": "broker-blocked"},
        )
