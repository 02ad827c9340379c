"""What the pusher carries, as values; how it is read stands in ``parsing.py``."""

from __future__ import annotations

from dataclasses import dataclass

from .contract import Cause, Change, Visibility
from .position import Position, Span


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom the first event of a batch lets in or puts out, by bare JID."""

    address: str
    change: Change


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of one feed's events.

    ``payload`` is its JSON as it came: deflated (RFC 1950) if ``is_deflated``, else
    in ASCII. ``description`` says in a line, for people, what is in it. ``time`` and
    ``first_id`` are the first event's; ``first_id`` is None where that event stands in
    for another.
    """

    feed: str
    span: Span
    run: str
    payload: bytes
    is_deflated: bool
    description: str
    time: str
    first_id: str | None
    reader: Reader | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A feed exists, or has a new epoch that goes on behind ``at``.

    ``archived`` is what the relay had heard that the archive has when it wrote this.
    ``readers`` are all accounts that may read it, ``revoked`` all ticket holders that
    may no longer; None where it does not say.
    """

    feed: str
    at: Position
    archived: int
    run: str
    visibility: Visibility
    id: str
    readers: tuple[str, ...] | None = None
    revoked: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that can't be relayed; ``detail``: one sentence, never its content.

    ``feed``, ``span`` and ``run`` are what its headers say, if they can be read.
    """

    cause: Cause
    detail: str
    feed: str | None = None
    span: Span | None = None
    run: str | None = None


Message = Batch | Opening | Poison
