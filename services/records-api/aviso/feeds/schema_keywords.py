"""JSON Schema's keywords with a deadline, and with patterns that can be interrupted.

jsonschema's own would keep a worker busy for hours with one regular expression, a
`$ref` that doubles at each step, or the items of a long list compared each with each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import regex
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from aviso.exact_json.numbers import EXACT, JsonNumber, write_canonical_json

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]
_deadline: ContextVar[float] = ContextVar("deadline")


class DeadlinePassed(Exception):
    """The check took too long: the schema or a pattern in it is too costly."""


def start_deadline(seconds: float) -> None:
    """Start the CPU time that this thread's checks may take together from here on.

    A busy machine is no reason to refuse what costs little.
    """
    _deadline.set(time.thread_time() + seconds)


def _remaining_s() -> float:
    remaining = _deadline.get() - time.thread_time()
    if remaining <= 0:
        raise DeadlinePassed
    return remaining


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text, timeout=_remaining_s()) is not None
    except TimeoutError as exc:
        raise DeadlinePassed from exc


def _pattern(
    validator: Any, pattern: str, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(
                    value, subschema, path=name, schema_path=pattern
                )


def _additional_properties(
    validator: Any, subschema: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in named or any(_matches(pattern, name) for pattern in patterns):
            continue
        if subschema is False:
            yield ValidationError(f"{name!r} is not allowed here")
        else:
            yield from validator.descend(value, subschema, path=name)


def _unique_items(
    validator: Any, wanted: bool, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    """Compare by hash: jsonschema's own compares each item with each."""
    if wanted and validator.is_type(instance, "array"):
        seen = {write_canonical_json(item) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("the items are not all different")


def _multiple_of(
    validator: Any, divisor: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    """Divide exactly: jsonschema's own rounds."""
    if not validator.is_type(instance, "number"):
        return
    digits, exponent = _split(instance)
    by_digits, by_exponent = _split(divisor)
    shift = exponent - by_exponent
    if shift >= 0:
        remainder = digits * pow(10, shift, by_digits) % by_digits
    else:
        remainder = digits % (by_digits * 10**-shift)
    if remainder:
        yield ValidationError(f"{instance!r} is not a multiple of {divisor}")


def _split(number: Any) -> tuple[int, int]:
    """Split a number into whole digits and the power of ten that they stand for."""
    if isinstance(number, int):
        return abs(number), 0
    exponent = number.as_tuple().exponent
    return abs(int(number.scaleb(-exponent, EXACT))), exponent


def _is_integer(_checker: object, value: object) -> bool:
    """Return whether it is one: in JSON Schema 1.0 is."""
    if isinstance(value, JsonNumber):
        return value.is_whole
    return isinstance(value, int) and not isinstance(value, bool)


def _limit(keyword: Keyword) -> Keyword:
    def limited(
        validator: Any, value: Any, instance: Any, schema: Any
    ) -> Iterator[ValidationError]:
        _remaining_s()
        yield from keyword(validator, value, instance, schema) or ()

    return limited


_KEYWORDS: dict[str, Keyword] = {
    **Draft202012Validator.VALIDATORS,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
}
LimitedValidator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {name: _limit(word) for name, word in _KEYWORDS.items()},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)
