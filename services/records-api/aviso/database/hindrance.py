"""Why nothing is sent, for people who look at feeds and tables and not at the relay.

It is what the relay last wrote down of itself (`aviso.outbox.standing`).
"""

from __future__ import annotations

from datetime import UTC

from django.db import connection

# Longer than a look after the tables takes, with each statement as slow as it may be.
GONE_AFTER_S = 90

_READ = """
SELECT broker, refusal, seen_at,
    clock_timestamp() - seen_at > make_interval(secs => %s)
FROM aviso.relay
"""
_NOT_WELL = {
    "idle": "the relay has no connection to RabbitMQ",
    "connecting": "the relay has no connection to RabbitMQ",
    "blocked": "RabbitMQ takes nothing at present; it is short of memory or of disk",
    "refused": "the relay's broker belongs to another database",
}


def find_hindrance() -> str | None:
    """Say why nothing is sent, in words for "nothing is sent: …"; None: it is.

    As it was some seconds ago. What the pusher does, or a single feed waits for, is not
    in it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_READ, [GONE_AFTER_S])
        row = cursor.fetchone()
    if row is None:
        return "no relay has been seen yet"
    broker, refusal, seen_at, is_gone = row
    if is_gone:
        since = seen_at.astimezone(UTC)
        return f"no relay has been seen since {since:%Y-%m-%d %H:%M:%S} UTC"
    return refusal or _NOT_WELL.get(broker)
