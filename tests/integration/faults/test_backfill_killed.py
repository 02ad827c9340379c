"""A table is backfilled beside writers, and all that carries it is killed in turn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from ..tables import WrittenTable
from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .report import judge_lists

ROWS = choose(4_000, 300_000)
WRITES = choose(50, 200)  # a second
# So slow that it is not through before all of them have been killed: the relay goes on
# with it while nobody runs the command.
PACE = choose(20, 500)  # rows a second
PARTS = ("relay", "pusher", "rabbitmq", "ejabberd")
ROUNDS = choose(1, 5)
ALIVE_S = choose(240, 1500)

_LOG = "SELECT id::text FROM aviso.event_log WHERE feed = %s ORDER BY sequence"


@pytest.fixture
def table(experiment: Experiment) -> Iterator[WrittenTable]:
    table = WrittenTable(experiment.stack, experiment.database, ROWS)
    yield table
    table.drop()


@pytest.mark.timeout(choose(600, 3600))
def test_a_backfill_beside_writers_is_told_once_whatever_is_killed(
    experiment: Experiment, table: WrittenTable
) -> None:
    stack, database = experiment.stack, experiment.database
    trial = experiment.make_trial(of=table.feed, watched=False)
    kills = list(itertools.chain.from_iterable([PARTS] * ROUNDS))

    with table.writing(WRITES):
        for number, part in enumerate(kills):
            looked_at = kill_backfill(table, PACE + number)
            stack.wait_for_another(part, stack.kill_part(part))
            experiment.outcome.notes.append(f"{part} killed at {looked_at} of {ROWS}")
        with experiment.recovery():
            assert table.start_backfill().wait(ALIVE_S) == 0

    trial.wait_for_head(ALIVE_S)
    log = [event for (event,) in database.rows(_LOG, [table.feed])]
    events = trial.archived_events()
    archived = [event["id"] for event in events]
    assert list(range(1, len(log) + 1)) == [int(event["feedseq"]) for event in events]
    report = judge_lists(log, log, archived=archived, shown=None)
    experiment.outcome.report = report
    assert report.is_clean, str(report)
    faults = table.count_faults()
    assert dict.fromkeys(faults, 0) == faults
    assert fold(events) == table.rows()


def kill_backfill(table: WrittenTable, pace: int) -> int:
    """Kill one that has begun or gone on; return how many rows it has looked at."""
    process = table.start_backfill(pace)
    begun: list[int] = []

    def has_gone_on() -> bool:
        assert process.poll() in (None, 0), "the backfill failed, as it says above"
        rate, looked_at = table.read_backfill()
        # What the relay does is done at the pace that was asked for before.
        if rate == pace:
            begun.append(looked_at)
        return bool(begun) and looked_at != begun[0]

    until(has_gone_on, "the backfill to go on", ALIVE_S, 0.05)
    process.kill()
    process.wait()
    return table.read_backfill()[1]


def fold(events: list[dict[str, Any]]) -> dict[str, int]:
    """What whoever read the archive has, by its key."""
    rows: dict[str, int] = {}
    for event in events:
        if event["type"] == "aviso.record.deleted.v1":
            # Of a row that was gone before the backfill came to it that is all.
            rows.pop(event["subject"], None)
        else:
            rows[event["subject"]] = event["data"]["data"]["n"]
    return rows
