"""What is parked waits for a person: listed, sent again once, dropped, written down."""

from __future__ import annotations

import json
import uuid
from typing import Any

from .. import broker
from ..archive import archived_batches, sequences_of
from ..database import Database
from ..page import Row
from ..running import Stack
from ..waiting import until, until_equal
from .experiment import Experiment
from .report import judge

LEVELS = 2000
PLACES = ["aviso.record.unavailable.v1", "aviso.record.updated.v1"]
UNREADABLE = b'{"specversion": "1.0", "broken'


def test_a_parked_event_is_sent_again_once_and_another_dropped(
    experiment: Experiment,
) -> None:
    stack, api, database, feed = (
        experiment.stack,
        experiment.api,
        experiment.database,
        experiment.feed,
    )
    page = experiment.open_page(feed)
    deep = str(uuid.uuid4())
    first = api.write(feed, {"n": 1})["id"]
    database.execute(
        "INSERT INTO records (id, feed, data) VALUES (%s, %s, %s)",
        [deep, feed, '{"a":' * LEVELS + "1" + "}" * LEVELS],
    )
    broker.publish(stack.facts["amqp_url"], UNREADABLE + feed.encode(), feed=feed)
    third = api.write(feed, {"n": 3})["id"]
    listed = until(lambda: find_two(stack, feed), "both to be listed")
    ours, foreign = listed["too-deep"], listed["unreadable"]
    database.execute("UPDATE records SET data = '{}' WHERE id = %s", [deep])

    stack.manage("parked", "send", ours["id"], "--by", "ana")
    page.wait_for_position(5)
    events = count_events(database, feed)
    stack.manage("parked", "send", ours["id"], "--by", "ben")
    stack.manage("parked", "drop", foreign["id"], "--by", "ben")
    stack.manage("parked", "drop", foreign["id"], "--by", "ana")

    assert list_parked(stack, feed) == {}
    assert count_events(database, feed) == events == 5
    handled = list_parked(stack, feed, "--all")
    assert tell(handled["too-deep"]) == ("sent", "ana", True, True)
    assert tell(handled["unreadable"]) == ("dropped", "ben", True, False)

    def present() -> list[Row]:
        return [row for row in page.rows() if row.state == "present"]

    until_equal(3, lambda: len(present()), "the rows of three records")
    ids = [first, third, deep]
    room = api.get(f"feeds/{feed}/")["room"]
    observer = experiment.observer
    until_equal(
        list(range(1, events + 1)),
        lambda: sequences_of(archived_batches(observer, room)),
        "the archive to have them all",
    )
    batches = archived_batches(observer, room)
    experiment.outcome.report = judge(ids, ids, batches, present(), PLACES)
    assert experiment.outcome.report.is_clean, str(experiment.outcome.report)


def find_two(stack: Stack, feed: str) -> dict[str, dict[str, Any]]:
    """What waits for a decision, by its cause, once both are there; else nothing."""
    listed = list_parked(stack, feed)
    return listed if len(listed) == 2 else {}


def list_parked(stack: Stack, feed: str, *options: str) -> dict[str, dict[str, Any]]:
    lines = stack.manage("parked", "list", "--json", *options).splitlines()
    parked = [json.loads(line) for line in lines]
    return {each["cause"]: each for each in parked if each["feed"] == feed}


def tell(parked: dict[str, Any]) -> tuple[str, str, bool, bool]:
    """What was done, by whom, and whether it says when and as which event."""
    return (
        parked["state"],
        parked["handled_by"],
        parked["handled_at"] is not None,
        parked["sent_as"] is not None,
    )


def count_events(database: Database, feed: str) -> int:
    count: int = database.value("SELECT count(*) FROM events WHERE feed = %s", [feed])
    return count
