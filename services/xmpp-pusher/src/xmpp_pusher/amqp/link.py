"""Keeps a connection to RabbitMQ: thrown away whole when it fails, and made anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from amqp_client.connection import Connection
from amqp_client.errors import BrokerError, TopologyMissingError

from ..backoff import Backoff

log = logging.getLogger(__name__)


class Link:
    """``connections`` counts those that there have been.

    ``set_up`` opens on each new connection what is needed; ``work``, if there is one,
    then runs until it fails. ``on_gone`` hears of its end, before it is closed.
    ``purpose`` is for the log and for RabbitMQ's management.
    """

    def __init__(
        self,
        url: str,
        purpose: str,
        set_up: Callable[[Connection], Awaitable[None]],
        on_gone: Callable[[], None],
        work: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._url = url
        self._purpose = purpose
        self._set_up = set_up
        self._on_gone = on_gone
        self._work = work
        self._missing: str | None = None
        self.is_connected = False
        self.connections = 0

    async def run(self) -> None:
        """Stay connected until cancelled."""
        backoff = Backoff()
        while True:
            reason = await self._stay_connected(backoff)
            self._say(reason, is_first=backoff.failures == 0)
            await asyncio.sleep(backoff.next_s())

    async def _stay_connected(self, backoff: Backoff) -> BrokerError:
        connection: Connection | None = None
        working: asyncio.Future[None] | None = None
        try:
            connection = await Connection.open(
                self._url, name=f"aviso pusher, {self._purpose}"
            )
            await self._set_up(connection)
            self._note_connected(backoff)
            waited: set[asyncio.Future[BrokerError] | asyncio.Future[None]]
            waited = {connection.failure}
            if self._work is not None:
                working = asyncio.ensure_future(self._work(connection))
                waited.add(working)
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if working is not None and working.done():
                working.result()
            return await connection.failure
        except BrokerError as error:
            return error
        finally:
            self.is_connected = False
            if working is not None:
                working.cancel()
                await asyncio.wait((working,))
            self._on_gone()
            if connection is not None:
                await connection.close()

    def _note_connected(self, backoff: Backoff) -> None:
        self.is_connected = True
        self.connections += 1
        self._missing = None
        backoff.reset()
        log.info("broker connected, %s", self._purpose, extra={"outcome": "connected"})

    def _say(self, reason: BrokerError, *, is_first: bool) -> None:
        """Log the first failure, not each try; and what a person has to mend."""
        if isinstance(reason, TopologyMissingError):
            if str(reason) != self._missing:
                log.error("%s", reason, extra={"outcome": "topology-missing"})
            self._missing = str(reason)
        elif is_first:
            log.warning(
                "broker gone, %s: %s",
                self._purpose,
                reason,
                extra={"outcome": "disconnected"},
            )
