"""A page whose line is slow: it gets there, for nothing that came is thrown away."""

from __future__ import annotations

from .effort import choose
from .experiment import Experiment

_BYTES_PER_S = 250_000  # 2 Mbit/s


def test_what_was_written_while_the_page_was_away_comes_over_a_slow_line(
    experiment: Experiment,
) -> None:
    wire = experiment.make_wire()
    trial = experiment.make_trial(wire=wire)
    page = trial.watched
    trial.post(1)
    page.wait_for_position(1)
    wire.cut()
    page.wait_for_state("offline")

    # What is missed takes the line longer than any single answer is waited for.
    trial.insert(choose(5_000, 9_000))
    trial.wait_for_head(60)
    wire.bytes_per_s = _BYTES_PER_S
    with experiment.recovery():
        wire.mend()
        page.wait_for_position(len(trial.acknowledged), choose(120, 400))
        page.wait_for_state("live", 60)

    experiment.conclude(trial)
