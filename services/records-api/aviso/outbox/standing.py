"""What the relay says of itself in the database, for `aviso.database.hindrance`.

With its look after the tables, every few seconds, and soon after a change; what it says
of one moment is one row that is written over.
"""

from __future__ import annotations

from dataclasses import dataclass

from aviso.outbox.connection import Connection, fetch

# Without waiting for the disk: a few seconds later it is written anew.
_WRITE = """
INSERT INTO aviso.relay (seen_at, broker, refusal)
SELECT clock_timestamp(), %s, %s
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS relaxed
ON CONFLICT (is_one) DO UPDATE SET seen_at = excluded.seen_at,
    broker = excluded.broker, refusal = excluded.refusal
RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """`broker` is one of `metrics.BROKER_STATES`; `refusal` says whose it is."""

    broker: str
    refusal: str | None = None


async def write_standing(connection: Connection, standing: Standing) -> None:
    """Raises DatabaseLostError or StatementRefusedError."""
    await fetch(connection, _WRITE, (standing.broker, standing.refusal))
