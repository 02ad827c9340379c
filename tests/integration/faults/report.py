"""What a trial comes to: the same eight numbers every time, the last four always 0.

Pure: it is handed what was written and what two observers saw, and counts.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace

from ..archive import Batch, check_spans, events_of, sequences_of
from ..page import Row

# They have a place of their own, and are about no record.
_READERS = ("aviso.reader.granted.v1", "aviso.reader.revoked.v1")


@dataclass(frozen=True)
class Report:
    """The numbers, in changes. `archived` and `shown` are None where nobody looked."""

    attempted: int
    acknowledged: int
    archived: int | None
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
    *,
    orders: Sequence[Sequence[str]] | None = None,
) -> Report:
    """Compare the created records with the room's archive and with a page's rows.

    `attempted` and `acknowledged` are record ids, each once. `orders` has what each
    writer's answers came to, in their order, which must be kept; without it
    `acknowledged` is one writer's. `places` are
    the types of events, other than a record's creation or a reader's, that may stand in
    the archive and are not counted. `rows` is the page from the newest to the oldest.
    """
    check_spans(list(batches))
    events = events_of(list(batches))
    others = {*places, *_READERS}
    report = judge_lists(
        attempted,
        acknowledged,
        # A place that nobody expected has no record: its own id is as unexpected.
        archived=[e.get("subject", e["id"]) for e in events if e["type"] not in others],
        shown=None if rows is None else [row.record_id for row in reversed(rows)],
        orders=orders,
    )
    return replace(
        report,
        duplicated=report.duplicated + count_repeats([e["id"] for e in events]),
        reordered=report.reordered + count_steps_off(sequences_of(list(batches))),
    )


def add_up(reports: Iterable[Report]) -> Report:
    """What the trials of several feeds come to, all of them looked at alike."""
    columns = zip(*map(astuple, reports), strict=True)
    return Report(*(None if None in each else sum(each) for each in columns))


def judge_lists(
    attempted: Sequence[str],
    acknowledged: Sequence[str],
    *,
    archived: Sequence[str] | None,
    shown: Sequence[str] | None,
    orders: Sequence[Sequence[str]] | None = None,
) -> Report:
    """Compare what was written with the ids that each observer saw, oldest first.

    `orders` as for `judge`. None for what the system does not keep, or nobody watched.
    """
    seen = [ids for ids in (archived, shown) if ids is not None]
    expected = set(attempted)
    return Report(
        attempted=len(attempted),
        acknowledged=len(acknowledged),
        archived=None if archived is None else len(archived),
        shown=None if shown is None else len(shown),
        lost=sum(len(set(acknowledged) - set(ids)) for ids in seen),
        duplicated=sum(count_repeats(ids) for ids in seen),
        unexpected=sum(len(set(ids) - expected) for ids in seen),
        reordered=sum(
            count_reversals(order, ids)
            for order in orders or (acknowledged,)
            for ids in seen
        ),
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
