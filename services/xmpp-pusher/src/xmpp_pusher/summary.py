"""A batch in one line, for people in chat clients: pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from .contract import READER_CHANGES, UUID, Change

MAX_CHARACTERS: Final = 500
_MAX_FIELD_CHARACTERS: Final = 60

# XML 1.0, section 2.2, with the line breaks and tabs taken out as well, and what turns
# the rest of the line around for whoever reads it (UAX #9, section 2).
_NOT_IN_A_LINE: Final = re.compile(
    "[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010fffd]"
    "|[\u2028-\u202e\u2066-\u2069]"
)
_CHANGES: Final[tuple[Change, ...]] = ("created", "updated", "deleted")


def describe(
    feed: str, changes: Sequence[Change], data: Mapping[str, msgspec.Raw]
) -> str:
    """Say what happened; ``data`` is the first event's, read where it is alone.

    Who may read is nothing to tell of beside records.
    """
    records = [change for change in changes if change not in READER_CHANGES]
    if not records:
        return f"{feed}: who may read it has changed"
    counts = Counter(records)
    lost, resets = counts["unavailable"], counts["reset"]
    if resets == len(records):
        return _clean(f"{feed}: emptied{_say_cause(changes, data)}")
    if lost == len(records):
        what = "1 event" if lost == 1 else f"{lost} events"
        cause = _say_cause(changes, data)
        return _clean(f"{feed}: {what} could not be relayed{cause}")
    if len(changes) == 1:
        return _clean(f"{feed}: {_describe_record(changes[0], data)}")
    parts = [f"{counts[change]} {change}" for change in _CHANGES if counts[change]]
    if lost:
        parts.append(f"{lost} could not be relayed")
    if resets:
        parts.append("emptied" if resets == 1 else f"emptied {resets} times")
    what = "1 event" if len(records) == 1 else f"{len(records)} events"
    return f"{feed}: {what} ({', '.join(parts)})"


def describe_beginning(feed: str, first: int) -> str:
    return f"{feed}: a new epoch begins, continuing at {first}"


def _say_cause(changes: Sequence[Change], data: Mapping[str, msgspec.Raw]) -> str:
    return f" ({_read(data, 'cause')})" if len(changes) == 1 else ""


def _describe_record(change: Change, data: Mapping[str, msgspec.Raw]) -> str:
    key = str(_read(data, "id"))
    words = [change, key[:8] if re.match(UUID, key) else _shorten(key)]
    values = _read(data, "data")
    for name, value in values.items() if isinstance(values, dict) else ():
        words.append(f"{_shorten(str(name))}={_shorten(_say(value))}")
        if sum(map(len, words)) > MAX_CHARACTERS:
            break
    return " ".join(words)


def _read(data: Mapping[str, msgspec.Raw], name: str) -> Any:
    try:
        return msgspec.json.decode(data[name])
    except (KeyError, msgspec.DecodeError, RecursionError):
        return ""


def _say(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return json.dumps(value)


def _shorten(text: str) -> str:
    if len(text) <= _MAX_FIELD_CHARACTERS:
        return text
    return text[: _MAX_FIELD_CHARACTERS - 1] + "…"


def _clean(text: str) -> str:
    text = _NOT_IN_A_LINE.sub(" ", text)
    if len(text) > MAX_CHARACTERS:
        text = text[: MAX_CHARACTERS - 1] + "…"
    return text
