"""Keeps a session with the broker while a term lasts, whatever the broker does.

It connects, sees whether the topology is there and the broker this database's, opens
what publishes and what consumes, and starts over after any failure, with a growing
delay. The first failure and the recovery are logged, not each try; so is what a person
has to mend.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from amqp_client.connection import Connection
from amqp_client.consumer import Consumer, Delivered
from amqp_client.errors import (
    BrokerError,
    BrokerUnavailableError,
    TopologyMissingError,
)
from amqp_client.messages import Delivery, Outcome
from amqp_client.publisher import Publisher

from aviso.broker.topology import (
    PARKED_QUEUE,
    REPORTS_QUEUE,
    pusher_queues,
    relay_topology,
)
from aviso.outbox.source import Source
from aviso.relay.claim import BrokerOfAnotherError, claim
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
        self._topology = relay_topology(configuration.queues)
        self._listener = listener
        self._status = status
        self._session: Connection | None = None
        self._missing: str | None = None
        self.publisher: Publisher | None = None

    async def run(self, source: Source) -> None:
        """Keep a session up for a database's relay until cancelled."""
        backoff = Backoff()
        try:
            while True:
                if self._status.refusal is None:
                    self._status.set_broker("connecting")
                error = await self._run_session(source, backoff)
                self._status.metrics.broker_losses.inc()
                if isinstance(error, BrokerOfAnotherError):
                    self._say_refused(str(error))
                    await asyncio.sleep(backoff.next_s())
                    continue
                self._status.set_broker("connecting")
                if isinstance(error, TopologyMissingError):
                    self._say_missing(str(error))
                elif backoff.failures == 0:
                    logger.warning(
                        "No broker: %s", error, extra={"outcome": "broker-lost"}
                    )
                await asyncio.sleep(backoff.next_s())
        finally:
            self._status.set_broker("idle")

    async def look_for_missing(self) -> None:
        """Say what the broker lacks: it had no queue for a message."""
        if self._session is None:
            return
        try:
            await self._check(self._session)
        except TopologyMissingError as exc:
            self._say_missing(str(exc))
        except BrokerError as exc:
            logger.warning("Topology: %s", exc)
        else:
            self._say_missing(
                "RabbitMQ lacks a binding from 'record-events' to a queue:"
                " load deploy/rabbitmq/definitions.json into it"
            )

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
            queues = pusher_queues(self._configuration.queues)
            states = await self._session.inspect(*queues)
        except BrokerError:
            return False
        for name, state in states.items():
            if state is None:
                # Its feeds went to the queues that are left, as long as there are any.
                self._say_missing(str(TopologyMissingError("queue", name)))
        return all(state and state.consumers for state in states.values())

    async def _run_session(self, source: Source, backoff: Backoff) -> BrokerError:
        session: Connection | None = None
        try:
            session = await Connection.open(
                self._configuration.amqp_url, name="aviso relay"
            )
            await self._check(session)
            publisher = await session.open_publisher(self._listener.on_settled)
            await self._claim(session, publisher, source)
            self.publisher = publisher
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

    async def _check(self, session: Connection) -> None:
        await session.check(
            exchanges=self._topology.exchanges, queues=self._topology.queues
        )

    async def _claim(
        self, session: Connection, publisher: Publisher, source: Source
    ) -> None:
        takes = self._configuration.takes_broker
        before = await claim(session, publisher, source, takes=takes)
        if before is not None:
            logger.warning(
                "RabbitMQ belonged to %s; it is %r at %s's now",
                before,
                source.name,
                source.server,
                extra={"outcome": "broker-taken"},
            )

    def _say_refused(self, words: str) -> None:
        if self._status.refuse_broker(words):
            logger.error("%s", words, extra={"outcome": "broker-refused"})

    def _say_missing(self, words: str) -> None:
        if words != self._missing:
            logger.error("%s", words, extra={"outcome": "topology-missing"})
        self._missing = words

    async def _consume(self, session: Connection, queue: str) -> None:
        """Consume a queue, beside the publishing and without holding it up.

        A quorum queue that came back without its data never answers basic.consume
        (RabbitMQ 3.10.8, killed within minutes after the queue was made).
        """
        delivered: Delivered = self._listener.on_reports
        prefetch = 0
        # A consumer of reports that stands still and still has its connection takes no
        # more than it has: the newest one comes first.
        arguments: dict[str, object] = {"x-priority": int(time.time())}
        if queue == PARKED_QUEUE:
            delivered, prefetch = self._listener.on_parked, PARKED_PREFETCH
            arguments = {}
        backoff = Backoff(first_s=1.0, longest_s=60.0)
        while True:
            try:
                await session.consume(
                    queue, delivered, prefetch=prefetch, arguments=arguments
                )
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

    def _begin(self, session: Connection, backoff: Backoff) -> None:
        if backoff.failures:
            logger.info("The broker is back", extra={"outcome": "broker-back"})
        backoff.reset()
        self._missing = None
        session.on_blocked = self._on_blocked
        self._session = session
        self._on_blocked(session.is_blocked)
        self._listener.on_ready()

    async def _end(self, session: Connection | None) -> None:
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

    def _on_blocked(self, blocked: bool) -> None:
        self._status.set_broker("blocked" if blocked else "connected")
        if not blocked:
            self._listener.on_ready()
            return
        logger.warning(
            "The broker is short of memory or disk and takes nothing now",
            extra={"outcome": "broker-blocked"},
        )
