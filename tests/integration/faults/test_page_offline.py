"""A page loses its connection while records arrive; the state it shows stays true."""

from __future__ import annotations

import time

from .effort import choose
from .experiment import Experiment

MANY = choose(1000, 5000)
PARTS = choose(1, 10)
AWAY_S = choose(0, 600)

_WATCH = """() => {
    const shown = () => document.querySelector("[data-connection-state]");
    const feed = () => document.querySelector("[data-feed]");
    window.seen = [];
    const note = () => window.seen.push(
        [shown().dataset.connectionState, Number(feed().dataset.position)]);
    new MutationObserver(note).observe(document.body, {
        subtree: true, attributes: true,
        attributeFilter: ["data-connection-state", "data-position"]});
    note();
}"""


def test_a_page_offline_while_many_arrive(experiment: Experiment) -> None:
    wire = experiment.make_wire()
    trial = experiment.make_trial(wire=wire)
    page = trial.watched
    trial.post(3)
    page.wait_for_position(3)
    page.tab.evaluate(_WATCH)
    wire.cut()
    page.wait_for_state("offline")
    for _ in range(PARTS):
        trial.insert(MANY // PARTS)
        time.sleep(AWAY_S / PARTS)
    # Else it may be live before all of them have their numbers, and be right.
    trial.wait_for_head(60)
    # "connecting" for as long as a try takes.
    assert page.state in ("offline", "connecting")
    assert page.position == 3
    with experiment.recovery():
        wire.mend()
        page.wait_for_position(3 + MANY, 120)
        page.wait_for_state("live")

    seen: list[tuple[str, int]] = page.tab.evaluate("() => window.seen")
    states = [state for state, _ in seen]
    back = seen[states.index("offline") :]
    # "catching-up" is not always seen: it may be over before the page is drawn again.
    assert next(position for state, position in back if state == "live") == 3 + MANY
    experiment.conclude(trial)


def test_a_page_cut_off_again_and_again_under_load(experiment: Experiment) -> None:
    wire = experiment.make_wire()
    trial = experiment.make_trial(wire=wire)
    page = trial.watched

    with trial.writing(rate=50):
        for _ in range(choose(3, 30)):
            wire.cut()
            page.wait_for_state("offline")
            with experiment.recovery():
                wire.mend()
                page.wait_for_state("live", 60)

    experiment.conclude(trial)
