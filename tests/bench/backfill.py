"""A large table is backfilled while others write to it, and that is killed thrice."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from ..integration.tables import WrittenTable
from .again import count_skipped
from .beat import Waits
from .bench import Bench, tell
from .goals import Goal

_RATE = 200
_KILLS = 3
_THROUGH_S = 7200.0


def backfill(bench: Bench) -> None:
    """Three times the command and the relay die in the midst of it."""
    rows = bench.choose(100_000, 1_000_000)
    table = WrittenTable(bench.stack, bench.database, rows)
    alone = _write_alone(bench, table)
    started = time.monotonic()
    with table.writing(_RATE):
        for kill in range(1, _KILLS + 1):
            process = table.start_backfill()
            part = rows * kill // (_KILLS + 1)
            _wait_until_told(table, process, part)
            tell(f"  killed at {table.count_backfilled():,} rows")
            process.kill()
            process.wait()
            bench.stack.kill_part("relay")
        _check(table.start_backfill().wait(_THROUGH_S))
        backfilled_s = time.monotonic() - started
    beside = Waits(list(table.waits_ms))
    table.waits_ms.clear()
    _wait(table.is_published, "everything to be archived")
    bench.note("rows", rows)
    bench.note("backfilled (s)", backfilled_s)
    bench.note("archived (s)", time.monotonic() - started)
    bench.note("writes/s beside it", len(beside.ms) / backfilled_s)
    # Whatever else the machine does, it does before and behind it too.
    alone.ms += _write_alone(bench, table).ms
    bench.note("writes/s alone", len(alone.ms) / (2 * bench.seconds))
    _wait(table.is_published, "what was written behind it to be archived")
    for name, waits in (("alone", alone), ("beside it", beside)):
        bench.note(f"a write {name}, median (ms)", waits.median)
        bench.note(f"a write {name}, p99 (ms)", waits.quantile(0.99))
    faults = table.count_faults() | {
        "skipped in the archive": count_skipped(bench, table.feed)
    }
    bench.goals += [
        Goal(f"{rows:,} rows backfilled, killed {_KILLS} times: {name}", count, 0)
        for name, count in faults.items()
    ]


def _write_alone(bench: Bench, table: WrittenTable) -> Waits:
    with table.writing(_RATE):
        time.sleep(bench.seconds)
    waits = Waits(list(table.waits_ms))
    table.waits_ms.clear()
    return waits


def _wait_until_told(
    table: WrittenTable, process: subprocess.Popen[bytes], rows: int
) -> None:
    """Wait for so many. Raises RuntimeError when the command ends before, at once."""

    def is_told() -> bool:
        code = process.poll()
        if code is not None:
            _check(code)
            raise RuntimeError(f"the backfill was through before {rows} rows were seen")
        return table.count_backfilled() >= rows

    _wait(is_told, f"{rows} rows told")


def _check(code: int) -> None:
    """What it says of its error stands on this process's own stderr."""
    if code != 0:
        raise RuntimeError(f"manage.py backfill failed with {code}, as it says above")


def _wait(question: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _THROUGH_S
    while not question():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {_THROUGH_S:g} s for {what}")
        time.sleep(0.2)
