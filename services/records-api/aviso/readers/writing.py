"""Let readers in and put them out. The table's triggers write the events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from aviso.access.grants import GRANTED
from aviso.conf import conf
from aviso.database.constraints import violated_constraint
from aviso.names.readers import ReaderName
from aviso.problems import Conflict, show
from aviso.readers.reading import COLUMNS
from aviso.readers.rendering import ReaderRow

MAX_READERS = 10_000
_TRACE = "SELECT set_config('aviso.traceparent', %s, true)"
_STANDS = (
    f"SELECT {GRANTED} FROM aviso.readers WHERE feed = %s AND reader = %s FOR UPDATE"
)
_GRANT = f"""
    INSERT INTO aviso.readers (feed, reader, expires_at) VALUES (%s, %s, %s)
    ON CONFLICT (feed, reader) DO UPDATE
        SET revoked_at = NULL, expires_at = excluded.expires_at
    RETURNING {COLUMNS}
"""
_REVOKE = """
    UPDATE aviso.readers SET revoked_at = clock_timestamp()
    WHERE feed = %s AND reader = %s AND revoked_at IS NULL
"""
# His tickets are not known here: a row says that none of them counts.
_REVOKE_TICKETS = """
    INSERT INTO aviso.readers (feed, reader, revoked_at)
    VALUES (%s, %s, clock_timestamp())
    ON CONFLICT (feed, reader) DO UPDATE SET revoked_at = excluded.revoked_at
    WHERE readers.revoked_at IS NULL
"""
_COUNT_REVOKED = """
    SELECT count(*) FROM aviso.readers WHERE feed = %s AND revoked_at IS NOT NULL
    AND split_part(reader, '@', 2) = %s
"""


@transaction.atomic
def grant_reader(
    feed: str, name: ReaderName, expires_at: datetime | None, *, trace: str = ""
) -> tuple[ReaderRow, bool]:
    """Let a reader in, or change until when; return whether he was out before.

    Raises Conflict when the feed has as many readers as it may.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_TRACE, [trace])
            cursor.execute(_STANDS, [feed, name.jid])
            stood = cursor.fetchone()
            cursor.execute(_GRANT, [feed, name.jid, expires_at])
            row = ReaderRow(*cursor.fetchone())
    except IntegrityError as exc:
        if violated_constraint(exc) == "readers_cap":
            raise Conflict(
                f"The feed {show(feed)} has {MAX_READERS} readers, which is the most:"
                " revoke some, or make the feed public"
            ) from exc
        raise
    return row, not (stood and stood[0])


@transaction.atomic
def revoke_reader(feed: str, name: ReaderName, *, trace: str = "") -> bool:
    """Put a reader out; return False if he was out already.

    Of a ticket's holder that ends every ticket for the feed, also those to come.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TRACE, [trace])
        if name.is_ticket:
            _check_room(cursor, feed)
        statement = _REVOKE_TICKETS if name.is_ticket else _REVOKE
        cursor.execute(statement, [feed, name.jid])
        return bool(cursor.rowcount)


def _check_room(cursor: Any, feed: str) -> None:
    """An opening names all ticket holders who were put out, so there is an end."""
    cursor.execute(_COUNT_REVOKED, [feed, conf.xmpp_ticket_domain])
    if cursor.fetchone()[0] >= MAX_READERS:
        raise Conflict(
            f"{MAX_READERS} ticket holders were put out of the feed {show(feed)}, which"
            " is the most: let those in again whose tickets are no longer made"
        )
