"""Tabs that share one connection: whichever has it goes, and what they follow dies."""

from __future__ import annotations

from functools import partial
from itertools import cycle, islice
from pathlib import Path

from playwright.sync_api import Browser

from .. import chromium
from ..running import Stack
from .effort import choose
from .experiment import Experiment
from .sharing_tabs import SharingTabs, sharing_tabs
from .tabs import FollowingTab

TABS = choose(4, 12)
TIMES = choose(6, 30)
ELEMENTS = 11
RATE = 50


def test_tabs_share_one_connection_and_are_complete_whatever_goes(
    experiment: Experiment, browser: Browser, tmp_path: Path
) -> None:
    trial = experiment.make_trial(watched=False)
    stack = experiment.stack
    wire = experiment.make_wire(passes_bosh=False)

    with (
        chromium.launch_plain(browser.browser_type, tmp_path, wire.url) as context,
        sharing_tabs(context, wire, stack.url, trial) as tabs,
    ):
        ways = [partial(way, tabs) for way in (close, crash, freeze, stand_still)]
        ways += [partial(kill, stack, part) for part in ("ejabberd", "pusher")]
        with trial.inserting(RATE):
            for number in range(TABS):
                tabs.open(0 if number else ELEMENTS)
            tabs.get_on()
            for break_something in islice(cycle(ways), TIMES):
                tabs.wait_for_one_socket()
                with experiment.recovery():
                    break_something()
                    tabs.get_on()
        experiment.conclude(trial)
        tabs.judge()
    most, all_of_them = wire.most_websockets, wire.all_websockets
    experiment.outcome.notes += [
        f"sockets: {most} at once at most, {all_of_them} in all",
        f"written: {trial.inserted_per_s:.1f} records a second",
    ]
    # Elsewhere the machine may be too busy for it.
    assert trial.inserted_per_s > choose(0, 0.9 * RATE)


def close(tabs: SharingTabs) -> None:
    leader = tabs.leader()
    leader.close()
    replace(tabs, leader)


def crash(tabs: SharingTabs) -> None:
    leader = tabs.leader()
    leader.crash()
    replace(tabs, leader)


def replace(tabs: SharingTabs, gone: FollowingTab) -> None:
    """Another one leads, and a new one is opened."""
    tabs.forget(gone)
    tabs.leader()
    tabs.open(gone.elements)


def freeze(tabs: SharingTabs) -> None:
    leader = tabs.leader()
    leader.freeze()
    tabs.leader()
    tabs.get_on()
    leader.thaw()


def stand_still(tabs: SharingTabs) -> None:
    """It does not know that another one leads when it goes on."""
    leader = tabs.leader()
    leader.stand_still()
    tabs.leader()
    tabs.get_on()
    leader.go_on()


def kill(stack: Stack, part: str) -> None:
    stack.bring_back(part, stack.kill_part(part))
