"""Reads the top-level strings of a JSON object at any depth of nesting.

``json`` gives up on deep nesting, but such an event still has a place in its feed
that has to be kept. Used for events that are going to be parked, never for good ones.
"""

from __future__ import annotations

import json
import re
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


def measure_depth(text: str) -> int:
    """Return how many arrays and objects stand inside one another; 0 for none."""
    depth = deepest = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif token in "}]":
            depth -= 1
    return deepest


def read_top_strings(text: str) -> dict[str, str]:
    """Return the members of the outermost object that are strings.

    Text that is no JSON gives whatever looked like it; the caller checks each value.
    """
    found: dict[str, str] = {}
    depth = 0
    key: str | None = None
    before = ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        if depth == 1 and token[0] == '"':
            if before == ":" and key is not None:
                found[key] = _unquote(token)
            else:
                key = _unquote(token)
        elif token in "{[":
            depth += 1
        elif token in "}]":
            depth -= 1
        before = token
    return found


def _unquote(token: str) -> str:
    try:
        value = json.loads(token)
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""
