"""Very many events are asked for again, and what carries them is killed meanwhile."""

from __future__ import annotations

import time

import pytest

from ..running import Stack
from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .heads import archived_head, delete_newest, wait_until_beyond
from .parking import parked_causes

MANY = choose(20_000, 1_000_000)
KILLED = ("relay", "pusher", "ejabberd")
ALIVE_S = choose(120, 3000)


@pytest.mark.timeout(choose(300, 7200))
def test_what_is_asked_for_again_is_there_once_and_no_other_feed_waits(
    experiment: Experiment, neighbour: str
) -> None:
    stack, feed = experiment.stack, experiment.feed
    trial = experiment.make_trial(watched=False)
    other = experiment.make_trial(of=neighbour)
    trial.insert(MANY)
    wait_until_beyond(MANY - 1, stack, feed, ALIVE_S)
    trial.wait_for_head(ALIVE_S)

    with other.writing(rate=10):
        for part in KILLED:
            # Of a feed that has nothing new: nobody would notice by himself.
            delete_newest(stack, feed, kept=0.0)
            stack.manage("republish", feed, "--from", "1")
            until(
                lambda: archived_head(stack, feed) > 0, "the first to travel", ALIVE_S
            )
            head = archived_head(stack, feed)
            stack.wait_for_another(part, stack.kill_part(part))
            with experiment.recovery():
                wait_until_beyond(MANY - 1, stack, feed, ALIVE_S)
            experiment.outcome.notes.append(f"{part} killed at {head} of {MANY}")
        republish_what_is_there(stack, feed)

    experiment.conclude(other)
    experiment.conclude(trial, choose(90, 1800))
    assert parked_causes(stack, experiment.database, feed) == []


def republish_what_is_there(stack: Stack, feed: str) -> None:
    stack.manage("republish", feed, "--from", "1")
    time.sleep(1)
    assert archived_head(stack, feed) == MANY
