"""A pika channel and connection that say what a test has them say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pika


class SilentChannel:
    """Takes what is asked of it and says nothing until it is told to."""

    def __init__(self) -> None:
        self.is_open = True
        self.published: list[dict[str, Any]] = []
        self.acked: list[tuple[int, bool]] = []
        self.consuming: dict[str, Any] = {}
        self.on_close: Any = None
        self._answer: Any = None
        self._return: Any = None

    def add_on_close_callback(self, callback: Any) -> None:
        self.on_close = callback

    def add_on_cancel_callback(self, _callback: Any) -> None:
        pass

    def add_on_return_callback(self, callback: Any) -> None:
        self._return = callback

    def confirm_delivery(self, callback: Any, ack_nack_callback: Any) -> None:
        self._answer = ack_nack_callback
        callback(None)

    def basic_qos(self, prefetch_count: int, callback: Any) -> None:
        self.consuming["prefetch"] = prefetch_count
        callback(None)

    def basic_consume(self, callback: Any, **options: Any) -> None:
        self.consuming |= options
        callback(None)

    def basic_publish(self, **message: Any) -> None:
        self.published.append(message)

    def basic_ack(self, tag: int, multiple: bool) -> None:
        self.acked.append((tag, multiple))

    def queue_declare(self, queue: str, passive: bool, callback: Any) -> None:
        """Says nothing."""

    def close(self) -> None:
        self.is_open = False
        self.on_close(self, pika.exceptions.ChannelClosedByClient(200, "closed"))

    def ack(self, tag: int, multiple: bool = False) -> None:
        method = pika.spec.Basic.Ack(delivery_tag=tag, multiple=multiple)
        self._answer(SimpleNamespace(method=method))

    def nack(self, tag: int) -> None:
        method = pika.spec.Basic.Nack(delivery_tag=tag)
        self._answer(SimpleNamespace(method=method))

    def give_back(self, number: int) -> None:
        """Return the message with this place among those that were published."""
        message = self.published[number]
        method = SimpleNamespace(
            exchange=message["exchange"], routing_key=message["routing_key"]
        )
        self._return(self, method, message["properties"], message["body"])

    def deliver(self, tag: int) -> None:
        method = SimpleNamespace(delivery_tag=tag, routing_key="key", redelivered=False)
        self.consuming["on_message_callback"](
            self, method, pika.BasicProperties(headers={"feed": "orders"}), b"body"
        )


class PikaConnection:
    def __init__(self) -> None:
        self.opened = SilentChannel()

    def channel(self, on_open_callback: Any) -> SilentChannel:
        on_open_callback(self.opened)
        return self.opened


class Keeper:
    """What a publisher needs of its connection."""

    def __init__(self) -> None:
        self.is_blocked = False
        self.unblocked_at = 0.0
        self.reasons: list[str] = []

    def give_up(self, reason: str) -> None:
        self.reasons.append(reason)
