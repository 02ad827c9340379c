"""A batch in one line, for people in chat clients: pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from .contract import READER_CHANGES, Change

MAX_CHARACTERS: Final = 500
_MAX_FIELD_CHARACTERS: Final = 60

# XML 1.0, section 2.2, with the line breaks and tabs taken out as well.
_NOT_IN_A_LINE: Final = re.compile(
    "[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010fffd]"
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
    lost = counts["unavailable"]
    if lost == len(records):
        cause = f" ({_read(data, 'cause')})" if len(changes) == 1 else ""
        what = "1 event" if lost == 1 else f"{lost} events"
        return _clean(f"{feed}: {what} could not be relayed{cause}")
    if len(changes) == 1:
        return _clean(f"{feed}: {_describe_record(changes[0], data)}")
    parts = [f"{counts[change]} {change}" for change in _CHANGES if counts[change]]
    if lost:
        parts.append(f"{lost} could not be relayed")
    what = "1 event" if len(records) == 1 else f"{len(records)} events"
    return f"{feed}: {what} ({', '.join(parts)})"


def describe_beginning(feed: str, first: int) -> str:
    return f"{feed}: a new epoch begins, continuing at {first}"


def _describe_record(change: Change, data: Mapping[str, msgspec.Raw]) -> str:
    words = [change, str(_read(data, "id"))[:8]]
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
