"""Backfills: asked for, slowed, paused, and done here where no relay does them."""

from __future__ import annotations

import time
from collections.abc import Callable

from aviso.capture.limited_statements import (
    STATEMENT_TIMEOUT_MS,
    HeldError,
    TableError,
    ask,
)

_ASK = "SELECT aviso.ask_backfill(%(table)s::regclass, %(again)s, %(rate)s)"
_PAUSE = "SELECT aviso.pause_backfill(%(table)s::regclass)"
_FIND = "SELECT id FROM aviso.tracked WHERE relation = %(table)s::regclass"
_STEP = "SELECT is_done, rest_s FROM aviso.backfill_step(%s, %s)"
_PROGRESS = "SELECT looked_at, told, backfilled FROM aviso.tracked WHERE id = %s"
_PAGE_ROWS = 500
_TRIES = 20


def ask_backfill(
    table: str,
    *,
    rate: int | None = None,
    starts_over: bool = False,
    timeout_ms: int = STATEMENT_TIMEOUT_MS,
) -> None:
    """Have the relay tell the rows that the log does not, `rate` a second at most.

    One that is under way, or paused, goes on where it was. Raises TableError.
    """
    values = {"table": table, "again": starts_over, "rate": rate}
    ask(_ASK, values, timeout_ms=timeout_ms)


def pause_backfill(table: str, *, timeout_ms: int = STATEMENT_TIMEOUT_MS) -> None:
    """Stop a backfill where it is. Raises TableError."""
    ask(_PAUSE, {"table": table}, timeout_ms=timeout_ms)


def backfill(
    table: str,
    *,
    rate: int | None = None,
    starts_over: bool = False,
    report: Callable[[int, int], object] = lambda _looked_at, _told: None,
) -> int:
    """Backfill, beside a relay or without one; return how many rows it told.

    `report` is called with what was looked at and told so far. Raises TableError, also
    when others hold a row for too long, or pause it: what is told stays told.
    """
    ask_backfill(table, rate=rate, starts_over=starts_over)
    ((tracked,),) = ask(_FIND, {"table": table})
    while True:
        is_done, rest_s = _step(tracked)
        progress = ask(_PROGRESS, [tracked])
        if not progress:
            raise TableError("it is not tracked any more")
        ((looked_at, told, state),) = progress
        report(looked_at, told)
        if is_done:
            break
        time.sleep(rest_s)
    if state == "paused":
        raise TableError("somebody has paused it: run it again, and it goes on")
    return int(told)


def _step(tracked: int) -> tuple[bool, float]:
    for _ in range(_TRIES):
        try:
            ((is_done, rest_s),) = ask(_STEP, [tracked, _PAGE_ROWS])
        except HeldError:
            continue
        return is_done, rest_s
    raise TableError("a row is held by somebody for too long: run it again")
