"""The relay dies with events archived but not marked; two relays take turns."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aviso_native import services
from aviso_native.addresses import find_free_port

from ..beside import beside
from ..database import Database
from ..running import PYTHON, REPOSITORY, Stack
from ..waiting import ALIVE_S, until
from .effort import choose
from .experiment import Experiment
from .gate import hold_marks

EXACT_KILLS = choose(3, 50)
KILLS = choose(5, 50)
BURST = 1000
TAKEOVERS = choose(4, 20)
TAKEOVER_S = 60  # generous: a test asserts no times
IN_FLIGHT = 20
_SEED = 20260103

# The relay's advisory lock is the ASCII of "aviso-1" as a bigint.
_HOLDERS = """
SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND datname = current_database()
    AND (classid::bigint << 32 | objid::bigint) = %s
"""
_LOCK = int.from_bytes(b"aviso-1", "big")


def test_a_relay_killed_between_report_and_mark_repeats_nothing_to_a_reader(
    experiment: Experiment,
) -> None:
    stack, database = experiment.stack, experiment.database
    trial = experiment.make_trial()

    for _ in range(EXACT_KILLS):
        with hold_marks(database) as gate:
            before = len(trial.acknowledged)
            trial.insert(IN_FLIGHT)
            # Archived indeed: it has come as far as the page.
            trial.watched.wait_for_position(before + IN_FLIGHT)
            [session] = gate.wait_for(1)
            pid = stack.kill_part("relay")
            database.execute("SELECT pg_terminate_backend(%s)", [session])
            until(lambda: not gate.waiting(), "the mark to be given up")
            assert trial.count_unpublished() == IN_FLIGHT
        with experiment.recovery():
            stack.bring_back("relay", pid)
            until(lambda: not trial.count_unpublished(), "the marks", 60)

    experiment.conclude(trial)


def test_a_relay_killed_at_any_moment_under_load_loses_and_repeats_nothing(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial(watched=choose(True, False))
    chance = random.Random(_SEED)  # noqa: S311 # moments, not secrets

    for _ in range(KILLS):
        trial.insert(BURST)
        # Somewhere on the way from the numbers to the marks.
        time.sleep(chance.uniform(0, 0.3))
        pid = stack.kill_part("relay")
        with experiment.recovery():
            stack.bring_back("relay", pid)
            trial.wait_for_head(60)

    experiment.conclude(trial)


def test_of_two_relays_one_is_active_whatever_ends_it(
    experiment: Experiment, second_relay: str
) -> None:
    stack, database = experiment.stack, experiment.database
    trial = experiment.make_trial()
    healths = [relay_url(stack.settings.ports["relay"]), second_relay]

    def have_parts() -> bool:
        return {role(each) for each in healths} == {"active", "standby"}

    with watching(database) as terms, trial.writing(rate=50):
        for _ in range(TAKEOVERS):
            until(have_parts, "one active and one standby relay", 60)
            [old] = until(lambda: holders(database), "a holder of the lock", 60)
            database.execute("SELECT pg_terminate_backend(%s)", [old])
            with experiment.recovery():
                until(
                    lambda: set(holders(database)) - {old},  # noqa: B023
                    "another session to have the lock",
                    TAKEOVER_S,
                )
        # Killed, it can't be the one that comes back.
        until(have_parts, "one active and one standby relay", 60)
        while role(healths[0]) != "active":
            held = until(lambda: holders(database), "a holder of the lock", 60)
            database.execute("SELECT pg_terminate_backend(%s)", [held[0]])
            until(have_parts, "one active and one standby relay", 60)
        stack.kill_part("relay")
        with experiment.recovery():
            until(lambda: role(second_relay) == "active", "the takeover", TAKEOVER_S)

    experiment.conclude(trial)
    assert terms.most == 1
    # It looked while the lock moved; short terms may have passed unseen.
    assert len(terms.sessions) > 1


@pytest.fixture
def second_relay(stack: Stack) -> Iterator[str]:
    """A relay beside the stack's own; its health's address."""
    port = find_free_port()
    with (stack.run_dir / "log/relay-2.log").open("ab") as log:
        process = subprocess.Popen(
            [str(PYTHON), "manage.py", "aviso_relay"],
            cwd=REPOSITORY / "services/records-api",
            env=services.api_env(stack.settings)
            | {"AVISO_RELAY_BIND": f"127.0.0.1:{port}"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    yield relay_url(port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(ALIVE_S) == 0


class Terms:
    """What was seen of the lock: its holders over time, and the most at once."""

    def __init__(self) -> None:
        self.sessions: list[int] = []
        self.most = 0

    def see(self, now: list[int]) -> None:
        self.most = max(self.most, len(now))
        for pid in now:
            if pid not in self.sessions[-1:]:
                self.sessions.append(pid)


@contextmanager
def watching(database: Database) -> Iterator[Terms]:
    """Look at the lock's holders all the while."""
    terms = Terms()

    def watch(ended: threading.Event) -> None:
        # One session: to connect costs many times what the question does.
        with database.transaction() as session:
            session.autocommit = True
            while not ended.wait(0.02):
                terms.see([pid for (pid,) in session.execute(_HOLDERS, [_LOCK])])

    with beside(watch):
        yield terms


def holders(database: Database) -> list[int]:
    return [pid for (pid,) in database.rows(_HOLDERS, [_LOCK])]


def relay_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/healthz"


def role(url: str) -> str:
    """What a relay says of itself; empty while it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            told: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        told = json.load(error)
    except (OSError, ValueError):
        return ""
    return str(told["role"])
