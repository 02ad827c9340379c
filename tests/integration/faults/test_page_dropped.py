"""One message of the room never reaches the page, though the connection stands."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from ..page import FeedPage
from ..waiting import until
from ..wire import Wire
from .conftest import Outcome
from .trial import Trial

_LIVE = re.compile(r"<message[^>]* type='groupchat'[^>]*>")
_SILENCE_S = 30  # after so long without an event the page looks whether it missed one


class Eater:
    """Eats the next live batch, once it is told to, and counts what it ate."""

    def __init__(self) -> None:
        self.eaten = 0
        self._is_hungry = threading.Event()

    def eat_one(self) -> None:
        self._is_hungry.set()

    def wait_for(self, count: int) -> None:
        until(lambda: self.eaten >= count, f"{count} batches to be eaten")

    def __call__(self, text: str) -> list[str]:
        if self._is_hungry.is_set() and _LIVE.match(text) and "urn:aviso:feed" in text:
            self._is_hungry.clear()
            self.eaten += 1
            return []
        return [text]


def test_a_batch_dropped_on_the_way_is_fetched_when_the_next_one_comes(
    make_trial: Callable[..., Trial],
    make_wire: Callable[..., Wire],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    trial, page, eater = follow(make_trial, make_wire)

    with trial.writing(rate=20):
        for number in range(1, 4):
            eater.eat_one()
            eater.wait_for(number)
            with outcome.recovery():
                wait_to_pass(page, len(trial.acknowledged))

    conclude(trial)


def test_the_last_batch_for_a_while_dropped_on_the_way_is_missed_all_the_same(
    make_trial: Callable[..., Trial],
    make_wire: Callable[..., Wire],
    outcome: Outcome,
    conclude: Callable[..., None],
) -> None:
    trial, page, eater = follow(make_trial, make_wire)
    trial.post(2)
    page.wait_for_position(2)

    eater.eat_one()
    trial.post()
    eater.wait_for(1)
    assert page.position == 2
    with outcome.recovery():
        page.wait_for_position(3, 2 * _SILENCE_S)

    page.wait_for_state("live")
    conclude(trial)


def wait_to_pass(page: FeedPage, sequence: int) -> None:
    until(lambda: page.position >= sequence, f"the page to show {sequence}")


def follow(
    make_trial: Callable[..., Trial], make_wire: Callable[..., Wire]
) -> tuple[Trial, FeedPage, Eater]:
    """A trial whose page reads through a wire with an eater in it."""
    wire = make_wire()
    wire.edit = eater = Eater()
    trial = make_trial(wire=wire)
    assert trial.page is not None
    return trial, trial.page, eater
