"""Tabs that share a connection, and the one that has it goes: each is complete."""

from __future__ import annotations

from playwright.sync_api import Browser

from ..waiting import until, until_equal
from .effort import choose
from .experiment import Experiment
from .report import count_steps_off, judge_lists
from .tabs import FollowingTab
from .trial import Trial

TABS = 4
TIMES = choose(5, 20)


def test_tabs_share_one_connection_and_are_complete_whoever_goes(
    experiment: Experiment, browser: Browser
) -> None:
    trial = experiment.make_trial(watched=False)
    context = browser.new_context()
    tabs: list[FollowingTab] = []

    def open_tab() -> None:
        tabs.append(FollowingTab(context, experiment.stack.url, experiment.feed))

    try:
        with trial.writing(10, lambda: trial.insert(5)):
            for _ in range(TABS):
                open_tab()
            go_on(tabs, trial)
            for turn in range(TIMES):
                leader = leader_of(tabs)
                tabs.remove(leader)
                with experiment.recovery():
                    if turn % 2:
                        leader.close()
                    else:
                        leader.crash()
                    open_tab()
                    go_on(tabs, trial)
        experiment.conclude(trial)
        head = trial.wait_for_head(60)
        for tab in tabs:
            until_equal(head, lambda tab=tab: tab.position, "the tab's position")
            shown, sequences = tab.seen()
            report = judge_lists(
                trial.attempted,
                trial.acknowledged,
                archived=None,
                shown=shown,
                orders=list(trial.orders.values()),
            )
            assert report.is_clean, str(report)
            assert count_steps_off(sequences) == 0
    except AssertionError as error:
        for number, tab in enumerate(tabs):
            error.add_note(f"tab {number}: {tab.describe()}")
        raise
    finally:
        context.close()


def leader_of(tabs: list[FollowingTab]) -> FollowingTab:
    """The one tab that has a connection, and it has one."""
    until_equal(1, lambda: sum(tab.sockets for tab in tabs), "the tabs' connections")
    return next(tab for tab in tabs if tab.sockets)


def go_on(tabs: list[FollowingTab], trial: Trial) -> None:
    """Each tab has what is written from now on, and says that it is live."""
    wanted = len(trial.acknowledged) + 50
    for number, tab in enumerate(tabs):
        until(lambda tab=tab: tab.position >= wanted, f"tab {number} at {wanted}")
        until(lambda tab=tab: tab.state == "live", f"tab {number} to be live")
