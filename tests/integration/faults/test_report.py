"""The judge itself: it must be able to say each of the four bad words."""

from __future__ import annotations

from ..archive import Batch
from ..page import Row
from .report import add_up, judge


def batch(first: int, *ids: str) -> Batch:
    events = [
        {
            "id": f"event-{n}-{record}",
            "type": "aviso.record.created.v1",
            "subject": record,
            "feed": "f",
            "feedepoch": "e",
            "feedseq": str(n),
        }
        for n, record in enumerate(ids, first)
    ]
    last = first + len(ids) - 1
    return Batch(f"f:e:{first}-{last}", "", "f", "e", first, last, events, ["1"])


def rows(*newest_first: str) -> list[Row]:
    return [Row(each, 0, 1, "") for each in newest_first]


def test_all_in_order_is_clean() -> None:
    report = judge("abc", "abc", [batch(1, "a", "b"), batch(3, "c")], rows(*"cba"))

    assert report.is_clean
    assert (
        report.attempted,
        report.acknowledged,
        report.archived,
        report.shown,
    ) == (3, 3, 3, 3)


def test_an_attempt_without_an_answer_may_be_missing_or_there() -> None:
    assert judge("ab", "a", [batch(1, "a")], None).is_clean
    assert judge("ab", "a", [batch(1, "a", "b")], None).is_clean


def test_an_acknowledged_record_that_is_missing_is_lost() -> None:
    assert judge("ab", "ab", [batch(1, "a")], None).lost == 1
    assert judge("ab", "ab", [batch(1, "a", "b")], rows("a")).lost == 1


def test_a_record_that_stands_twice_is_duplicated() -> None:
    assert judge("a", "a", [batch(1, "a", "a")], None).duplicated == 1
    assert judge("a", "a", [batch(1, "a")], rows("a", "a")).duplicated == 1


def test_a_record_that_nobody_wrote_is_unexpected() -> None:
    assert judge("a", "a", [batch(1, "a", "x")], None).unexpected == 1


def test_a_place_kept_for_a_record_is_lost_and_unexpected() -> None:
    kept = batch(1, "a")
    kept.events[0]["type"] = "aviso.record.unavailable.v1"
    del kept.events[0]["subject"]

    report = judge("a", "a", [kept], None)

    assert (report.lost, report.unexpected) == (1, 1)
    assert judge("", "", [kept], None, [kept.events[0]["type"]]).is_clean


def test_another_order_and_a_hole_are_reordered() -> None:
    assert judge("ab", "ab", [batch(1, "b", "a")], None).reordered == 1
    assert judge("ab", "ab", [batch(1, "a", "b")], rows("a", "b")).reordered == 1
    assert judge("ab", "ab", [batch(1, "a"), batch(3, "b")], None).reordered == 1


def test_only_one_writers_records_have_an_order() -> None:
    both = [batch(1, "a", "b", "c")]
    assert judge("abc", "bac", both, None).reordered == 1
    assert judge("abc", "bac", both, None, orders=["b", "ac"]).is_clean
    assert judge("abc", "bca", both, None, orders=["b", "ca"]).reordered == 1


def test_reports_of_several_feeds_add_up_to_one() -> None:
    clean = judge("ab", "ab", [batch(1, "a", "b")], None)
    lossy = judge("cd", "cd", [batch(1, "d")], None)

    report = add_up([clean, lossy])

    assert (report.attempted, report.archived, report.shown) == (4, 3, None)
    assert report.lost == 1
    assert not report.is_clean
