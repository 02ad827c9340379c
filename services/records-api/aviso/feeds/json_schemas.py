"""The JSON Schemas of feeds: checked when they are set, and met by each record.

JSON Schema 2020-12, of which nothing is fetched from anywhere. Every check has a
deadline (schema_keywords.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from aviso.exact_json.numbers import JsonNumber, write_json
from aviso.exact_json.text import load_json
from aviso.feeds.schema_keywords import DeadlinePassed, LimitedValidator, start_deadline

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The seconds that checking one request's records may take.
CHECK_TIMEOUT_S = 10.0
# The seconds that a new schema may take for an empty record.
_TRIAL_TIMEOUT_S = 1.0
# What these hold is data, even where it looks like a schema.
_PLAIN_VALUES = frozenset({"const", "default", "enum", "examples"})
_REFERENCES = ("$ref", "$dynamicRef")


class SchemaRefused(ValueError):
    """A JSON document that can't be a feed's schema; the message says why."""


class RecordRefused(ValueError):
    """Data that doesn't meet its feed's schema; `pointer` is into the data."""

    def __init__(self, message: str, *, pointer: str, index: int) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.index = index


def check_schema(schema: object) -> None:
    """Raise SchemaRefused unless `schema` can serve: valid, local and bounded."""
    if not isinstance(schema, dict):
        raise SchemaRefused("a schema is a JSON object")
    dialect = schema.get("$schema", _DIALECT)
    if dialect not in {_DIALECT, f"{_DIALECT}#"}:
        raise SchemaRefused(f"$schema is {dialect!r}, expected {_DIALECT!r}")
    try:
        Draft202012Validator.check_schema(_simplify(schema))
    except SchemaError as exc:
        where = "".join(f"/{part}" for part in exc.absolute_path) or "/"
        raise SchemaRefused(f"{where}: {exc.message[:200]}") from exc
    except RecursionError as exc:
        raise SchemaRefused("nested too deep") from exc
    _check_words(schema)
    start_deadline(_TRIAL_TIMEOUT_S)
    try:
        _make_validator(write_json(schema)).is_valid({})
    except RecursionError as exc:
        raise SchemaRefused("nested too deep") from exc
    except (ArithmeticError, DeadlinePassed) as exc:
        raise SchemaRefused("too costly to check") from exc


def check_all_data(all_data: Iterable[Any], schema_text: str) -> None:
    """Raise RecordRefused, with its index, at the first data that doesn't meet it."""
    validator = _make_validator(schema_text)
    start_deadline(CHECK_TIMEOUT_S)
    for index, data in enumerate(all_data):
        _check_data(validator, data, index)


def _check_data(validator: Validator, data: Any, index: int) -> None:
    try:
        error = best_match(validator.iter_errors(data))
    except (DeadlinePassed, RecursionError, ArithmeticError, Unresolvable) as exc:
        raise RecordRefused(
            f"the feed's schema can not be checked on it ({type(exc).__name__})",
            pointer="",
            index=index,
        ) from exc
    if error is not None:
        pointer = "".join(f"/{_escape(part)}" for part in error.absolute_path)
        raise RecordRefused(error.message[:300], pointer=pointer, index=index)


@lru_cache(maxsize=256)
def _make_validator(schema_text: str) -> Validator:
    # An empty registry that retrieves nothing: a remote $ref is unresolvable.
    schema = load_json(schema_text)
    # jsonschema takes its own validator, without a deadline, at a part that names its
    # dialect, which a $ref to the root reaches too. There is but one dialect here.
    for part in _iterate_objects(schema):
        if isinstance(part.get("$schema"), str):
            del part["$schema"]
    validator: Validator = LimitedValidator(schema, registry=Registry())
    return validator


def _simplify(value: Any) -> Any:
    """Make 5.0 an int: to the check of a schema itself only those are whole."""
    match value:
        case JsonNumber():
            return int(value) if value.is_whole else value
        case dict():
            return {name: _simplify(item) for name, item in value.items()}
        case list():
            return [_simplify(item) for item in value]
        case _:
            return value


def _check_words(schema: dict[str, Any]) -> None:
    """Refuse what a check could not bound, and references out of the schema."""
    resource = DRAFT202012.create_resource(schema)
    resolver = Registry().with_resource("", resource).resolver()
    for part in _iterate_objects(schema):
        if part is not schema and isinstance(part.get("$id"), str):
            raise SchemaRefused(f"$id {part['$id']!r} stands inside the schema")
        for word in _REFERENCES:
            if isinstance(part.get(word), str):
                _check_reference(word, part[word], resolver)
        if "unevaluatedProperties" in part and "patternProperties" in part:
            raise SchemaRefused(
                "unevaluatedProperties beside patternProperties is not supported"
            )
        _check_patterns(part)
    _check_loops(schema, resolver)


def _iterate_objects(schema: object) -> Iterator[dict[str, Any]]:
    """Yield the schema's objects, but none of those that are values to compare with."""
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack.extend(part)
        if isinstance(part, dict):
            yield part
            stack.extend(v for word, v in part.items() if word not in _PLAIN_VALUES)


def _check_reference(word: str, target: str, resolver: Any) -> None:
    if not target.startswith("#"):
        raise SchemaRefused(
            f"{word} is {target!r}, expected one into this schema ('#…')"
        )
    try:
        resolver.lookup(target)
    except Unresolvable as exc:
        raise SchemaRefused(f"{word} {target!r} leads nowhere in this schema") from exc


def _check_loops(schema: dict[str, Any], resolver: Any) -> None:
    """Refuse references that lead back to themselves at the same value."""
    ends: set[int] = set()
    for part in _iterate_objects(schema):
        _follow(part, resolver, ends)


def _follow(part: dict[str, Any], resolver: Any, ends: set[int]) -> None:
    """Walk what applies at the value that `part` does; `ends` have been walked."""
    open_parts = {id(part): _iterate_in_place(part, resolver)}
    while open_parts and id(part) not in ends:
        at, rest = next(reversed(open_parts.items()))
        for inner in rest:
            if id(inner) in open_parts:
                raise SchemaRefused("a $ref leads back to itself")
            if id(inner) not in ends:
                open_parts[id(inner)] = _iterate_in_place(inner, resolver)
                break
        else:
            ends.add(at)
            del open_parts[at]


def _iterate_in_place(part: dict[str, Any], resolver: Any) -> Iterator[dict[str, Any]]:
    """Yield the schemas that apply to the same value as `part`."""
    for word in _REFERENCES:
        if isinstance(part.get(word), str):
            target = resolver.lookup(part[word]).contents
            if isinstance(target, dict):
                yield target
    found = [part.get(word) for word in ("not", "if", "then", "else")]
    for word in ("allOf", "anyOf", "oneOf", "dependentSchemas"):
        match part.get(word):
            case list(inner):
                found.extend(inner)
            case dict(inner):
                found.extend(inner.values())
    yield from (inner for inner in found if isinstance(inner, dict))


def _check_patterns(part: dict[str, Any]) -> None:
    patterns = part.get("patternProperties")
    found = list(patterns) if isinstance(patterns, dict) else []
    if isinstance(part.get("pattern"), str):
        found.append(part["pattern"])
    for pattern in found:
        try:
            regex.compile(pattern)
        except (regex.error, RecursionError) as exc:
            raise SchemaRefused(f"the pattern {pattern!r} is wrong: {exc}") from exc


def _escape(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
