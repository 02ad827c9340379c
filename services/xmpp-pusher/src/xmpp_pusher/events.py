"""What the pusher carries: an event, the opening of a feed, or a poisoned message.

Values only. How they are read stands in ``reading.py``, how they are written in
``stanzas.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cause = Literal[
    "unreadable", "too-deep", "invalid", "unknown-type", "too-large", "refused"
]
Change = Literal["created", "updated", "deleted", "unavailable", "granted", "revoked"]
Visibility = Literal["public", "private"]


@dataclass(frozen=True, slots=True)
class Event:
    """An event with a place in its feed.

    ``text`` is its JSON as the relay wrote it, in ASCII; ``escaped`` the same text as
    it stands in XML. ``reader`` is whom a grant or a revoke is about: a bare JID, for
    the room's lists alone.
    """

    feed: str
    epoch: str
    sequence: int
    id: str
    change: Change
    time: str
    text: str
    escaped: str
    reader: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A feed exists, or has a new epoch that begins after ``head``.

    ``readers`` are all accounts that may read it, ``revoked`` all ticket holders that
    may no longer; None where it does not say.
    """

    feed: str
    epoch: str
    head: int
    visibility: Visibility
    id: str
    readers: tuple[str, ...] | None = None
    revoked: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that can't be relayed.

    ``stand_in`` is the ``unavailable`` event that keeps its place, None where no
    place could be read. ``detail`` is one sentence, never the event's content.
    """

    cause: Cause
    detail: str
    stand_in: Event | None = None
