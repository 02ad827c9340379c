"""``contracts/event.schema.json`` by hand, since thousands of events pass each second.

Tests hold these checks against the schema. The ``format`` of ids and times is
checked too: a page that trusts the contract may then trust them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from .events import Change

CHANGES: Final[dict[str, Change]] = {
    "aviso.record.created.v1": "created",
    "aviso.record.updated.v1": "updated",
    "aviso.record.deleted.v1": "deleted",
    "aviso.record.unavailable.v1": "unavailable",
    "aviso.reader.granted.v1": "granted",
    "aviso.reader.revoked.v1": "revoked",
}
TYPES: Final = {change: kind for kind, change in CHANGES.items()}
READER_CHANGES: Final[frozenset[Change]] = frozenset({"granted", "revoked"})
OPENED: Final = "aviso.feed.opened.v1"

is_feed: Final = re.compile(r"[a-z0-9-]{1,64}").fullmatch
is_source: Final = re.compile(r"/feeds/[a-z0-9-]{1,64}").fullmatch
is_epoch: Final = re.compile(r"[a-z0-9]{4,16}").fullmatch
is_sequence: Final = re.compile(r"[1-9][0-9]{0,18}").fullmatch
is_head: Final = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch
is_uuid: Final = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
).fullmatch
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
).fullmatch
is_cause: Final = re.compile(r"[a-z0-9-]{1,64}").fullmatch
# Stricter than the schema by what XML 1.0 forbids: one such character in a query about
# the reader would close the stream to ejabberd.
is_reader: Final = re.compile(
    r"[^@/\s\"&'<>:\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]{1,64}@[a-z0-9.-]{1,253}"
).fullmatch
MAX_READERS: Final = 10_000


class NotInContract(Exception):
    """The first thing that is not as the contract says; never the event's content."""


def is_time(value: str) -> bool:
    if not _TIME(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def check(event: dict[str, Any]) -> None:
    """Raise NotInContract unless this is an event of a known type."""
    if event.get("specversion") != "1.0":
        raise NotInContract("specversion is not '1.0'.")
    _match(event, "id", is_uuid)
    _match(event, "source", is_source)
    _match(event, "time", is_time)
    _match(event, "feed", is_feed)
    _match(event, "feedepoch", is_epoch)
    if "subject" in event:
        _match(event, "subject", is_uuid)
    if event.get("datacontenttype", "application/json") != "application/json":
        raise NotInContract("datacontenttype is not 'application/json'.")
    kind = event.get("type")
    data = event.get("data")
    if not isinstance(data, dict):
        raise NotInContract("data is missing or no object.")
    if kind == OPENED:
        _check_opened(event, data)
        return
    if not isinstance(kind, str) or kind not in CHANGES:
        raise NotInContract("type is missing or no string.")
    _match(event, "feedseq", is_sequence)
    if CHANGES[kind] in READER_CHANGES:
        if "subject" in event:
            raise NotInContract("subject has no place in an event about a reader.")
    elif CHANGES[kind] == "unavailable":
        _check_unavailable(data)
    else:
        _match(event, "subject", is_uuid)
        _check_record(data)


def _check_record(data: dict[str, Any]) -> None:
    _match(data, "id", is_uuid)
    _match(data, "created_at", is_time)
    _match(data, "updated_at", is_time)
    if not _is_positive_integer(data.get("version")):
        raise NotInContract("data.version is missing or no positive integer.")
    if not isinstance(data.get("data"), dict):
        raise NotInContract("data.data is missing or no object.")


def _check_unavailable(data: dict[str, Any]) -> None:
    _match(data, "cause", is_cause)
    for name in ("event_id", "type"):
        if name not in data or not isinstance(data[name], str | None):
            raise NotInContract(
                f"data.{name} is missing, or neither a string nor null."
            )


def _check_opened(event: dict[str, Any], data: dict[str, Any]) -> None:
    if "feedseq" in event:
        raise NotInContract("feedseq has no place in an opening.")
    _match(data, "head", is_head)
    if data.get("visibility") not in ("public", "private"):
        raise NotInContract("data.visibility is neither 'public' nor 'private'.")
    for name in ("readers", "revoked"):
        if name in data and not _is_list_of_readers(data[name]):
            raise NotInContract(f"data.{name} is not as the contract says.")


def _is_list_of_readers(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_READERS
        and all(isinstance(entry, str) and is_reader(entry) for entry in value)
    )


def _match(values: dict[str, Any], name: str, is_good: Any) -> None:
    value = values.get(name)
    if not isinstance(value, str) or not is_good(value):
        raise NotInContract(f"{name} is missing or not as the contract says.")


def _is_positive_integer(value: object) -> bool:
    # JSON Schema's integer: 1.0 is one, true is none.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= 1 and value % 1 == 0
