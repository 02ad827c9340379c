"""An older backup is restored: sequences are given a second time, to other records."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

from ..archive import Batch, batches_with, events_of
from ..page import FeedPage
from ..running import Stack
from ..waiting import ALIVE_S, until
from .experiment import Experiment
from .report import judge_lists

_SPEAKERS = ("relay", "pusher")


def test_pages_start_over_after_an_older_backup_was_restored(
    experiment: Experiment, tmp_path: Path
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    wire = experiment.make_wire()
    pages = [trial.watched, experiment.open_page(trial.feed, wire=wire)]
    trial.post(5)
    show(pages, trial.acknowledged)
    backup = tmp_path / "backup.sql"
    run("pg_dump", stack, "--clean", "--if-exists", f"--file={backup}")
    kept = list(trial.acknowledged)
    trial.post(10)
    show(pages, trial.acknowledged)
    forgotten = trial.acknowledged[len(kept) :]

    wire.cut()  # one page sees it happen, the other comes back later
    for part in (*_SPEAKERS, "records-api"):
        stack.stop_part(part)
    run("psql", stack, "--set=ON_ERROR_STOP=1", "--quiet", f"--file={backup}")
    stack.manage("new_epoch", "--all")
    for part in ("records-api", *_SPEAKERS):
        stack.start_part(part)
    with experiment.recovery():
        show(pages[:1], kept)
    trial.post(3)  # with the sequences 6 to 8, which other records had before
    restored = kept + trial.acknowledged[len(kept + forgotten) :]
    show(pages[:1], restored)
    wire.mend()

    show(pages, restored)
    for page in pages:
        assert [row.sequence for row in page.rows()] == list(range(8, 0, -1))
        page.tab.get_by_text("This feed was begun anew.").wait_for()
    room = experiment.api.get(f"feeds/{trial.feed}/")["room"]
    batches = batches_with(experiment.observer, room, restored)
    former, present = (
        created_in(batches, epoch) for epoch in dict.fromkeys(b.epoch for b in batches)
    )
    # What the backup does not know stays in the archive, under the old epoch. What it
    # does not know to be archived, since that is reported later, is told again.
    archived = [each for each in former if each not in (*forgotten, *present)] + present
    experiment.outcome.report = judge_lists(
        restored,
        restored,
        archived=archived,
        shown=[row.record_id for row in reversed(pages[1].rows())],
    )
    assert experiment.outcome.report.is_clean, str(experiment.outcome.report)


def test_a_new_epoch_that_was_forgotten_is_said_and_mends_it_later(
    experiment: Experiment, tmp_path: Path
) -> None:
    stack, feed = experiment.stack, experiment.feed
    pusher = experiment.make_pusher()
    trial = experiment.make_trial()
    page = trial.watched
    trial.post(5)
    show([page], trial.acknowledged)
    backup = tmp_path / "backup.sql"
    run("pg_dump", stack, "--clean", "--if-exists", f"--file={backup}")
    kept = list(trial.acknowledged)
    trial.post(10)
    show([page], trial.acknowledged)

    for part in ("relay", "records-api"):
        stack.stop_part(part)
    run("psql", stack, "--set=ON_ERROR_STOP=1", "--quiet", f"--file={backup}")
    for part in ("records-api", "relay"):
        stack.start_part(part)
    trial.post(3)  # the room has others under these numbers, and drops them
    # The pusher finds other events there, or the relay more than it ever numbered.
    until(
        lambda: (
            "manage.py new_epoch"
            in pusher.problems.get(feed, "") + relay_problems(stack).get(feed, "")
        ),
        "it to be said",
    )

    stack.stop_part("relay")
    pusher.terminate()
    stack.manage("new_epoch", "--all")
    stack.start_part("relay")
    pusher.start()
    with experiment.recovery():
        restored = kept + trial.acknowledged[-3:]
        show([page], restored)
    shown = [row.record_id for row in reversed(page.rows())]
    experiment.outcome.report = judge_lists(
        restored, restored, archived=None, shown=shown
    )
    assert experiment.outcome.report.is_clean, str(experiment.outcome.report)


def created_in(batches: list[Batch], epoch: str) -> list[str]:
    """The records that the archive has under this epoch, in its order."""
    events = events_of([batch for batch in batches if batch.epoch == epoch])
    return [each["subject"] for each in events if "subject" in each]


def relay_problems(stack: Stack) -> dict[str, str]:
    """What the relay's /healthz tells of feeds that want a person."""
    url = f"http://127.0.0.1:{stack.settings.ports['relay']}/healthz"
    with urllib.request.urlopen(url, timeout=ALIVE_S) as answer:
        told: dict[str, str] = json.load(answer)["problems"]
    return told


def show(pages: list[FeedPage], ids: list[str]) -> None:
    """Wait until each page shows exactly these, the last on top."""
    for page in pages:
        page.wait_for_rows(ids[::-1], 60)
        page.wait_for_state("live")


def run(program: str, stack: Stack, *arguments: str) -> None:
    done = subprocess.run(
        [program, *arguments, f"--dbname={stack.facts['database_url']}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
