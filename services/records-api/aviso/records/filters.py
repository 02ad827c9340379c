"""The filters of a list of records, as SQL conditions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from aviso.exact_json.numbers import JsonNumber
from aviso.exact_json.text import load_json
from aviso.exact_json.times import read_time
from aviso.problems import BadRequest, show

DATA_PREFIX = "data."
TEXT = "q"
PARAMETERS = {TEXT, "created_after", "created_before"}
MAX_TEXT_CHARS = 200
MAX_WORDS = 8
_TIMES = {"created_after": "created_at > %s", "created_before": "created_at < %s"}

# A word in a text or a number of a record's data, at any depth; A to Z in either case,
# whatever the database's language. A number is found by its digits as they were
# written, and by its value. A cheap look at the whole comes first.
_LOOK = """strpos(lower(data::text COLLATE "C"), %s) > 0"""
_HAS_WORD = """EXISTS (
        SELECT FROM jsonb_path_query(data, 'strict $.**') AS found (value)
        WHERE CASE jsonb_typeof(value)
            WHEN 'string' THEN strpos(lower((value #>> '{}') COLLATE "C"), %s) > 0
            WHEN 'number' THEN strpos(value #>> '{}', %s) > 0
                OR value::numeric = %s::numeric
            ELSE false END)
"""


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
            if name == TEXT:
                for word in read_words(text):
                    _add_word(found.data, word)
            elif name in _TIMES:
                found.times.add(_TIMES[name], _read_time(name, text))
            elif name.startswith(DATA_PREFIX):
                # `#>` rather than `@>`, so that an index on one field can serve.
                condition = "data #> %s::text[] = ANY(%s::jsonb[])"
                found.data.add(condition, _read_path(name), _read_values(name, text))
    return found


def read_words(text: str) -> list[str]:
    """Return the words of a search, each to be found, with A to Z as a to z."""
    if "\x00" in text:
        raise BadRequest(f"{TEXT} has U+0000 in it, which no record has", field=TEXT)
    words = [word for word in re.split(r"[ \t\r\n]+", text) if word]
    if len(text) > MAX_TEXT_CHARS or not 1 <= len(words) <= MAX_WORDS:
        raise BadRequest(
            f"{TEXT} is {show(text)}, expected 1 to {MAX_WORDS} words in at most"
            f" {MAX_TEXT_CHARS} characters",
            field=TEXT,
        )
    # bytes.lower knows A to Z alone.
    return [word.encode("utf-8", "replace").lower().decode() for word in words]


def _add_word(conditions: Conditions, word: str) -> None:
    number = _plain_number(word)
    looks = [escape_word(word)]
    if number is not None:
        # Digits of the same value begin with these.
        looks = [number] if number in word else [word, number]
    look = " OR ".join([_LOOK] * len(looks))
    conditions.add(f"({look}) AND {_HAS_WORD}", *looks, word, word, number)


def _plain_number(word: str) -> str | None:
    """Write the number that a word is without an exponent and zeros at its end."""
    try:
        value = load_json(word)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, bool) or not isinstance(value, int | JsonNumber):
        return None
    if value == 0:
        return "0"
    digits = format(Decimal(value), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def escape_word(word: str) -> str:
    """Write a word as it stands in the text of jsonb."""
    return json.dumps(word, ensure_ascii=False)[1:-1]


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
