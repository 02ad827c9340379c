"""Old events are pruned while new ones are written: neither feels the other."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from aviso_native import services
from aviso_native.addresses import find_free_port

from ..api import new_slug
from ..database import Database
from ..running import PYTHON, REPOSITORY, Stack
from ..waiting import ALIVE_S, until
from .effort import choose
from .experiment import Experiment
from .trial import Trial

PAST = choose(20_000, 1_000_000)
BURST = 500
BURSTS = choose(4, 20)

_FILL = """
WITH made AS (SELECT nextval('changesets') AS changeset), placed AS (
    INSERT INTO places (feed, first, last, changeset)
    SELECT %(feed)s, 1, %(head)s, changeset FROM made
)
INSERT INTO events (changeset, place, feed, type, start, subject, data, time)
SELECT changeset, n, %(feed)s, 'created', id, id, record_data(id, 1, old, old,
    jsonb_build_object('n', n)), old
FROM made, (SELECT n, gen_random_uuid() AS id, now() - interval '400 days' AS old
    FROM generate_series(1, %(head)s) AS n) AS past
"""


@pytest.fixture
def start_pruning(stack: Stack) -> Iterator[Callable[[], None]]:
    """Start a relay with a retention, in the place of the stack's own."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        stack.stop_part("relay")
        environ = {
            "AVISO_RELAY_BIND": f"127.0.0.1:{find_free_port()}",
            "AVISO_EVENT_RETENTION_DAYS": "1",
        }
        with (stack.run_dir / "log/relay-pruning.log").open("ab") as log:
            process = subprocess.Popen(
                [str(PYTHON), "manage.py", "aviso_relay"],
                cwd=REPOSITORY / "services/records-api",
                env=services.api_env(stack.settings) | environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(process)

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(ALIVE_S) == 0
    stack.start_part("relay")


def test_a_long_past_being_pruned_neither_slows_nor_loses_what_is_written(
    experiment: Experiment, start_pruning: Callable[[], None]
) -> None:
    stack, database = experiment.stack, experiment.database
    trial = experiment.make_trial(watched=False)
    trial.insert(BURST)
    trial.wait_for_head(60)
    without_s = publish_bursts(trial)

    past = new_slug("past")
    experiment.api.create_feed(past)
    trial.wait_for_head(60)
    stack.stop_part("relay")  # it knows what it has sent, and this it has not
    fill(database, past, published=PAST)
    before = count_scanned(database)
    start_pruning()
    until(lambda: oldest(database, past) > 1, "the pruning to begin", 180)
    meanwhile_s = publish_bursts(trial)
    left = PAST - oldest(database, past) + 1

    until(lambda: oldest(database, past) == PAST, "all but the newest to go", 900)
    # Whatever the relay looks for, it finds without reading through the past.
    assert count_scanned(database) - before < PAST
    experiment.outcome.notes.append(
        f"{PAST} old events, {left} of them left at the end of the writes:"
        f" {meanwhile_s / without_s:.2f} times as long to publish as without"
    )
    experiment.conclude(trial)


def test_what_is_not_archived_is_not_pruned_however_old(
    experiment: Experiment, start_pruning: Callable[[], None]
) -> None:
    stack, database = experiment.stack, experiment.database
    trial = experiment.make_trial()
    past = new_slug("unpublished")
    experiment.api.create_feed(past)
    trial.wait_for_head(60)
    stack.stop_part("rabbitmq")
    try:
        trial.insert(10)
        database.execute(
            "UPDATE events SET time = now() - interval '400 days' WHERE feed = %s",
            [trial.feed],
        )
        stack.stop_part("relay")
        fill(database, past, published=2_000, unpublished=3)
        start_pruning()
        until(lambda: oldest(database, past) > 1, "the pruning to begin", 180)
        until(lambda: oldest(database, past) == 2_001, "the published ones to go", 60)
        assert oldest(database, trial.feed) == 1
    finally:
        stack.start_part("rabbitmq")

    experiment.conclude(trial)


def publish_bursts(trial: Trial) -> float:
    """Write bursts, one when the other is published; return the seconds it took."""
    started = time.monotonic()
    for _ in range(BURSTS):
        trial.insert(BURST)
        trial.wait_for_head(120)
    return time.monotonic() - started


def fill(
    database: Database, feed: str, *, published: int, unpublished: int = 0
) -> None:
    """Give a feed a past that was written four hundred days ago."""
    head = published + unpublished
    with database.transaction() as connection:
        connection.execute(_FILL, {"feed": feed, "head": head})
        connection.execute(
            "UPDATE feed_progress SET published = %s WHERE feed = %s", [published, feed]
        )
        connection.execute("SELECT look_at(%s)", [feed])
    database.execute("ANALYZE events")


def oldest(database: Database, feed: str) -> int:
    """The oldest event that a feed has kept; looked up, not counted."""
    found: int | None = database.value(
        "SELECT pruned + 1 FROM feed_progress WHERE feed = %s", [feed]
    )
    return found or 0


def count_scanned(database: Database) -> int:
    """How many events were ever read by going through the table."""
    read: int = database.value(
        "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'events'"
    )
    return read
