"""A write that is sent again, because its answer was lost, is the same write."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from ..api import Answer, Api
from ..database import Database
from ..running import Stack
from ..waiting import until, until_equal
from .effort import choose
from .experiment import Experiment
from .gate import hold_commits
from .trial import Trial

EXACT_KILLS = choose(2, 10)
KILLS = choose(5, 50)
EQUAL = 20
# Of two workers with eight threads each, this many requests are under way for certain.
AT_ONCE = 8
_SEED = 20260102

MakeCaller = Callable[[str], Api]


@pytest.fixture
def make_caller(stack: Stack) -> Iterator[MakeCaller]:
    """Make a client with the key given, with a connection of its own."""
    made: list[Api] = []

    def make(key: str = "") -> Api:
        made.append(Api(stack.url, key or stack.facts["api_key"]))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_worker_killed_between_commit_and_answer_leaves_one_record(
    experiment: Experiment, make_caller: MakeCaller
) -> None:
    stack, database = experiment.stack, experiment.database
    trial = experiment.make_trial()

    for number in range(EXACT_KILLS):
        # Without an id of its own: the key alone makes it the same write.
        body, key = {"data": {"n": number}}, uuid.uuid4().hex
        with ThreadPoolExecutor(1) as pool, hold_commits(database) as gate:
            first = pool.submit(try_post, make_caller(""), trial.feed, body, key)
            gate.wait_for(1)
            workers = workers_of(stack)
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            gate.open()
            until(lambda: records_in(database, trial.feed) > number, "the commit")  # noqa: B023
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            assert first.result() is None
        kept = kept_answer(database, key)
        record = json.loads(kept)["id"]

        again = make_caller("")
        with experiment.recovery():
            wait_for_other_workers(stack, workers)
            answers = [post(again, trial.feed, body, key)]
        answers.append(post(again, trial.feed, body, key))

        assert [(201, kept)] * 2 == [(a.status, a.body.decode()) for a in answers]
        assert answers[0].headers["Location"] == answers[1].headers["Location"]
        trial.attempted.append(record)
        trial.acknowledge(record)

    experiment.conclude(trial)


def test_workers_killed_at_any_moment_lose_and_repeat_no_write(
    experiment: Experiment,
) -> None:
    stack = experiment.stack
    trial = experiment.make_trial()
    chance = random.Random(_SEED)  # noqa: S311 # moments, not secrets

    with trial.writing(rate=100):
        for _ in range(KILLS):
            # By writes and not by time: a slow machine has to be in the midst too.
            enough = len(trial.acknowledged) + chance.randint(4, 16)
            until(lambda: len(trial.acknowledged) >= enough, "writes", 60)  # noqa: B023
            time.sleep(chance.uniform(0, 0.02))
            workers = workers_of(stack)
            os.kill(victim := chance.choice(workers), signal.SIGKILL)
            with experiment.recovery():
                wait_for_other_workers(stack, [victim])

    experiment.conclude(trial)


def test_a_write_that_fails_in_its_commit_leaves_nothing_and_may_come_again(
    experiment: Experiment,
) -> None:
    api, database, feed = experiment.api, experiment.database, experiment.feed
    trial = experiment.make_trial()
    body = {"data": {"n": 1}}
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(1) as pool, hold_commits(database) as gate:
        first = pool.submit(post, api, feed, body, key)
        (session,) = gate.wait_for(1)
        database.execute("SELECT pg_terminate_backend(%s)", [session])
        assert first.result().status >= 500

    left = [
        database.value(f"SELECT count(*) FROM {table} WHERE feed = %s", [feed])
        for table in ("records", "events")
    ]
    assert left == [0, 0]
    second = post(api, feed, body, key)
    assert second.status == 201
    until_equal([1], lambda: sequences(api, feed), "the event of the second try")
    conclude_with(experiment.conclude, trial, [second])


def test_twenty_equal_requests_at_once_make_one_record(
    experiment: Experiment, make_caller: MakeCaller
) -> None:
    database, feed = experiment.database, experiment.feed
    trial = experiment.make_trial()
    key = uuid.uuid4().hex
    start = threading.Barrier(EQUAL)

    def send(caller: Api) -> Answer:
        start.wait(30)
        return post(caller, feed, {"data": {"n": 1}}, key)

    with ThreadPoolExecutor(EQUAL) as pool, hold_commits(database) as gate:
        callers = [make_caller("") for _ in range(EQUAL)]
        sent = [pool.submit(send, caller) for caller in callers]
        gate.wait_for(1)
        until(lambda: waiting_for_a_key(database) >= AT_ONCE - 1, "the others to wait")
        gate.open()
        answers = [each.result() for each in sent]

    assert [answer.status for answer in answers] == [201] * EQUAL
    assert len({(a.body, a.headers["Location"]) for a in answers}) == 1
    until_equal([1], lambda: sequences(experiment.api, feed), "one event")
    conclude_with(experiment.conclude, trial, answers[:1])


def test_a_key_belongs_to_one_write_and_to_one_caller(
    experiment: Experiment, make_caller: MakeCaller
) -> None:
    api, feed = experiment.api, experiment.feed
    trial = experiment.make_trial()
    granted = experiment.stack.manage(
        "create_key", "another", "--all-feeds", "--read", "--write"
    )
    another = make_caller(granted)
    key = uuid.uuid4().hex

    first = post(api, feed, {"data": {"n": 1}}, key)
    other_body = post(api, feed, {"data": {"n": 2}}, key)
    other_caller = post(another, feed, {"data": {"n": 1}}, key)
    again = [post(caller, feed, {"data": {"n": 1}}, key) for caller in (api, another)]

    assert (first.status, other_body.status, other_caller.status) == (201, 422, 201)
    assert first.json["id"] != other_caller.json["id"]
    assert [each.body for each in again] == [first.body, other_caller.body]
    until_equal([1, 2], lambda: sequences(api, feed), "two events")
    conclude_with(experiment.conclude, trial, [first, other_caller])


def conclude_with(
    conclude: Callable[..., None], trial: Trial, answers: list[Answer]
) -> None:
    """Conclude a trial for which others have written these records, and no more."""
    ids = [answer.json["id"] for answer in answers]
    trial.attempted += ids
    trial.acknowledge(*ids)
    conclude(trial)


def post(api: Api, feed: str, body: object, key: str) -> Answer:
    path = f"feeds/{feed}/records/"
    return api.call("POST", path, body, headers={"Idempotency-Key": key})


def try_post(api: Api, feed: str, body: object, key: str) -> Answer | None:
    """Post once; None where the answer was lost on the way."""
    try:
        answer = post(api, feed, body, key)
    except (OSError, HTTPException):
        return None
    return None if answer.status == 502 else answer


def workers_of(stack: Stack) -> list[int]:
    """The processes of gunicorn that answer requests."""
    master = until(lambda: stack.pid("records-api"), "records-api to run", 60)
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return [int(pid) for pid in children.split()]


def wait_for_other_workers(stack: Stack, dead: list[int]) -> None:
    def are_others() -> bool:
        workers = set(workers_of(stack))
        return len(workers) >= len(dead) and not workers & set(dead)

    until(are_others, f"workers in the place of {dead}")


def records_in(database: Database, feed: str) -> int:
    count: int = database.value("SELECT count(*) FROM records WHERE feed = %s", [feed])
    return count


def kept_answer(database: Database, key: str) -> str:
    answer: str = database.value(
        "SELECT answer FROM idempotency_keys WHERE key = %s", [key]
    )
    return answer


def waiting_for_a_key(database: Database) -> int:
    """How many sessions wait for the transaction that holds the key."""
    waiting: int = database.value(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
    )
    return waiting


def sequences(api: Api, feed: str) -> list[int]:
    return [int(event["feedseq"]) for event in api.all_events(feed)]
