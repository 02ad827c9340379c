"""Writes parked events into the database, and sends those of others again.

On the lock's connection, called by the term's cycle. The order is: insert, commit,
then ack; publish, confirm, then mark as sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from amqp_client.consumer import Consumer
from amqp_client.messages import Delivery, Outcome, Publication
from psycopg.types.json import Jsonb

from aviso.broker.topology import EVENTS_EXCHANGE
from aviso.events.rendering import EventRow, render_event
from aviso.outbox.connection import Connection, fetch
from aviso.outbox.errors import StatementRefusedError
from aviso.outbox.metrics import Metrics
from aviso.parked.message import MOST_DETAIL_CHARS, ParkedMessage, read_parked

logger = logging.getLogger("aviso.parked.storing")

SEND_BATCH = 5

# One row a body. A copy changes nothing, but for one: a message that was sent again
# and has come back is parked again, or nobody would ever hear of it. A redelivery of
# what is here already (the ack was lost) is not that.
_INSERT = """
INSERT INTO aviso.parked_events (id, feed, event_id, sequence, cause, detail, parked_by,
    body, headers, routing_key, message_id, content_type, fingerprint, parked_at, state,
    handled_by)
VALUES (gen_random_uuid(), %(feed)s, %(event_id)s, %(sequence)s, %(cause)s, %(detail)s,
    %(parked_by)s, %(body)s, %(headers)s, %(routing_key)s, %(message_id)s,
    %(content_type)s, %(fingerprint)s, clock_timestamp(), 'parked', '')
ON CONFLICT (fingerprint) DO UPDATE SET state = 'parked', cause = excluded.cause,
    detail = excluded.detail, parked_by = excluded.parked_by,
    parked_at = excluded.parked_at
WHERE parked_events.state = 'sent' AND parked_events.sent_as IS NULL
    AND NOT %(redelivered)s
RETURNING id
"""

_SENDING = """
SELECT id, body, headers, routing_key, message_id, content_type FROM aviso.parked_events
WHERE state = 'sending' ORDER BY handled_at LIMIT %s
"""

_SETTLE = """
UPDATE aviso.parked_events SET state = %s, detail = coalesce(%s, detail)
WHERE id = %s AND state = 'sending' RETURNING id
"""


class Parking:
    """The table `parked_events`, as the active relay writes it."""

    def __init__(self, connection: Connection, metrics: Metrics) -> None:
        self._connection = connection
        self._metrics = metrics

    async def park_own(
        self, event: EventRow, epoch: str, cause: str, detail: str
    ) -> None:
        """Put aside an event that can't be relayed; once, however often tried."""
        parked = ParkedMessage(
            feed=event.feed,
            event_id=event.id,
            sequence=event.sequence,
            cause=cause,
            detail=detail[:MOST_DETAIL_CHARS],
            parked_by="relay",
            body=_render(event, epoch),
            headers={"feed": event.feed}
            | ({} if event.reader is None else {"reader": event.reader}),
            routing_key="",
            message_id=str(event.id),
            content_type="application/cloudevents+json",
        )
        if await self._insert(parked, redelivered=True):
            self._metrics.parked.labels("relay").inc()

    async def take_in(self, deliveries: Sequence[tuple[Consumer, Delivery]]) -> None:
        """Write down what was parked, and ack each once it is committed."""
        for consumer, delivery in deliveries:
            parked = read_parked(delivery)
            try:
                is_new = await self._insert_somehow(parked, delivery)
            except StatementRefusedError as exc:
                # It stays in the queue, unacknowledged; relaying must not end for it.
                logger.error("Not written down: %s", exc)
                continue
            if is_new:
                self._metrics.parked.labels(parked.parked_by).inc()
                logger.warning(
                    "Parked: %s",
                    parked.detail,
                    extra={
                        "event_id": parked.event_id and str(parked.event_id),
                        "feed": parked.feed,
                        "sequence": parked.sequence,
                        "outcome": "parked",
                        "cause": parked.cause,
                    },
                )
            consumer.ack([delivery.tag])

    async def send_foreign(self, publish: Callable[[Publication], None]) -> None:
        """Publish, as they came, parked messages that are no events of ours."""
        rows = await fetch(self._connection, _SENDING, (SEND_BATCH,))
        for parked_id, body, headers, routing_key, message_id, content_type in rows:
            publish(
                Publication(
                    exchange=EVENTS_EXCHANGE,
                    routing_key=routing_key,
                    body=bytes(body),
                    message_id=message_id,
                    content_type=content_type,
                    headers=_original_headers(headers),
                    token=parked_id,
                )
            )

    async def settle(self, resent: Sequence[tuple[UUID, Outcome]]) -> None:
        """Note what became of what `send_foreign` published."""
        for parked_id, outcome in resent:
            if outcome is Outcome.CONFIRMED:
                await fetch(self._connection, _SETTLE, ("sent", None, parked_id))
            elif outcome is Outcome.RETURNED:
                words = "sent again, but no queue takes its routing key"
                await fetch(self._connection, _SETTLE, ("parked", words, parked_id))

    async def _insert_somehow(self, parked: ParkedMessage, delivery: Delivery) -> bool:
        try:
            return await self._insert(parked, redelivered=delivery.is_redelivered)
        except StatementRefusedError as exc:
            # It can't be told what a stranger's headers hold: the body counts.
            logger.warning("Parked without its headers: %s", exc)
            bare = replace(parked, headers={}, routing_key="", message_id=None)
            return await self._insert(bare, redelivered=delivery.is_redelivered)

    async def _insert(self, parked: ParkedMessage, *, redelivered: bool) -> bool:
        rows = await fetch(
            self._connection,
            _INSERT,
            {
                "feed": parked.feed,
                "event_id": parked.event_id,
                "sequence": parked.sequence,
                "cause": parked.cause,
                "detail": parked.detail,
                "parked_by": parked.parked_by,
                "body": parked.body,
                "headers": Jsonb(parked.headers),
                "routing_key": parked.routing_key,
                "message_id": parked.message_id,
                "content_type": parked.content_type,
                "fingerprint": parked.fingerprint,
                "redelivered": redelivered,
            },
        )
        return bool(rows)


def _render(event: EventRow, epoch: str) -> bytes:
    """Render an event, or its bare data if it is that which can't be rendered."""
    try:
        return render_event(event, epoch)
    except Exception:  # noqa: BLE001 (whatever it is, the event is kept)
        return event.data.encode("utf-8", "backslashreplace")


def _original_headers(headers: dict[str, Any]) -> dict[str, Any]:
    """Take away what was added on the way to the parked queue."""
    return {
        name: value
        for name, value in headers.items()
        if not name.startswith(("aviso-", "x-delivery"))
    }
