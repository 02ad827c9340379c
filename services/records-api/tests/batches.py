"""Batches as those read them who get them: written out whole, event by event."""

from __future__ import annotations

from typing import Any

SHARED = ("specversion", "source", "feed", "feedepoch", "type", "time")


def expand(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Write a batch's events out as events of contracts/event.schema.json."""
    shared = {name: batch[name] for name in SHARED}
    first = int(batch["feedseq"])
    return [
        shared | {"feedseq": str(first + n)} | event
        for n, event in enumerate(batch["events"])
    ]
