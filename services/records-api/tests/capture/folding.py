"""What a subscriber holds after all that the log says of a feed."""

from __future__ import annotations

import json
from typing import Any, LiteralString

from tests.relay.drivers import Database

Fold = dict[str, Any]
EVENTS: LiteralString = (
    "SELECT type, subject, data FROM aviso.events WHERE feed = %s"
    " ORDER BY changeset, place"
)


def fold(database: Database, feed: str = "orders") -> Fold:
    """Return each row's data by its subject; of one that can't be told the cause."""
    return fold_rows(database.run(EVENTS, feed))


def fold_rows(events: list[tuple[Any, ...]]) -> Fold:
    held: Fold = {}
    for kind, subject, text in events:
        data = json.loads(text)
        if kind == "reset":
            held.clear()
        elif kind == "deleted":
            held.pop(subject, None)
        elif kind == "unavailable" and subject is not None:
            held[subject] = data["cause"]
        elif kind in {"created", "updated"}:
            assert data["id"] == subject
            held[subject] = data["data"]
    return held


def told(database: Database, feed: str = "orders") -> list[tuple[str, str | None]]:
    """Return (type, subject) of each event, in the log's order."""
    return [
        (str(kind), subject)
        for kind, subject in database.run(
            "SELECT type, subject FROM aviso.events WHERE feed = %s"
            " ORDER BY changeset, place",
            feed,
        )
    ]
