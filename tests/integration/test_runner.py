"""The local stack itself: two side by side, ended, started again, killed.

A second stack lives through one story (`mended`): something is parked, Ctrl-C ends it,
and after the next start the cause is mended. The tests look at what the story left.
"""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from aviso_native import postgres  # on the path that running.py sets

from .api import Api
from .archive import archived_batches, check_spans, events_of, sequences_of
from .chat import Chat, Refused
from .conftest import OpenPage
from .database import Database
from .projects import server_of_its_own
from .running import PARTS, Stack
from .test_parking import parked_in
from .waiting import until, until_equal

FEED = "orders"
LEVELS = 2000
TOO_DEEP = '{"a":' * LEVELS + "1" + "}" * LEVELS
SHALLOW = {"text": "xxxx"}
# One that had no schema of its own.
OF_OLDER_AVISO = "CREATE TABLE public.feed_heads (feed text)"


@dataclass(frozen=True)
class Mended:
    stack: Stack
    record_ids: list[str]
    parked_before: dict[str, Any]
    ended_with: int
    left: list[str]
    answers: list[str]
    """What `parked send` printed, the first time and the second."""


@pytest.fixture(scope="module")
def mended(start_stack: Callable[..., Stack]) -> Mended:
    stack = start_stack()
    database = Database(stack.facts["database_url"])
    api = Api(stack.url, stack.facts["api_key"])
    api.create_feed(FEED)
    deep = str(uuid.uuid4())
    ids = [api.write(FEED, {"n": 1})["id"], deep]
    database.execute(
        "INSERT INTO records (id, feed, data) VALUES (%s, %s, %s)",
        [deep, FEED, TOO_DEEP],
    )
    ids.append(api.write(FEED, {"n": 3})["id"])
    until(lambda: sequences(stack) == [1, 2, 3], "three events in the archive")
    [parked] = until(lambda: parked_in(database, FEED), "the deep one to be parked")
    api.close()
    # As if the key were of a stack that did not know this right yet.
    database.execute("UPDATE aviso.api_keys SET may_grant = false")

    ended_with = stack.interrupt()
    left = stack.leftovers()
    stack.start()
    database.execute(
        "UPDATE records SET data = %s WHERE id = %s", [json.dumps(SHALLOW), deep]
    )

    answers = [stack.manage("parked", "send", str(parked["id"])) for _ in range(2)]
    until(lambda: len(sequences(stack)) > 4, "the parked event to be sent again")
    return Mended(stack, ids, parked, ended_with, left, answers)


@pytest.fixture
def second(mended: Mended) -> Iterator[Api]:
    """The API of the second stack."""
    api = Api(mended.stack.url, mended.stack.facts["api_key"])
    yield api
    api.close()


def test_ctrl_c_ends_the_stack_in_order(mended: Mended) -> None:
    assert mended.ended_with == 0


def test_ctrl_c_leaves_no_process_and_no_port(mended: Mended) -> None:
    assert mended.left == []


def test_a_second_start_finds_the_records_again(mended: Mended, second: Api) -> None:
    found = second.get(f"feeds/{FEED}/records/")["results"]

    assert [record["id"] for record in found] == mended.record_ids[::-1]


def test_a_kept_key_that_lacks_a_right_has_a_successor(second: Api) -> None:
    second.create_feed("granted-by-a-kept-key")

    second.grant("granted-by-a-kept-key", "ada@localhost")


def test_a_command_is_run_beside_the_stack(mended: Mended) -> None:
    listed = mended.stack.manage_at_terminal("list_keys").splitlines()

    assert {json.loads(line)["name"] for line in listed} == {"local"}


def test_what_was_too_deep_is_parked_with_its_cause(mended: Mended) -> None:
    parked = mended.parked_before

    assert (parked["cause"], parked["sequence"]) == ("too-deep", 2)


def test_a_parked_event_is_sent_again_after_its_cause_is_mended(
    mended: Mended, second: Api, open_page: OpenPage
) -> None:
    batches = read_archive(mended.stack)
    check_spans(batches)
    events = events_of(batches)
    kinds = [event["type"].split(".")[2] for event in events]
    assert kinds == ["created", "unavailable", "created", "updated", "created"]
    assert events[4]["subject"] == mended.record_ids[1]
    assert events[4]["data"]["data"] == SHALLOW

    page = open_page(FEED, url=mended.stack.url)
    page.wait_for_position(5)
    shown = page.row(mended.record_ids[1])
    until(lambda: "xxxx" in shown.inner_text(), "the record in its row")


def test_sending_a_parked_event_twice_changes_nothing(
    mended: Mended, second: Api
) -> None:
    second.write(FEED, {"n": 6})

    until(lambda: len(sequences(mended.stack)) >= 6, "the next record")
    assert sequences(mended.stack) == [1, 2, 3, 4, 5, 6]
    [parked] = parked_in(Database(mended.stack.facts["database_url"]), FEED)
    assert parked["state"] == "sent"


def test_two_stacks_stand_side_by_side(
    mended: Mended, stack: Stack, api: Api, second: Api, feed: str
) -> None:
    theirs = Api(mended.stack.url, stack.facts["api_key"])

    assert second.call("GET", f"feeds/{feed}/").status == 404
    assert api.call("GET", f"feeds/{FEED}/").status == 404
    assert theirs.call("POST", "feeds/", {"slug": "intruder"}).status == 401
    assert set(mended.stack.facts["pids"].values()).isdisjoint(
        stack.facts["pids"].values()
    )
    theirs.close()


def test_a_second_runner_of_the_same_directory_is_refused(mended: Mended) -> None:
    twin = Stack(mended.stack.run_dir)

    with pytest.raises(AssertionError, match="already runs"):
        twin.start()

    assert mended.stack.pid("postgres")


def test_a_directory_of_an_older_aviso_is_refused_with_what_to_do(
    run_dirs: Callable[[], Path],
) -> None:
    directory = run_dirs()
    with server_of_its_own(directory) as settings:
        postgres.query(settings, OF_OLDER_AVISO, user="aviso", database="aviso")
    older = Stack(directory)

    with pytest.raises(AssertionError) as refused:
        older.start()

    assert str(refused.value).count("made by an older Aviso") == 1
    assert "remove the folder .run" in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert older.leftovers() == []


def test_every_part_killed_at_once_comes_back_and_the_next_record_arrives(
    mended: Mended, second: Api
) -> None:
    killed = {part: mended.stack.kill_part(part) for part in PARTS}

    for part, pid in killed.items():
        mended.stack.wait_for_another(part, pid)

    def is_written() -> bool:
        path, body = f"feeds/{FEED}/records/", {"data": {"n": 7}}
        again = {"Idempotency-Key": "the-seventh"}
        try:
            return second.call("POST", path, body, headers=again).status == 201
        except (OSError, HTTPException):  # it has a pid again, and no port yet
            second.close()
            return False

    until(is_written, "records-api to serve again", 60)
    until_equal(
        [1, 2, 3, 4, 5, 6, 7], lambda: sequences(mended.stack), "the archive", 60
    )


def test_a_killed_runner_takes_its_parts_with_it(mended: Mended) -> None:
    mended.stack.interrupt(signal.SIGKILL)

    assert mended.stack.leftovers() == []


def read_archive(stack: Stack) -> list[Any]:
    with Chat(stack.facts["xmpp"]) as observer:
        room = f"{FEED}@{stack.facts['xmpp']['rooms_domain']}"
        return archived_batches(observer, room)


def sequences(stack: Stack) -> list[int]:
    """The sequences in the room's archive; none while there is no room."""
    try:
        return sequences_of(read_archive(stack))
    except (Refused, TimeoutError):
        return []
