"""Cursor pages: a list is read on from where it was left, whatever was added since.

A cursor is `after-<key>` or `before-<key>`: the rows on that side of the row with this
key, in the list's own order. Every list answers {"results", "next", "previous"}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import QueryDict

from aviso.problems import BadRequest, show

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# A page ends early when its rows hold this many bytes: 1,000 records of 64 KiB would be
# 64 MiB, in each thread. It may end earlier still (aviso/limits/large_answers.py).
PAGE_BYTES = 4 * 1024 * 1024

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Cursor:
    """`key` is None at the start of the list."""

    key: str | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in the list's order, and whether there are more on either side.

    A search that ended early names the key of the last row that it looked at, found or
    not, on the side where there are more.
    """

    rows: Sequence[Row]
    has_next: bool
    has_previous: bool
    searched_down_to: str | None = None
    searched_up_to: str | None = None
    looked_at: int | None = None
    """How many rows a search went through for it; None where nothing was searched."""


def read_limit(query: QueryDict) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise BadRequest(
            f"limit is {show(text)}, expected an integer from 1 to {MAX_LIMIT}",
            field="limit",
        )
    return int(text)


def read_cursor(query: QueryDict, key_pattern: str) -> Cursor:
    text = query.get("cursor")
    if text is None:
        return Cursor()
    parts = re.fullmatch(rf"(after|before)-({key_pattern})", text)
    if parts is None:
        raise BadRequest(
            f"cursor is {show(text)}, expected one out of a list's next or previous",
            field="cursor",
        )
    return Cursor(key=parts[2], backward=parts[1] == "before")


def check_parameters(query: QueryDict, allowed: set[str], prefix: str = "") -> None:
    """Refuse a parameter that would be ignored: its answer would be a wrong one."""
    for name in query:
        if name not in allowed and not (prefix and name.startswith(prefix)):
            expected = sorted(allowed) + ([f"{prefix}<field>"] if prefix else [])
            raise BadRequest(
                f"There is no parameter {show(name)}, expected {', '.join(expected)}",
                field=name,
            )


def make_page(
    rows: list[Row],
    cursor: Cursor,
    *,
    more: bool,
    stopped_at: str | None = None,
    looked_at: int | None = None,
) -> Page[Row]:
    """Make a page of rows that were read along the cursor's direction."""
    if cursor.backward:
        return Page(
            rows[::-1], True, more, searched_up_to=stopped_at, looked_at=looked_at
        )
    return Page(
        rows,
        more,
        cursor.key is not None,
        searched_down_to=stopped_at,
        looked_at=looked_at,
    )
