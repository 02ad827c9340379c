"""What is told waits in a bound, and nothing newer is lost for something older."""

from __future__ import annotations

import asyncio
import json

import pytest

from examples import CONTRACTS
from fakes import FakeBroker, until
from xmpp_pusher import reports
from xmpp_pusher.backoff import Backoff
from xmpp_pusher.metrics import make_metrics
from xmpp_pusher.position import Position, Span
from xmpp_pusher.reporter import Reporter
from xmpp_pusher.reports import WaitingReports

SPAN = Span("e001", 3, 5)
ONE_OF_EACH = (
    reports.archived("orders", Position("e001", 7)),
    reports.opened("orders", "e001", "an-id"),
    reports.behind("orders", "r1", Position("e001", 7)),
    reports.behind("orders", "r1", None),
    reports.shut("orders", "r1", "why"),
    reports.refused("orders", "r1", SPAN, "why"),
    reports.unopened("orders"),
    reports.away(),
)


def archived(feed: str, last: int) -> reports.Report:
    return reports.archived(feed, Position("e001", last))


@pytest.mark.parametrize("report", ONE_OF_EACH, ids=lambda report: report["kind"])
def test_each_kind_has_the_members_of_the_contract(report: reports.Report) -> None:
    contract = json.loads((CONTRACTS / "topology.json").read_text())["reports"]

    assert report["kind"] in contract["kinds"]
    expected = contract["kinds"][report["kind"]]
    assert {"kind", *expected} == set(report)


def test_all_kinds_of_the_contract_are_there() -> None:
    contract = json.loads((CONTRACTS / "topology.json").read_text())["reports"]

    assert set(contract["kinds"]) == {report["kind"] for report in ONE_OF_EACH}


def test_the_newest_of_a_feed_and_kind_waits() -> None:
    waiting = WaitingReports()
    for n in range(5):
        waiting.add(archived("orders", n))
    waiting.add(reports.unopened("orders"))

    assert [archived("orders", 4), reports.unopened("orders")] == waiting.take()
    assert not waiting


def test_how_far_the_archive_goes_is_told_first() -> None:
    waiting = WaitingReports()
    waiting.add(reports.unopened("orders"))
    waiting.add(archived("orders", 4))

    assert [archived("orders", 4), reports.unopened("orders")] == waiting.take()


def test_what_is_put_back_replaces_nothing_newer() -> None:
    waiting = WaitingReports()
    waiting.add(archived("orders", 1))
    taken = waiting.take()
    waiting.add(archived("orders", 2))

    waiting.put_back([*taken, archived("stock", 9)])

    assert [archived("orders", 2), archived("stock", 9)] == waiting.take()


def test_no_message_has_more_than_is_allowed_and_none_is_left_out() -> None:
    waiting, found = WaitingReports(), []
    for n in range(700):
        waiting.add(archived(f"feed-{n}", n))
        waiting.add(reports.unopened(f"feed-{n}"))

    while taken := waiting.take():
        assert len(taken) <= 500
        found += taken

    assert 1_400 == len(found) == len({(r["feed"], r["kind"]) for r in found})


def test_however_many_feeds_there_are_what_waits_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports, "MAX_FEEDS", 3)
    waiting = WaitingReports()
    for n in range(9):
        waiting.add(archived(f"feed-{n}", n))
    waiting.put_back([archived("another", 1)])

    assert ["feed-7", "feed-8", "another"] == [r["feed"] for r in waiting.take()]


async def test_what_comes_while_one_is_under_way_travels_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Backoff, "next_s", lambda _self: 0.001)
    broker = FakeBroker(is_up=False)
    reporter = Reporter(broker, make_metrics())
    running = asyncio.create_task(reporter.run())
    reporter.report(archived("orders", 1))
    await asyncio.sleep(0.02)
    for n in range(2, 100):
        reporter.report(archived("orders", n))
        reporter.report(archived("stock", n))
    broker.is_up = True

    await until(lambda: archived("stock", 99) in broker.reports)

    # The first may have been on its way when the broker came back.
    assert [archived("orders", 99), archived("stock", 99)] == broker.reports[-2:]
    assert broker.messages <= 2
    running.cancel()


async def test_what_was_not_confirmed_is_reported_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Backoff, "next_s", lambda _self: 0.001)
    broker = FakeBroker(is_up=False)
    reporter = Reporter(broker, make_metrics())
    running = asyncio.create_task(reporter.run())
    reporter.report(archived("orders", 1))
    await asyncio.sleep(0.02)

    broker.is_up = True

    await until(lambda: broker.reports == [archived("orders", 1)])
    running.cancel()
