"""Numbers of JSON texts with every digit that was written, and JSON texts of them.

An integer of up to 4,300 digits is Python's own, which is exact; any other number is a
JsonNumber. None is ever a float. What PostgreSQL's `numeric` can not hold is refused.
"""

from __future__ import annotations

import json
import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any

# https://www.postgresql.org/docs/current/datatype-numeric.html
MAX_DIGITS_BEFORE_POINT = 131_072
MAX_DIGITS_AFTER_POINT = 16_383
# Python's own limit for texts of integers, and so for those that are its int.
_MAX_INT_DIGITS = 4_300
_MAX_EXPONENT_CHARS = 8
_FEW_CHARS = 1_000
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_SHOWN_CHARS = 40


class NumberRefused(ValueError):
    """PostgreSQL can not hold the number."""


class JsonNumber(Decimal):
    """A number as it was written. Equal to any number of the same value: 1.0 is 1.

    Python's own arithmetic with it gives a Decimal, rounded as its context says.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    @property
    def is_whole(self) -> bool:
        return self == self.to_integral_value(context=EXACT)


def read_number(literal: str) -> JsonNumber:
    """Read a number of JSON's grammar, or raise NumberRefused."""
    if len(literal) <= _FEW_CHARS and "e" not in literal.lower():
        return JsonNumber(literal)
    exponent = literal.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(exponent) > _MAX_EXPONENT_CHARS:
        raise _refusal(literal)
    number = JsonNumber(literal)
    after_point = -int(number.as_tuple().exponent)
    is_too_long = number and number.adjusted() >= MAX_DIGITS_BEFORE_POINT
    if is_too_long or after_point > MAX_DIGITS_AFTER_POINT:
        raise _refusal(literal)
    return number


def read_integer(literal: str) -> int | JsonNumber:
    is_short = len(literal.lstrip("-")) <= _MAX_INT_DIGITS
    return int(literal) if is_short else read_number(literal)


def write_json(value: Any, **options: Any) -> str:
    """Write a value as JSON, each number with its digits; options are json.dumps's."""
    return _write(value, str, options)


def write_canonical_json(value: Any) -> str:
    """Write equal values as equal texts: names in order, 1.0 as 1."""
    return _write(value, _write_by_value, {"sort_keys": True})


# json.dumps writes nothing but its own types, so a number goes through it as a string
# between two U+0000, which no value has, and loses quotes and marks afterwards.
_MARKED = re.compile(r'"\\u0000([^"\\]+)\\u0000"')


def _write(value: Any, write_number: Any, options: dict[str, Any]) -> str:
    found = False

    def mark(number: object) -> str:
        nonlocal found
        if not isinstance(number, Decimal) or not number.is_finite():
            raise TypeError(f"{number!r} has no form in JSON")
        found = True
        return f"\x00{write_number(number)}\x00"

    text = json.dumps(value, default=mark, allow_nan=False, **options)
    return _MARKED.sub(r"\1", text) if found else text


def _write_by_value(number: Decimal) -> str:
    plain = number.normalize(EXACT)
    if not plain:
        return "0"
    is_integer = int(plain.as_tuple().exponent) >= 0
    if is_integer and plain.adjusted() < _MAX_INT_DIGITS:
        return format(plain, "f")
    return str(plain)


def _refusal(literal: str) -> NumberRefused:
    is_long = len(literal) > _SHOWN_CHARS
    shown = f"{literal[:_SHOWN_CHARS]}…" if is_long else literal
    return NumberRefused(
        f"the number {shown} has more than {MAX_DIGITS_BEFORE_POINT} digits before the"
        f" point or {MAX_DIGITS_AFTER_POINT} after it"
    )
