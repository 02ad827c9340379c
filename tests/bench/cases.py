"""Every case by its name. Each has a stack of its own."""

from __future__ import annotations

from collections.abc import Callable

from . import (
    again,
    age,
    backfill,
    behind,
    bounds,
    crowd,
    many_feeds,
    page,
    path,
    peer,
    tracked,
    unequal,
)
from .bench import Bench

CASES: dict[str, Callable[[Bench], None]] = {
    "path": path.beside_parts,
    "peer": peer.beside_channels,
    "crowd-singles": crowd.singles,
    "crowd-lists": crowd.lists,
    "crowd-taken": crowd.taken,
    "bulk": unequal.beside_bulk,
    "snapshot": unequal.beside_snapshot,
    "old-events": age.with_old_events,
    "old-archive": age.with_old_archive,
    "many-feeds": many_feeds.many_feeds,
    "republished": again.republished,
    "destroyed": again.destroyed,
    "behind": behind.behind,
    "backfill": backfill.backfill,
    "bounds": bounds.element,
    "busy-page": page.busy,
    "tracked": tracked.beside_triggers,
}
