"""Times as texts: read as every database takes them, written in one form."""

from __future__ import annotations

from datetime import UTC, datetime


def read_time(text: object) -> datetime | None:
    """Return the time in UTC; None if it is none.

    Without an offset it is UTC. Python knows offsets up to a day, PostgreSQL up to
    16 hours, so none comes as far as there.
    """
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        return time and (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        return None


def format_time(time: datetime) -> str:
    """Write an aware time as RFC 3339 in UTC, always with six digits of a second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
