"""Everybody is thrown out at once and comes back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median

import pytest
from playwright.sync_api import Browser

from ..running import Stack
from ..waiting import until_equal
from .crowd import Crowd, State
from .effort import choose
from .experiment import Experiment
from .trial import Trial

_BACK_S = 180
_A_TAB = 150  # Chromium opens no more than 255 WebSockets at once


@pytest.fixture
def gather(
    browser: Browser, stack: Stack
) -> Iterator[Callable[[str, int], list[Crowd]]]:
    """Open `count` subscribers of a feed, in browsers of their own; all live."""
    contexts = []

    def gather(feed: str, count: int) -> list[Crowd]:
        crowds = []
        for number in range(0, count, _A_TAB):
            contexts.append(browser.new_context())
            tab = contexts[-1].new_page()
            crowds.append(Crowd(tab, stack.url, feed, min(_A_TAB, count - number)))
        wait_until_live(crowds)
        return crowds

    yield gather
    for context in contexts:
        context.close()


def test_many_subscribers_return_after_a_restart_of_what_they_hang_on(
    experiment: Experiment, gather: Callable[[str, int], list[Crowd]]
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial(watched=False)
    crowds = gather(trial.feed, choose(50, 300))
    trial.post(5)
    wait_until_read(crowds, trial)

    for part in ("ejabberd", "gateway"):
        stack.stop_part(part)
        trial.insert(20)
        stack.start_part(part)
        with experiment.recovery():
            wait_until_read(crowds, trial)
            wait_until_live(crowds)
        trial.post(5)
        wait_until_read(crowds, trial)
        states = [each for crowd in crowds for each in crowd.take_states()]
        pauses_s = list(first_pauses_s(states))
        returns_s = [each for crowd in crowds for each in crowd.returns_s()]
        experiment.outcome.notes.append(
            f"{part}: they came back within {max(returns_s):.1f} s,"
            f" {count_densest(returns_s, max(returns_s) / 10)} of {len(returns_s)}"
            " in the busiest tenth of it"
        )
        # Not when they came back: a server that is busy with all of them at once
        # spreads that too. Who finds out by asking comes back without a pause.
        assert len(pauses_s) > len(returns_s) / 5, states
        at_once = count_densest(pauses_s, median(pauses_s) / 10)
        assert at_once < len(pauses_s) / 2, "no jitter"

    experiment.conclude(trial)


def first_pauses_s(states: list[list[State]]) -> Iterator[float]:
    """How long each meant to wait before its first try."""
    for each in states:
        pauses_ms = (state.pause_ms for state in each if state.pause_ms is not None)
        yield from (pause_ms / 1000 for pause_ms in islice(pauses_ms, 1))


def count_densest(moments_s: list[float], width_s: float) -> int:
    """How many of the moments lie within `width_s` of each other, at the fullest."""
    moments_s = sorted(moments_s)
    return max(
        bisect_right(moments_s, start_s + width_s) - number
        for number, start_s in enumerate(moments_s)
    )


def wait_until_live(crowds: list[Crowd]) -> None:
    until_equal(
        [crowd.count for crowd in crowds],
        lambda: [crowd.live for crowd in crowds],
        "everybody to be live",
        _BACK_S,
    )


def wait_until_read(crowds: list[Crowd], trial: Trial) -> None:
    """Wait until everybody was given the same: all that was written, in order, once."""
    until_equal(
        [[trial.acknowledged] for _ in crowds],
        lambda: [crowd.readings() for crowd in crowds],
        "everybody to have read everything",
        _BACK_S,
    )
