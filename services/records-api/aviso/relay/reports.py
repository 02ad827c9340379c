"""What the pusher reports (contracts/topology.json, `reports`), read strictly.

A report may get lost, so what can't be read is passed over: what it was about comes
again. Nothing in here may raise over what a message holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_REPORTS = 500
MOST_DETAIL_CHARS = 500
MOST_RUN_CHARS = 64
_SLUG = re.compile(r"[a-z0-9-]{1,64}")
_EPOCH = re.compile(r"[a-z0-9]{4,16}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Archived:
    """The room's archive has everything of the epoch up to `last`."""

    feed: str
    epoch: str
    last: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The room is as the opening with this id says."""

    feed: str
    epoch: str
    id: str


@dataclass(frozen=True, slots=True)
class Behind:
    """A batch of the run did not follow the archive's head; None: it has no batch."""

    feed: str
    run: str
    epoch: str | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Shut:
    """The room can't be entered."""

    feed: str
    run: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The room will never take this batch."""

    feed: str
    run: str
    epoch: str
    first: int
    last: int
    detail: str


@dataclass(frozen=True, slots=True)
class Unopened:
    """The room was made anew: it wants its opening."""

    feed: str


@dataclass(frozen=True, slots=True)
class Away:
    """The pusher has no stream to ejabberd: nothing can move."""


# What is about a feed's lane and nothing else.
Heard = Archived | Behind | Shut | Refused | Unopened
Report = Heard | Opened | Away


def read_reports(body: bytes) -> Iterator[Report]:
    """Give the reports of one message that can be read, in their order."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return
    listed = message.get("reports") if isinstance(message, dict) else None
    if not isinstance(listed, list):
        return
    for each in listed[:MOST_REPORTS]:
        report = _read(each) if isinstance(each, dict) else None
        if report is not None:
            yield report


def _read(told: dict[str, object]) -> Report | None:
    kind = told.get("kind")
    if kind == "away":
        return Away()
    feed = _match(_SLUG, told.get("feed"))
    if feed is None:
        return None
    if kind == "unopened":
        return Unopened(feed)
    epoch = _match(_EPOCH, told.get("epoch"))
    first, last = _number(told.get("first")), _number(told.get("last"))
    run, detail = _text(told.get("run")), str(told.get("detail", ""))
    detail = detail[:MOST_DETAIL_CHARS]
    match kind:
        case "archived" if epoch is not None and last is not None:
            return Archived(feed, epoch, last)
        case "opened" if epoch is not None:
            return Opened(feed, epoch, _text(told.get("id")))
        case "behind":
            return Behind(feed, run, epoch, last)
        case "shut":
            return Shut(feed, run, detail)
        case "refused" if epoch and first is not None and last is not None:
            return Refused(feed, run, epoch, first, last, detail)
    return None


def _text(value: object) -> str:
    return value[:MOST_RUN_CHARS] if isinstance(value, str) else ""


def _match(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _number(value: object) -> int | None:
    text = _match(_NUMBER, value)
    if text is None or int(text) > _LARGEST:
        return None
    return int(text)
