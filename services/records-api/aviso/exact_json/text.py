"""A strict JSON parser: takes what PostgreSQL can store and every reader can follow.

Refuses, besides what is no JSON: NaN and Infinity, numbers that PostgreSQL can not
hold, NUL and lone surrogates in strings and names, and nesting deeper than asked for.
Numbers keep their digits (json_numbers.py). Of a name that comes twice the last one
counts. Knows nothing of HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aviso.exact_json.numbers import NumberRefused, read_integer, read_number

_SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonError(ValueError):
    """A text that is refused. `pointer` (RFC 6901) says where, if it is known."""

    def __init__(self, message: str, pointer: str | None = None) -> None:
        super().__init__(message)
        self.pointer = pointer


def parse_json(body: bytes, *, max_depth: int) -> Any:
    """Parse UTF-8 bytes into Python's values, or raise JsonError."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise JsonError(f"not UTF-8 at byte {exc.start}") from exc
    value = _parse_text(text)
    if _SUSPICIOUS_ESCAPE.search(text):
        check_strings(value)
    check_depth(value, max_depth)
    return value


def check_depth(value: object, max_depth: int) -> None:
    """Raise JsonError if objects and lists stand in one another too deep.

    A plain value has the depth 0, an empty object 1.
    """
    for _, depth, path in _iterate_containers(value):
        if depth > max_depth:
            raise JsonError(
                f"nested deeper than {max_depth} levels", _pointer(path, shorten=True)
            )


def check_strings(value: object) -> None:
    """Raise JsonError at a NUL or a lone surrogate, in strings and in names."""
    if isinstance(value, str):
        _check_string(value, ())
    for container, _, path in _iterate_containers(value):
        items = (
            container.items() if isinstance(container, dict) else enumerate(container)
        )
        for key, item in items:
            if isinstance(key, str):
                _check_string(key, path)
            if isinstance(item, str):
                _check_string(item, (path, key))


def load_json(text: str) -> Any:
    """Load JSON that was checked before, by `parse_json` or by PostgreSQL.

    Raises json.JSONDecodeError, RecursionError, NumberRefused or JsonError.
    """
    try:
        return _load(text)
    except (json.JSONDecodeError, NumberRefused, JsonError):
        raise
    except ValueError:
        # Python's limit on integers; reading each by our own costs all others a call.
        return _load(text, parse_int=read_integer)


def _load(text: str, **hooks: Any) -> Any:
    return json.loads(
        text, parse_constant=_refuse_constant, parse_float=read_number, **hooks
    )


def _parse_text(text: str) -> Any:
    try:
        return load_json(text)
    except json.JSONDecodeError as exc:
        raise JsonError(f"{exc.msg} at line {exc.lineno}, column {exc.colno}") from exc
    except RecursionError as exc:
        raise JsonError("nested too deep to be parsed") from exc
    except NumberRefused as exc:
        raise JsonError(str(exc)) from exc


def _refuse_constant(name: str) -> object:
    raise JsonError(f"{name} is no JSON")


# The way to a value, as pairs from its end: () is the root, ((), "a") is /a. Made for
# every container, so it has to be cheap; read only when something is wrong.
_Path = tuple[Any, ...]


def _iterate_containers(
    value: object,
) -> Iterator[tuple[dict[str, Any] | list[Any], int, _Path]]:
    """Yield each object and list with its depth and path, without recursion."""
    stack: list[tuple[Any, int, _Path]] = [(value, 1, ())]
    while stack:
        container, depth, path = stack.pop()
        if isinstance(container, dict):
            items: Any = container.items()
        elif isinstance(container, list):
            items = enumerate(container)
        else:
            continue
        yield container, depth, path
        stack.extend(
            (item, depth + 1, (path, key))
            for key, item in items
            if isinstance(item, dict | list)
        )


def _check_string(text: str, path: _Path) -> None:
    if "\x00" in text:
        raise JsonError("the character U+0000 can not be stored", _pointer(path))
    if _LONE_SURROGATE.search(text):
        raise JsonError("a lone surrogate is no character", _pointer(path))


def _pointer(path: _Path, *, shorten: bool = False) -> str:
    parts: list[str] = []
    while path:
        path, key = path
        parts.append(str(key).replace("~", "~0").replace("/", "~1"))
    parts.reverse()
    if shorten and len(parts) > 8:
        parts = parts[:8]
    text = "".join(f"/{part}" for part in parts)
    return _LONE_SURROGATE.sub("\ufffd", text).replace("\x00", "\ufffd")
