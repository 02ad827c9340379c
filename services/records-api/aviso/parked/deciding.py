"""What a person does about parked events, on the admin site or the command line.

Each function is one transaction, locks its row, and writes down who did it and when.
Doing it twice raises AlreadyHandledError and changes nothing.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from aviso.outbox.connection import CHANNEL, PARKED_NOTICE
from aviso.parked.errors import AlreadyHandledError, RecordGoneError
from aviso.parked.models import ParkedEvent

# The log has no index on the events' ids: an event is found by its place in its feed.
_FIND = """
SELECT type, subject, reader, data, aviso.is_record_data(data) FROM aviso.places
JOIN aviso.events ON events.changeset = places.changeset
    AND place = %(sequence)s - first + 1
WHERE places.feed = %(feed)s AND first <= %(sequence)s AND last >= %(sequence)s
    AND aviso.event_id(events.changeset, place, time) = %(event_id)s
"""

# The same kind of event again, with the record as it is now: a new event, so a new id
# and a new sequence. In SQL, because only the database may say what the record is; and
# locked, or a change that is under way would have its place before this.
_TELL_CURRENT = """
WITH locked AS MATERIALIZED (
    SELECT * FROM aviso.records
    WHERE id = aviso.record_id(%(subject)s) AND feed = %(feed)s FOR NO KEY UPDATE
)
SELECT aviso.tell(feed, %(type)s, id::text, NULL,
    aviso.record_data(id, version, created_at, updated_at, data))
FROM locked
"""

# A deletion tells the record as it was last. Not if it was made again meanwhile: then
# the page would take a record away that is there.
_TELL_DELETED = """
SELECT aviso.tell(%(feed)s, 'deleted', %(subject)s, NULL, %(data)s)
WHERE NOT EXISTS (
    SELECT FROM aviso.records WHERE id = aviso.record_id(%(subject)s))
"""

# The row of another table is what the log says last of it.
_TELL_ROW = """
SELECT aviso.tell(%(feed)s, last.type, %(subject)s, NULL, last.data)
FROM aviso.last_event(%(feed)s, %(subject)s) AS last
WHERE (last.type = 'deleted') = (%(type)s = 'deleted')
"""

# A row that could not be told still can't, as far as anybody knows.
_TELL_UNAVAILABLE = """
SELECT aviso.tell(%(feed)s, 'unavailable', %(subject)s, NULL, %(data)s)
"""

# A reader may have been let in and put out since: what counts is what holds now.
_TELL_READER = """
SELECT aviso.tell(feed, CASE WHEN revoked_at IS NULL THEN 'granted' ELSE 'revoked' END,
    NULL, reader, '{}')
FROM aviso.readers WHERE feed = %(feed)s AND reader = %(reader)s
"""
_STATEMENTS = {
    "deleted": _TELL_DELETED,
    "granted": _TELL_READER,
    "revoked": _TELL_READER,
    "unavailable": _TELL_UNAVAILABLE,
}
_OF_NO_RECORD = {"granted", "revoked", "unavailable"}


@transaction.atomic
def send_again(*, parked_id: UUID, by: str) -> ParkedEvent:
    """Send a parked event again.

    An event of ours becomes a new event of the same type with the record's current
    state, or of the type that says how the reader stands now. Anything else is
    published by the active relay as it came (state `sending`, then `sent`). Raises
    AlreadyHandledError, or RecordGoneError when there is no record to tell about, or
    when it was a reset, behind which the feed has gone on; nothing is changed then.
    """
    parked = _lock(parked_id)
    event = _find_event(parked)
    if event is None and _is_pruned(parked):
        raise RecordGoneError(
            f"{parked.pk}: the event was pruned; write the record again to send it"
        )
    if event is None:
        return _note(parked, ParkedEvent.State.SENDING, by)
    if event["type"] == "reset":
        raise RecordGoneError(
            f"{parked.pk}: the feed has gone on behind its reset, which would take away"
            " what came since; track its table again"
        )
    parked.sent_as = _tell(parked, event)
    return _note(parked, ParkedEvent.State.SENT, by)


@transaction.atomic
def drop(*, parked_id: UUID, by: str) -> ParkedEvent:
    """Give a parked event up; it stays in the table, with who decided so."""
    return _note(_lock(parked_id), ParkedEvent.State.DROPPED, by)


def _lock(parked_id: UUID) -> ParkedEvent:
    parked = ParkedEvent.objects.select_for_update().get(pk=parked_id)
    if parked.state != ParkedEvent.State.PARKED:
        raise AlreadyHandledError(
            f"{parked.pk} is {parked.state} already, by {parked.handled_by}",
            parked.state,
        )
    return parked


def _find_event(parked: ParkedEvent) -> dict[str, Any] | None:
    """Return what the event was about, None if it is none of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FIND,
            {
                "feed": parked.feed,
                "sequence": parked.sequence,
                "event_id": parked.event_id,
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    names = ("type", "subject", "reader", "data", "is_record")
    return dict(zip(names, row, strict=True))


def _is_pruned(parked: ParkedEvent) -> bool:
    """Tell whether its place lies before all that its feed has kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s <= pruned FROM aviso.feed_progress WHERE feed = %s",
            [parked.sequence, parked.feed],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def _tell(parked: ParkedEvent, event: dict[str, Any]) -> UUID:
    is_deletion = event["type"] == "deleted"
    with connection.cursor() as cursor:
        query = _TELL_ROW
        if event["is_record"] or event["type"] in _OF_NO_RECORD:
            query = _STATEMENTS.get(event["type"], _TELL_CURRENT)
        cursor.execute(query, {**event, "feed": parked.feed})
        row = cursor.fetchone()
    if row is None:
        raise RecordGoneError(
            f"{parked.pk}: the record exists again, so its deletion can't be told"
            if is_deletion
            else f"{parked.pk}: the record is gone, there is nothing left to tell"
        )
    return UUID(str(row[0]))


def _note(parked: ParkedEvent, state: ParkedEvent.State, by: str) -> ParkedEvent:
    parked.state = state
    parked.handled_at = timezone.now()
    parked.handled_by = by
    parked.save(update_fields=["state", "handled_at", "handled_by", "sent_as"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, PARKED_NOTICE])
    return parked
