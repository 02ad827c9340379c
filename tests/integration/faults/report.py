"""What a trial comes to: the same eight numbers every time, the last four always 0.

Pure: it is handed what was written and what two observers saw, and counts.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from ..archive import Batch, check_spans, events_of, sequences_of
from ..page import Row


@dataclass(frozen=True)
class Report:
    """The numbers, in changes. `shown` is None where no page was watching."""

    attempted: int
    acknowledged: int
    archived: int
    shown: int | None
    lost: int
    duplicated: int
    unexpected: int
    reordered: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.unexpected or self.reordered)

    def __str__(self) -> str:
        values = ((each.name, getattr(self, each.name)) for each in fields(self))
        return "  ".join(f"{name} {'-' if n is None else n}" for name, n in values)


def judge(
    attempted: Sequence[str],
    acknowledged: Sequence[str],
    batches: Sequence[Batch],
    rows: Sequence[Row] | None,
    places: Sequence[str] = (),
) -> Report:
    """Compare the created records with the room's archive and with a page's rows.

    `attempted` and `acknowledged` are record ids, each once; the latter in the order
    of the answers of one writer, which is the order that must be kept. `places` are
    the types of events, other than a record's creation, that may stand in the archive
    and are not counted. `rows` is the page from the newest to the oldest.
    """
    check_spans(list(batches))
    events = events_of(list(batches))
    archived = [e["subject"] for e in events if e["type"] not in places]
    seen = [archived]
    if rows is not None:
        seen.append([row.record_id for row in reversed(rows)])
    expected = set(attempted)
    return Report(
        attempted=len(attempted),
        acknowledged=len(acknowledged),
        archived=len(archived),
        shown=None if rows is None else len(rows),
        lost=sum(len(set(acknowledged) - set(ids)) for ids in seen),
        duplicated=sum(count_repeats(ids) for ids in seen)
        + count_repeats([event["id"] for event in events]),
        unexpected=sum(len(set(ids) - expected) for ids in seen),
        reordered=sum(count_reversals(acknowledged, ids) for ids in seen)
        + count_steps_off(sequences_of(list(batches))),
    )


def count_repeats(ids: Sequence[str]) -> int:
    return sum(count - 1 for count in Counter(ids).values())


def count_reversals(order: Sequence[str], seen: Sequence[str]) -> int:
    """How often a neighbour stands before the one that it has to follow."""
    rank = {each: number for number, each in enumerate(order)}
    ranks = [rank[each] for each in seen if each in rank]
    return sum(after < before for before, after in itertools.pairwise(ranks))


def count_steps_off(sequences: Sequence[int]) -> int:
    """How often a sequence is not its neighbour's plus one, beginning with 1."""
    starts = (0, *sequences)
    return sum(n != before + 1 for before, n in zip(starts, sequences, strict=False))
