"""RabbitMQ as a foreign publisher sees it: messages that are none of the relay's."""

from __future__ import annotations

import pika

BATCH = "aviso.batch.v2"


def publish(
    amqp_url: str,
    body: bytes,
    *,
    feed: str,
    epoch: str = "abcd",
    first: int = 1,
    last: int | None = None,
    kind: str = BATCH,
    encoding: str | None = None,
) -> None:
    """Publish `body` as if it were a batch of `feed`; wait for the confirm.

    `last` is `first` unless it is given; `kind` is the message's type.
    """
    last = first if last is None else last
    parameters = pika.URLParameters(amqp_url)
    connection = pika.BlockingConnection(parameters)
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(
            "record-events",
            f"feed.{feed}.batch",
            body,
            pika.BasicProperties(
                type=kind,
                content_type="application/json",
                content_encoding=encoding,
                delivery_mode=2,
                message_id=f"{feed}:{epoch}:{first}-{last}",
                headers={
                    "feed": feed,
                    "epoch": epoch,
                    "first": str(first),
                    "last": str(last),
                    "run": "none-of-the-relays",
                },
            ),
            mandatory=True,
        )
    finally:
        connection.close()
