"""How full the outbox is: one question, asked by the relay and by `pipeline`."""

from __future__ import annotations

from dataclasses import dataclass

# An unnumbered event is unpublished too, so one look at a partial index answers all.
MEASURE = """
SELECT count(*), count(*) FILTER (WHERE sequence IS NULL),
    coalesce(extract(epoch FROM clock_timestamp() - min(time)), 0)::float8
FROM aviso.events WHERE published_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Depth:
    """Events that the broker has not confirmed, how many of them have no sequence
    yet, and the age of the oldest in seconds (0 if there is none)."""

    unpublished: int
    unnumbered: int
    oldest_age_s: float
