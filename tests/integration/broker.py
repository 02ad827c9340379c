"""RabbitMQ as a foreign publisher sees it: messages that are none of the relay's."""

from __future__ import annotations

import pika


def publish(
    amqp_url: str,
    body: bytes,
    *,
    feed: str,
    kind: str = "created",
    exchange: str = "record-events",
) -> None:
    """Publish `body` as if it were an event of `feed`; wait for the confirm."""
    parameters = pika.URLParameters(amqp_url)
    connection = pika.BlockingConnection(parameters)
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(
            exchange,
            f"feed.{feed}.{kind}",
            body,
            pika.BasicProperties(
                content_type="application/cloudevents+json",
                delivery_mode=2,
                headers={"feed": feed},
            ),
            mandatory=True,
        )
    finally:
        connection.close()
