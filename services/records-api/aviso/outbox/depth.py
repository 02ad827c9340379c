"""How full the outbox is."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

# Each feed that is behind waits for the event after its last published one; what is in
# the queue for its number. The oldest of the queue is its first changeset.
MEASURE = """
WITH behind AS MATERIALIZED (
    SELECT feed, sequence, published FROM aviso.feed_heads WHERE sequence > published
), waiting AS MATERIALIZED (
    SELECT coalesce(sum(size), 0)::bigint AS size,
        min(changeset) FILTER (WHERE size > 0) AS first
    FROM aviso.queue
), next AS (
    SELECT changeset, behind.published + 2 - place.first AS place
    FROM behind CROSS JOIN LATERAL (
        SELECT changeset, first FROM aviso.places
        WHERE feed = behind.feed AND first <= behind.published + 1
        ORDER BY first DESC LIMIT 1
    ) AS place
    UNION ALL SELECT first, 1 FROM waiting
)
SELECT waiting.size + (
        SELECT coalesce(sum(sequence - published), 0) FROM behind)::bigint,
    waiting.size,
    coalesce(extract(epoch FROM clock_timestamp() - (
        SELECT min(time) FROM next JOIN aviso.events USING (changeset, place)
    )), 0)::float8
FROM waiting
"""


@dataclass(frozen=True, slots=True)
class Depth:
    """Events that are not archived in their rooms, how many of them have no sequence
    yet, and the age of the oldest in seconds (0 if there is none)."""

    unpublished: int
    unnumbered: int
    oldest_age_s: float


def measure() -> Depth:
    """Tell how full the outbox is; one look into an index a feed."""
    with connection.cursor() as cursor:
        cursor.execute(MEASURE)
        return Depth(*cursor.fetchone())
