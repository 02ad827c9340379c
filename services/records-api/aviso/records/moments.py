"""The moment in a feed's past that `at` names: by a sequence, or by a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.http import QueryDict

from aviso.exact_json.times import format_time, read_time
from aviso.feeds.rendering import FeedRow
from aviso.problems import BadRequest, show
from aviso.rest.paging import check_parameters

AT = "at"
PARAMETERS = {AT, "limit", "cursor"}

# Sequences have no gaps, and every event after `pruned` is there. Events are halved
# until one is left: some twenty looks into an index, however long the feed is.
_FIND = """
WITH RECURSIVE search (low, high) AS (
    SELECT pruned, %(head)s::bigint FROM aviso.feed_progress WHERE feed = %(feed)s
    UNION ALL
    SELECT CASE WHEN is_before THEN middle ELSE low END,
        CASE WHEN is_before THEN high ELSE middle - 1 END
    FROM search
    CROSS JOIN LATERAL (SELECT (low + high + 1) / 2 AS middle) AS half
    CROSS JOIN LATERAL (
        SELECT coalesce((
            SELECT time <= %(time)s FROM (
                SELECT changeset, middle - first + 1 AS place FROM aviso.places
                WHERE feed = %(feed)s AND first <= middle ORDER BY first DESC LIMIT 1
            ) AS at JOIN aviso.events USING (changeset, place)
        ), false) AS is_before
    ) AS judged
    WHERE low < high
)
SELECT low FROM search WHERE low >= high
"""
_TIME = """
SELECT time FROM (
    SELECT changeset, %(sequence)s - first + 1 AS place FROM aviso.places
    WHERE feed = %(feed)s AND first <= %(sequence)s ORDER BY first DESC LIMIT 1
) AS at JOIN aviso.events USING (changeset, place)
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """After the event with this sequence, which was written at `time`.

    Sequence 0, without a time, is before every event.
    """

    feed: str
    sequence: int
    time: datetime | None


def check_beside_at(query: QueryDict, others: set[str], prefix: str) -> None:
    """Refuse what a list without `at` takes, and what none takes."""
    for name in query:
        if name in others - PARAMETERS or name.startswith(prefix):
            raise BadRequest(
                f"{name} goes with the records as they are now, and not with {AT}",
                field=name,
            )
    check_parameters(query, PARAMETERS)


def find_moment(feed: FeedRow, query: QueryDict) -> Moment:
    """Return the moment that `at` names: a sequence up to the head, or a time.

    A time names the newest event that was written by then. Events are in the order of
    their sequences: one of a long transaction may be older than the one before.
    Raises BadRequest for what is neither, and for what the feed has not.
    """
    text = query.get(AT, "")
    if re.fullmatch(r"[0-9]{1,18}", text):
        sequence = int(text)
        if sequence > feed.head:
            raise BadRequest(
                f"{AT} is {show(text)}, and the feed's newest event is {feed.head}",
                field=AT,
            )
    else:
        time = read_time(text)
        if time is None:
            raise BadRequest(
                f"{AT} is {show(text)}, expected a sequence of the feed, or a time such"
                " as 2026-11-24T09:30:00Z (in an address the + of an offset is"
                " written %2B)",
                field=AT,
            )
        sequence = _find_sequence(feed, time)
    check_kept(feed.slug, text, sequence)
    return Moment(feed.slug, sequence, _find_time(feed.slug, sequence))


def check_kept(feed: str, text: str, sequence: int) -> int:
    """Return the oldest sequence that is kept.

    Raises BadRequest for one before it. To be looked at again after everything else:
    events may be pruned meanwhile.
    """
    pruned = find_pruned(feed)
    if pruned and sequence <= pruned:
        oldest = _find_time(feed, pruned + 1)
        written = f", of {format_time(oldest)}" if oldest else ""
        raise BadRequest(
            f"{AT} is {show(text)}, and what was before the event {pruned + 1}{written}"
            " was pruned: it is the oldest to be asked for",
            field=AT,
        )
    return pruned + 1


def render_moment(moment: Moment, oldest: int) -> str:
    time = "null" if moment.time is None else f'"{format_time(moment.time)}"'
    return f'{{"sequence":{moment.sequence},"time":{time},"oldest":{oldest}}}'


def find_pruned(feed: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pruned FROM aviso.feed_progress WHERE feed = %s", [feed])
        return int(cursor.fetchone()[0])


def _find_sequence(feed: FeedRow, time: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"feed": feed.slug, "head": feed.head, "time": time})
        return int(cursor.fetchone()[0])


def _find_time(feed: str, sequence: int) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(_TIME, {"feed": feed, "sequence": sequence})
        found: tuple[datetime] | None = cursor.fetchone()
    return None if found is None else found[0]
