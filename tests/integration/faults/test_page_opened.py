"""Pages are opened while records arrive, over WebSocket and over long polling."""

from __future__ import annotations

from ..page import FeedPage, Row
from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .news import reach
from .trial import Trial

_KEPT = 3  # so many pages stay open to the end


def test_pages_opened_under_load_are_each_complete(experiment: Experiment) -> None:
    trial = experiment.make_trial()
    pages: list[FeedPage] = []

    with trial.writing(rate=50):
        for _ in range(choose(5, 100)):
            acknowledged = len(trial.acknowledged)
            page = experiment.open_page(trial.feed)
            reach(page, acknowledged)
            check_rows(page, trial)
            pages.append(page)
            if len(pages) > _KEPT:
                pages.pop(0).tab.context.close()

    experiment.conclude(trial)
    for page in pages:
        reach(page, len(trial.acknowledged))
        check_rows(page, trial)


def test_long_polling_that_is_cut_under_load(experiment: Experiment) -> None:
    wire = experiment.make_wire(passes_websocket=False)
    trial = experiment.make_trial(wire=wire)
    page = trial.watched

    # A page keeps its newest 20,000 records at most: so many must not be reached.
    with trial.writing(rate=20):
        for _ in range(choose(2, 20)):
            assert page.transport == "long polling"
            reach(page, len(trial.acknowledged))
            wire.cut()
            page.wait_for_state("offline")
            with experiment.recovery():
                wire.mend()
                page.wait_for_state("live", 60)
        reach(page, len(trial.acknowledged))

    assert page.transport == "long polling"
    experiment.conclude(trial)


def check_rows(page: FeedPage, trial: Trial) -> None:
    """What is shown is one piece of what was written, each once and in order.

    A page begins with the newest hundred records or so.
    """

    # They are drawn a moment after the position is known, some a frame, newest first.
    def one_piece() -> list[Row]:
        rows = page.rows()[::-1]
        first = rows[0].sequence if rows else 0
        is_whole = [row.sequence - first for row in rows] == list(range(len(rows)))
        return rows if is_whole else []

    rows = until(one_piece, "the page's rows, without a gap")
    first = rows[0].sequence
    written = trial.attempted[first - 1 :][: len(rows)]
    assert [row.record_id for row in rows] == written
