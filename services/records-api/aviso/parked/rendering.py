"""Parked bodies as text that is safe to show."""

from __future__ import annotations

import json

MOST_SHOWN_BYTES = 64 * 1024


def show_body(body: bytes) -> str:
    """Write a body for a person: JSON indented, else its text with escapes.

    Control characters come out escaped, so that a terminal does nothing by them. What
    is longer than 64 KiB is cut, and says so.
    """
    if len(body) > MOST_SHOWN_BYTES:
        cut = len(body) - MOST_SHOWN_BYTES
        return f"{_escape(body[:MOST_SHOWN_BYTES])}\n… and {cut} bytes more"
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=True)
    except (ValueError, RecursionError):
        return _escape(body)


def _escape(body: bytes) -> str:
    text = body.decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode()
        for c in text
    )
