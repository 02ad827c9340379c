"""Which private feeds a reader was let into, or put out of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

# One rule: a grant whose time is over is over, whether the relay has said so or not.
GRANTED = (
    "(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))"
)


def list_granted_feeds(account: str) -> list[str]:
    """Return the feeds that an account was let into and may read now."""
    return _list_feeds(f"reader = %s AND {GRANTED}", [account])


def list_refused_feeds(holder: str, feeds: Sequence[str]) -> list[str]:
    """Return those of the feeds that a ticket's holder was put out of."""
    return _list_feeds(
        f"reader = %s AND feed = ANY(%s) AND NOT {GRANTED}", [holder, list(feeds)]
    )


def _list_feeds(condition: str, values: list[Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT feed FROM aviso.readers WHERE {condition}", values)
        return [feed for (feed,) in cursor.fetchall()]
