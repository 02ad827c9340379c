"""Writers that overlap, roll back and commit in another order than they began.

Row numbers are given when a row is inserted and seen when it is committed: whoever
looks for "what is above the last number" misses what commits late.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ..database import Database
from ..waiting import until_equal
from .effort import choose
from .experiment import Experiment

EXAMPLES = choose(40, 400)
WRITERS = 4

# Inserts are the most frequent; "number" lets the relay number what is committed.
ACTIONS = ["insert"] * 4 + ["commit"] * 2 + ["undo", "rollback", "number"]
Step = tuple[int, str]
STEPS = st.lists(
    st.tuples(st.integers(0, WRITERS - 1), st.sampled_from(ACTIONS)),
    min_size=15,
    max_size=50,
)


@dataclass
class Transaction:
    """`began` and `ended` are moments: the numbers of steps."""

    began: int
    ended: int = 0
    ids: list[str] = field(default_factory=list)


def test_no_interleaving_of_writers_loses_an_event_or_turns_cause_and_effect(
    experiment: Experiment,
) -> None:
    database = experiment.database
    trial = experiment.make_trial()

    with open_writers(experiment.stack.facts["database_url"]) as connections:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            # The feed goes on from example to example: a smaller one is another one.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(STEPS)
        def interleave(steps: list[Step]) -> None:
            head = head_of(database, trial.feed)
            committed = perform(steps, connections, database, trial.feed)
            ids = [record for each in committed for record in each.ids]
            trial.attempted += ids
            wait_until_numbered(database, trial.feed)

            numbered = numbered_since(database, trial.feed, head)

            assert sorted(numbered) == sorted(ids)
            assert list(numbered.values()) == list(range(head + 1, head + len(ids) + 1))
            assert in_causal_order(committed, numbered), (steps, numbered)

        interleave()

    # Overlapping writers have no order of their own: the numbers are the order.
    trial.acknowledge(*numbered_since(database, trial.feed, 0))
    assert len(trial.acknowledged) > EXAMPLES
    experiment.conclude(trial)


@contextmanager
def open_writers(url: str) -> Iterator[list[psycopg.Connection[Any]]]:
    with ExitStack() as stack:
        yield [stack.enter_context(psycopg.connect(url)) for _ in range(WRITERS)]


def perform(
    steps: list[Step],
    connections: list[psycopg.Connection[Any]],
    database: Database,
    feed: str,
) -> list[Transaction]:
    """Take the steps one by one; return what was committed, in that order.

    A transaction begins with its first insert; one that is left open at the end is
    committed by an even writer and rolled back by an odd one.
    """
    opened: dict[int, Transaction] = {}
    committed: list[Transaction] = []
    ends = [(w, "rollback" if w % 2 else "commit") for w in range(WRITERS)]
    for moment, (writer, action) in enumerate([*steps, *ends]):
        connection = connections[writer]
        if action == "insert":
            transaction = opened.setdefault(writer, Transaction(moment))
            transaction.ids.append(insert(connection, feed))
        elif action == "undo" and writer in opened:
            undo_an_insert(connection, feed)
        elif action == "commit" and writer in opened:
            connection.commit()
            transaction = opened.pop(writer)
            transaction.ended = moment
            committed.append(transaction)
        elif action == "rollback" and writer in opened:
            connection.rollback()
            del opened[writer]
        elif action == "number":
            wait_until_numbered(database, feed)
    return committed


def insert(connection: psycopg.Connection[Any], feed: str) -> str:
    record = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO records (id, feed, data) VALUES (%s, %s, '{}')", [record, feed]
    )
    return record


def undo_an_insert(connection: psycopg.Connection[Any], feed: str) -> None:
    """Insert within the transaction and roll back that part of it alone."""
    connection.execute("SAVEPOINT before")
    insert(connection, feed)
    connection.execute("ROLLBACK TO SAVEPOINT before")


def in_causal_order(committed: list[Transaction], numbered: dict[str, int]) -> bool:
    """Whether each transaction is in order, and after all that it could have seen."""
    return all(
        [numbered[record] for record in each.ids]
        == sorted(numbered[record] for record in each.ids)
        for each in committed
    ) and all(
        max(numbered[record] for record in before.ids)
        < min(numbered[record] for record in after.ids)
        for before in committed
        for after in committed
        if before.ended < after.began
    )


def head_of(database: Database, feed: str) -> int:
    head: int = database.value(
        "SELECT sequence FROM feed_heads WHERE feed = %s", [feed]
    )
    return head


def wait_until_numbered(database: Database, feed: str) -> None:
    until_equal(
        0,
        lambda: database.value("SELECT count(*) FROM queue WHERE feed = %s", [feed]),
        "every committed event to have its number",
    )


def numbered_since(database: Database, feed: str, head: int) -> dict[str, int]:
    """The records of the events after `head` and their sequences, in that order."""
    return dict(
        database.rows(
            "SELECT subject, sequence FROM event_log"
            " WHERE feed = %s AND sequence > %s ORDER BY sequence",
            [feed, head],
        )
    )
