"""The position that belongs to what was read: where its reader goes on with events.

What a snapshot shows is committed, but not all of it has a sequence yet: the relay
gives those afterwards. The queue says which changesets they are. So a reader is told up
to which sequence everything is in what he got, and which later ones are in it as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from aviso.problems import Unavailable

# A busy relay numbers within some milliseconds, one that has just fallen asleep later.
PATIENCE_S = 2.0
_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.1
# Whoever has more before him gets nothing from a position now.
_MOST_UNNUMBERED = 10_000

_STANDING = f"""
    SELECT epoch, sequence, ARRAY(
        SELECT changeset FROM aviso.queue WHERE queue.feed = feeds.slug AND size > 0
        LIMIT {_MOST_UNNUMBERED + 1})
    FROM aviso.feeds JOIN aviso.feed_heads ON feed_heads.feed = slug WHERE slug = %s
"""
_NUMBERED = """
    SELECT first, last FROM aviso.places WHERE changeset = ANY(%s) ORDER BY first
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a feed is in a snapshot: all up to `sequence`, and these changesets."""

    epoch: str
    sequence: int
    unnumbered: Sequence[int]


@dataclass(frozen=True, slots=True)
class Position:
    """Everything up to `sequence` is contained, and the ranges of `contains`."""

    epoch: str
    sequence: int
    contains: Sequence[tuple[int, int]]


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Have every statement of the block see the same state; nothing may be written.

    Around all else: within another transaction there is no snapshot to be chosen.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def read_standing(feed: str) -> Standing:
    """Read how the feed stands in the snapshot of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [feed])
        return Standing(*cursor.fetchone())


def wait_for_position(standing: Standing) -> Position:
    """Wait for the sequences of what is in the snapshot without one.

    Raises Unavailable where the relay does not give them in time.
    """
    wanted = list(standing.unnumbered)
    ranges: list[tuple[int, int]] = []
    deadline = time.monotonic() + PATIENCE_S
    pause_s = _FIRST_PAUSE_S
    while wanted:
        if len(wanted) <= _MOST_UNNUMBERED:
            ranges = _read_ranges(wanted)
        if len(ranges) == len(wanted):
            break
        if len(wanted) > _MOST_UNNUMBERED or time.monotonic() > deadline:
            raise Unavailable(
                "The feed's newest events have no numbers yet: try again in 1 s",
                headers={"Retry-After": "1"},
            )
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    return _make_position(standing, ranges)


def render_position(position: Position) -> str:
    contains = [[str(first), str(last)] for first, last in position.contains]
    return (
        f'{{"epoch":"{position.epoch}","sequence":"{position.sequence}",'
        f'"contains":{json.dumps(contains, separators=(",", ":"))}}}'
    )


def _read_ranges(changesets: list[int]) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERED, [changesets])
        return list(cursor.fetchall())


def _make_position(standing: Standing, ranges: list[tuple[int, int]]) -> Position:
    sequence = standing.sequence
    contains: list[tuple[int, int]] = []
    for first, last in ranges:
        if first == sequence + 1:
            sequence = last
        elif contains and first == contains[-1][1] + 1:
            contains[-1] = (contains[-1][0], last)
        else:
            contains.append((first, last))
    return Position(standing.epoch, sequence, contains)
