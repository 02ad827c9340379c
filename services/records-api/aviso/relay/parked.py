"""What a person does about parked events, on the admin site or the command line.

Each function is one transaction, locks its row, and writes down who did it and when.
Doing it twice raises AlreadyHandledError and changes nothing.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from aviso.relay.errors import AlreadyHandledError, RecordGoneError
from aviso.relay.models import ParkedEvent

# The same kind of event again, with the record as it is now: a new row, so a new id and
# a new sequence. In SQL, because only the database may say what the record is.
_SEND_CURRENT = """
INSERT INTO aviso.events (feed, type, subject, record_version, record_data,
    record_created_at, record_updated_at)
SELECT records.feed, events.type, records.id, records.version, records.data,
    records.created_at, records.updated_at
FROM aviso.events JOIN aviso.records
    ON records.id = events.subject AND records.feed = events.feed
WHERE events.id = %s AND events.type <> 'deleted'
RETURNING id
"""

# A deletion tells the record as it was last. Not if it was made again meanwhile: then
# the page would take a record away that is there.
_SEND_DELETED = """
INSERT INTO aviso.events (feed, type, subject, record_version, record_data,
    record_created_at, record_updated_at)
SELECT feed, type, subject, record_version, record_data,
    record_created_at, record_updated_at
FROM aviso.events WHERE id = %s AND type = 'deleted'
    AND NOT EXISTS (SELECT FROM aviso.records WHERE records.id = events.subject)
RETURNING id
"""

# A reader may have been let in and put out since: what counts is what holds now.
_SEND_READER = """
INSERT INTO aviso.events (feed, type, reader)
SELECT readers.feed,
    CASE WHEN readers.revoked_at IS NULL THEN 'granted' ELSE 'revoked' END,
    readers.reader
FROM aviso.events JOIN aviso.readers
    ON readers.feed = events.feed AND readers.reader = events.reader
WHERE events.id = %s
RETURNING id
"""
_STATEMENTS = {
    "deleted": _SEND_DELETED,
    "granted": _SEND_READER,
    "revoked": _SEND_READER,
}


@transaction.atomic
def send_again(*, parked_id: UUID, by: str) -> ParkedEvent:
    """Send a parked event again.

    An event of ours becomes a new event of the same type with the record's current
    state, or of the type that says how the reader stands now. Anything else is
    published by the active relay as it came (state `sending`, then `sent`). Raises
    AlreadyHandledError, or RecordGoneError when there is no record to tell about;
    nothing is changed then.
    """
    parked = _lock(parked_id)
    event_type = _find_type(parked)
    if event_type is None and _is_pruned(parked):
        raise RecordGoneError(
            f"{parked.pk}: the event was pruned; write the record again to send it"
        )
    if event_type is None:
        return _note(parked, ParkedEvent.State.SENDING, by)
    parked.sent_as = _insert_event(parked, event_type)
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


def _find_type(parked: ParkedEvent) -> str | None:
    """Return the type of the event in `events`, None if it is none of ours."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT type FROM aviso.events WHERE id = %s", [parked.event_id])
        row = cursor.fetchone()
    return str(row[0]) if row else None


def _is_pruned(parked: ParkedEvent) -> bool:
    """Tell whether its place lies before all that its feed has kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s < min(sequence) FROM aviso.events WHERE feed = %s",
            [parked.sequence, parked.feed],
        )
        return bool(cursor.fetchone()[0])


def _insert_event(parked: ParkedEvent, event_type: str) -> UUID:
    with connection.cursor() as cursor:
        query = _STATEMENTS.get(event_type, _SEND_CURRENT)
        cursor.execute(query, [parked.event_id])
        row = cursor.fetchone()
    if row is None:
        raise RecordGoneError(
            f"{parked.pk}: the record exists again, so its deletion can't be told"
            if event_type == "deleted"
            else f"{parked.pk}: the record is gone, there is nothing left to tell"
        )
    return UUID(str(row[0]))


def _note(parked: ParkedEvent, state: ParkedEvent.State, by: str) -> ParkedEvent:
    parked.state = state
    parked.handled_at = timezone.now()
    parked.handled_by = by
    parked.save(update_fields=["state", "handled_at", "handled_by", "sent_as"])
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY aviso_events")
    return parked
