"""The archive answers late, or breaks: it takes a batch once, behind its head."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from aviso_native import postgres
from aviso_native.settings import REPOSITORY

from ..running import Stack
from ..waiting import until, until_equal
from .effort import choose
from .experiment import Experiment
from .news import reach, wait_for_news
from .pushers import Pusher
from .tcp_wire import BATCH, Way

TIMES = choose(1, 5)
# A page keeps its newest 20,000 records at most: so many must not be reached.
BURST = 4000
MODULE = REPOSITORY / "deploy/ejabberd/mod_feed_archive.erl"


@pytest.mark.timeout(choose(300, 900))
@pytest.mark.parametrize("end", ["reset", "terminate"])
def test_a_commit_that_shows_late_makes_no_hole_and_no_copy(
    experiment: Experiment, end: str
) -> None:
    """Durable and seen by nobody, as with a synchronous standby that has gone."""
    stack, tcp_wire = experiment.stack, experiment.tcp_wire
    with records_commit_alone(stack):
        pusher = experiment.make_pusher(AVISO_XMPP_PORT=str(tcp_wire.port))
        trial = experiment.make_trial()
        page = trial.watched
        for _ in range(TIMES):
            # So that batches are on their way to the archive. Nothing else is written:
            # to give it numbers the relay would wait too, and send no more of them.
            tcp_wire.hold(Way.THERE, since=BATCH)
            trial.insert(BURST)
            until(lambda: BATCH in tcp_wire.kept, "a batch on its way")
            with ExitStack() as writing:
                with standby_gone(stack):
                    tcp_wire.release()
                    wait_for_doubts(pusher, 2)
                    writing.enter_context(trial.writing(rate=20))
                    if end == "terminate":
                        ask(stack, TERMINATE_WAITING)
                with experiment.recovery():
                    reach(page, len(trial.acknowledged) + 1, 120)
        experiment.conclude(trial)


@pytest.mark.timeout(choose(300, 900))
def test_an_archive_that_crashes_delays_and_repeats_nothing(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    page = trial.watched

    with trial.writing(rate=20):
        wait_for_news(lambda: page.position)
        stack.stop_part("ejabberd")
        before = archived(stack, trial.feed)
        with crashing_archive(stack):
            wait_for_doubts(pusher, 3)
            assert archived(stack, trial.feed) == before, "the archive took one"
        with experiment.recovery():
            reach(page, len(trial.acknowledged) + 1, 120)

    experiment.conclude(trial)


def wait_for_doubts(pusher: Pusher, count: int) -> None:
    name = "aviso_pusher_retries_total"
    enough = pusher.metric(name) + count
    until(lambda: pusher.metric(name) >= enough, f"{count} doubts", 90)


def archived(stack: Stack, feed: str) -> str:
    room = f"{feed}@{stack.settings.rooms_domain}"
    counting = f"SELECT count(*) FROM archive WHERE username = '{room}'"
    return ask(stack, counting, user="ejabberd")


TERMINATE_WAITING = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE usename = 'ejabberd' AND wait_event = 'SyncRep'"
)


def ask(stack: Stack, statement: str, *, user: str = "postgres") -> str:
    database = "postgres" if user == "postgres" else user
    return postgres.query(stack.settings, statement, user=user, database=database)


@contextmanager
def records_commit_alone(stack: Stack) -> Iterator[None]:
    """Have the writers' commits wait for no standby, so that they go on."""

    def begin_again(setting: str) -> None:
        ask(stack, f"ALTER ROLE aviso {setting}")
        ask(
            stack,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'aviso'",
        )

    begin_again("SET synchronous_commit = local")
    try:
        yield
    finally:
        begin_again("RESET synchronous_commit")


@contextmanager
def standby_gone(stack: Stack) -> Iterator[None]:
    ask(stack, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    ask(stack, "SELECT pg_reload_conf()")
    try:
        # Its checkpointer is the one that makes commits wait: it has been told when a
        # new session knows of it, and does that before its next checkpoint.
        shown = "SHOW synchronous_standby_names"
        until_equal("nobody", lambda: ask(stack, shown), "the setting")
        ask(stack, "CHECKPOINT")
        yield
    finally:
        ask(stack, "ALTER SYSTEM RESET synchronous_standby_names")
        ask(stack, "SELECT pg_reload_conf()")


@contextmanager
def crashing_archive(stack: Stack) -> Iterator[None]:
    """Start ejabberd with a module that fails at each batch; and then as it was."""
    beams = stack.settings.run_dir / "ejabberd/beam"
    beam, saved = beams / "mod_feed_archive.beam", beams / "mod_feed_archive.saved"
    shutil.copy(beam, saved)
    source = MODULE.read_text()
    spoiled = source.replace("El = xmpp:encode(Packet),", "El = error(crash),")
    assert spoiled != source
    try:
        (beams / MODULE.name).write_text(spoiled)
        compile_module(beams / MODULE.name)
        stack.start_part("ejabberd")
        yield
        stack.stop_part("ejabberd")
    finally:
        shutil.move(saved, beam)
        (beams / MODULE.name).unlink()
        stack.start_part("ejabberd")


def compile_module(source: Path) -> None:
    (library,) = Path("/usr/lib").glob("*-linux-gnu/ejabberd-[0-9][0-9].[0-9][0-9]")
    subprocess.run(
        ["erlc", "-pa", str(library / "ebin"), source.name],
        cwd=source.parent,
        check=True,
        capture_output=True,
    )
