"""A tab that shares a connection is hidden, frozen, or left and gone back to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from .. import chromium
from ..waiting import until
from ..wire import Wire
from .effort import choose
from .experiment import Experiment
from .sharing_tabs import SharingTabs, sharing_tabs
from .tabs import SPY, FollowingTab

TABS = 3
TIMES = choose(1, 10)


def test_hidden_tabs_have_everything_as_it_comes(
    experiment: Experiment, browser: Browser, tmp_path: Path
) -> None:
    trial = experiment.make_trial(watched=False)
    stack = experiment.stack
    wire = experiment.make_wire(passes_bosh=False)

    with (
        chromium.launch_plain(browser.browser_type, tmp_path, wire.url) as context,
        sharing_tabs(context, wire, stack.url, trial) as tabs,
    ):
        with trial.inserting(50):
            open_all(tabs)
            for _ in range(TIMES):
                for tab in tabs.tabs:
                    tab.hide()
                leader = tabs.leader()
                for _ in range(5):
                    tabs.get_on()
                assert tabs.leader() is leader
                # Nobody looks, and the next one leads.
                leader.close()
                tabs.forget(leader)
                tabs.get_on()
                # Its timers would bring a hidden one back in a minute.
                tabs.follower().show()
                stack.bring_back("ejabberd", stack.kill_part("ejabberd"))
                tabs.get_on()
                tabs.open()
                for tab in tabs.tabs:
                    tab.show()
        experiment.conclude(trial)
        tabs.judge()


@pytest.mark.timeout(choose(300, 1800))
def test_a_hidden_tab_over_long_polling_has_everything(
    experiment: Experiment, browser: Browser, tmp_path: Path
) -> None:
    """The server has more patience than a hidden tab's timers are late, a minute."""
    trial = experiment.make_trial(watched=False)
    wire = experiment.make_wire(passes_websocket=False)

    with chromium.launch_plain(browser.browser_type, tmp_path, wire.url) as context:
        context.add_init_script(SPY)
        tab = FollowingTab(context, experiment.stack.url, trial.feed)
        until(lambda: tab.state == "live", "the tab to be live")
        tab.hide()
        for _ in range(10 * TIMES):
            trial.insert(5)
            wanted = len(trial.acknowledged)
            until(lambda at=wanted: tab.position >= at, "what was written", 150)
        experiment.conclude(trial)

        assert tab.state == "live"
        assert tab.sockets == 0
        assert tab.seen() == (trial.acknowledged, list(range(1, wanted + 1)))


def test_a_frozen_tab_is_complete_again_and_says_nothing_as_the_leader_it_was(
    experiment: Experiment, browser: Browser, tmp_path: Path
) -> None:
    wire = experiment.make_wire(passes_bosh=False)
    with chromium.launch_plain(browser.browser_type, tmp_path, wire.url) as context:
        leave_and_come_back(
            experiment, context, wire, FollowingTab.freeze, FollowingTab.thaw
        )


def test_a_tab_that_was_gone_back_to_is_complete_again(
    experiment: Experiment, browser: Browser
) -> None:
    wire = experiment.make_wire(passes_bosh=False)
    with chromium.launch_keeping_pages(browser.browser_type, wire.url) as context:
        leave_and_come_back(
            experiment, context, wire, FollowingTab.leave, FollowingTab.return_
        )


def leave_and_come_back(
    experiment: Experiment,
    context: BrowserContext,
    wire: Wire,
    leave: Callable[[FollowingTab], None],
    come_back: Callable[[FollowingTab], None],
) -> None:
    trial = experiment.make_trial(watched=False)
    with sharing_tabs(context, wire, experiment.stack.url, trial) as tabs:
        with trial.inserting(50):
            open_all(tabs)
            for _ in range(TIMES):
                for whom in (SharingTabs.leader, SharingTabs.follower):
                    tab = whom(tabs)
                    led = tab.led
                    leave(tab)
                    for _ in range(3):
                        tabs.get_on()
                    come_back(tab)
                    tabs.get_on()
                    assert_it_leads_no_more(led, tab.led)
        experiment.conclude(trial)
        tabs.judge()


def open_all(tabs: SharingTabs) -> None:
    for _ in range(TABS):
        tabs.open()
    tabs.get_on()


def assert_it_leads_no_more(before: list[object], after: list[object]) -> None:
    """As whom it spoke before it went it does not speak after it came back."""
    back = len(before) + after[len(before) :].index("back")
    marks = {"frozen", "back"}
    assert (set(after[:back]) & set(after[back:])) <= marks, after
