"""A publish waits for its confirm, and not for ever."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pika
import pytest

from xmpp_pusher.amqp import connection
from xmpp_pusher.amqp.connection import Link, Outlet
from xmpp_pusher.errors import BrokerGone, NotConfirmed


class SilentChannel:
    """Takes what is published and says nothing until it is told to."""

    def __init__(self) -> None:
        self.published = 0
        self.confirm: Any = None

    def add_on_return_callback(self, _callback: object) -> None:
        pass

    def confirm_delivery(self, callback: Any, ack_nack_callback: Any) -> None:
        self.confirm = ack_nack_callback
        callback(None)

    def basic_publish(self, *_arguments: object, **_options: object) -> None:
        self.published += 1

    def ack(self, tag: int) -> None:
        self.confirm(SimpleNamespace(method=pika.spec.Basic.Ack(delivery_tag=tag)))


async def start() -> tuple[Link, SilentChannel, Outlet]:
    link, channel = Link(pika.URLParameters("amqp://")), SilentChannel()
    outlet = Outlet(link, channel)
    await outlet.start()
    return link, channel, outlet


async def publish(outlet: Outlet) -> None:
    await outlet.publish("", "queue", b"", content_type=None, headers={})


async def test_without_a_confirm_in_time_the_connection_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "CONFIRM_TIMEOUT_S", 0.05)
    link, channel, outlet = await start()

    async with asyncio.timeout(5):
        with pytest.raises(NotConfirmed, match="no confirm within"):
            await publish(outlet)
        # What its keeper waits for, and what whoever else waits on it is told.
        assert "no confirm within" in await link.wait_closed()
        with pytest.raises(NotConfirmed):
            await publish(outlet)
        with pytest.raises(BrokerGone):
            await link.wait(asyncio.get_running_loop().create_future())
    assert 2 == channel.published


async def test_a_broker_that_says_that_it_is_blocked_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "CONFIRM_TIMEOUT_S", 0.02)
    link, channel, outlet = await start()
    link.is_blocked = True
    publishing = asyncio.create_task(publish(outlet))
    await asyncio.sleep(0.2)
    assert not publishing.done()

    channel.ack(1)

    async with asyncio.timeout(5):
        await publishing
