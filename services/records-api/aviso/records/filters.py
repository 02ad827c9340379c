"""The filters of a list of records, as SQL conditions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import QueryDict

from aviso.exact_json.numbers import JsonNumber
from aviso.exact_json.text import load_json
from aviso.exact_json.times import read_time
from aviso.problems import BadRequest, show

DATA_PREFIX = "data."
PARAMETERS = {"created_after", "created_before"}
_TIMES = {"created_after": "created_at > %s", "created_before": "created_at < %s"}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must all hold, and the values of its placeholders."""

    texts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, text: str, *values: Any) -> None:
        self.texts.append(text)
        self.values.extend(values)

    def __bool__(self) -> bool:
        return bool(self.texts)

    def __add__(self, other: Conditions) -> Conditions:
        return Conditions(self.texts + other.texts, self.values + other.values)

    def __str__(self) -> str:
        return " AND ".join(self.texts)


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked of a record's time, which has an index, and of its data."""

    times: Conditions = field(default_factory=Conditions)
    data: Conditions = field(default_factory=Conditions)

    def __bool__(self) -> bool:
        return bool(self.times or self.data)


def read_filters(query: QueryDict) -> Filters:
    found = Filters()
    for name, texts in query.lists():
        for text in texts:
            if name in _TIMES:
                found.times.add(_TIMES[name], _read_time(name, text))
            elif name.startswith(DATA_PREFIX):
                # `#>` rather than `@>`, so that an index on one field can serve.
                condition = "data #> %s::text[] = ANY(%s::jsonb[])"
                found.data.add(condition, _read_path(name), _read_values(name, text))
    return found


def _read_time(name: str, text: str) -> datetime:
    time = read_time(text)
    if time is None:
        raise BadRequest(
            f"{name} is {show(text)}, expected a time such as 2026-11-24T09:30:00Z"
            " (in an address the + of an offset is written %2B)",
            field=name,
        )
    return time


def _read_path(name: str) -> list[str]:
    path = name.removeprefix(DATA_PREFIX).split(".")
    if not all(path) or "\x00" in name:
        raise BadRequest(
            f"{show(name)} is no field, expected data.<name> or data.<name>.<name>",
            field=name,
        )
    return path


def _read_values(name: str, text: str) -> list[str]:
    """Return what the text may stand for: itself, and a number, bool or null."""
    if "\x00" in text:
        raise BadRequest(f"{name} has U+0000 in it, which no record has", field=name)
    meant = [json.dumps(text)]
    try:
        value = load_json(text)
    except (ValueError, RecursionError):
        return meant
    if value is None or isinstance(value, int | JsonNumber):
        meant.append(text.strip())
    return meant
