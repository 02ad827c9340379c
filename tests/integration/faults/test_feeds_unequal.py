"""One feed has more to say than all others together; the others do not feel it."""

from __future__ import annotations

import time

import pytest

from ..waiting import until
from .effort import choose
from .experiment import Experiment
from .heads import archived_head
from .queues import TRAVELLING, channel_to, count_ready

BULK = choose(100_000, 1_000_000)
EVERY_S = 0.2
# What waits, waits in PostgreSQL: a few batches of each feed are elsewhere.
MOST_MESSAGES = 300


@pytest.mark.timeout(choose(300, 3000))
def test_each_record_of_a_quiet_feed_is_shown_while_another_ones_bulk_travels(
    experiment: Experiment, neighbour: str
) -> None:
    stack, feed = experiment.stack, experiment.feed
    bulk = experiment.make_trial(watched=False)
    quiet = experiment.make_trial(of=neighbour)
    page = quiet.watched
    quiet.post()
    page.wait_for_position(1)
    slowest_s, most, shown_amid = 0.0, 0, 0

    bulk.insert(BULK)
    while (head := archived_head(stack, feed)) < BULK:
        started = time.monotonic()
        quiet.post()
        sequence = len(quiet.acknowledged)
        until(
            lambda: page.position >= sequence,  # noqa: B023
            f"the page to show {sequence} beside {head} of {BULK}",
        )
        slowest_s = max(slowest_s, time.monotonic() - started)
        shown_amid += head > 0 and archived_head(stack, feed) < BULK
        with channel_to(stack.facts["amqp_url"]) as channel:
            most = max(most, count_ready(channel, *TRAVELLING))
        time.sleep(max(0.0, EVERY_S - (time.monotonic() - started)))

    assert shown_amid > 0, "the bulk was through before anybody looked"
    assert most <= MOST_MESSAGES
    experiment.outcome.notes.append(
        f"{len(quiet.acknowledged)} records beside {BULK}, {shown_amid} of them amid"
        f" it: the slowest was shown after {slowest_s:.1f} s; at most {most} messages"
        " waited in RabbitMQ"
    )
    experiment.conclude(quiet)
    experiment.conclude(bulk, choose(90, 600))
