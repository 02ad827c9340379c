"""A reader is let in and put out, over and over, while records come and parts die.

What came to him live lies between a grant and the next revoke, without a hole: every
record before the revoke, none after it. Who was put out gets in nowhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from ..archive import archived_batches, live_batches, sequences_of
from ..chat import CLIENT, Chat, Refused
from ..database import Database
from ..running import Stack
from ..waiting import until
from .effort import choose
from .experiment import Experiment

ROUNDS = choose(4, 40)
# One of them dies in every round, in turn.
MORTAL = ("relay", "pusher", "rabbitmq", "ejabberd")
RATE = 20
PASSWORD = "a-password-of-one-test"
STRANGER = "item-not-found"
STATUS = "{http://jabber.org/protocol/muc#user}status"
# XEP-0045, section 15.6.2: banned, affiliation gone, members only.
PUT_OUT = {"301", "321", "322"}


@dataclass(frozen=True)
class Stay:
    """From the sequence of a grant to that of the revoke after it."""

    granted: int
    revoked: int


@pytest.mark.timeout(choose(300, 1500))
def test_a_reader_gets_what_lies_between_grant_and_revoke_and_nothing_else(
    experiment: Experiment,
) -> None:
    stack, api, feed = experiment.stack, experiment.api, experiment.feed
    api.change_feed(feed, visibility="private")
    name = f"reader-{uuid.uuid4().hex[:8]}"
    reader = f"{name}@{stack.facts['xmpp']['domain']}"
    room = api.get(f"feeds/{feed}/")["room"]
    account = (name, PASSWORD)
    Chat(stack.facts["xmpp"], account, register=True).close()
    trial = experiment.make_trial(watched=False)
    heard: list[list[int]] = []

    with trial.writing(RATE):
        for turn in range(ROUNDS):
            part = MORTAL[turn % len(MORTAL)]
            api.grant(feed, reader)
            chat = enter(stack, account, room)
            wait_for_records(chat, room)
            if part != "ejabberd":  # that would end the session before the revoke
                stack.kill_part(part)
            api.revoke(feed, reader)
            with experiment.recovery():
                wait_until_out(chat, room)
            heard.append(sequences_of(live_batches(chat, room)))
            if part == "ejabberd":
                chat.close()
                stack.kill_part(part)
                chat = wait_for_login(stack, account)
            assert refusal_of(chat.join, room) == STRANGER
            assert refusal_of(archived_batches, chat, room) == STRANGER
            chat.close()

    # For the judge, who reads as a guest, once the change has come to the room.
    api.change_feed(feed, visibility="public")
    with Chat(stack.facts["xmpp"]) as guest:
        wait_for_entry(guest, room)
    experiment.conclude(trial)
    stays = stays_of(experiment.database, feed, reader)
    assert len(stays) == ROUNDS
    for sequences, stay in zip(heard, stays, strict=True):
        assert all(after == before + 1 for before, after in pairwise(sequences))
        # The grant begins its own batch, which a quick reader hears whole.
        assert stay.granted <= sequences[0]
        assert sequences[-1] in (stay.revoked - 1, stay.revoked)


def enter(stack: Stack, account: tuple[str, str], room: str) -> Chat:
    """Log in and join the room as soon as the grant has come to it."""
    chat = wait_for_login(stack, account)
    wait_for_entry(chat, room)
    return chat


def wait_for_entry(chat: Chat, room: str) -> None:
    until(lambda: refusal_of(chat.join, room) is None, f"{room} to open", 90)


def wait_for_login(stack: Stack, account: tuple[str, str]) -> Chat:
    def log_in() -> Chat | None:
        try:
            return Chat(stack.facts["xmpp"], account)
        except (Refused, OSError, TimeoutError):
            return None

    chat = until(log_in, "the reader's login", 60)
    assert chat
    return chat


def wait_for_records(chat: Chat, room: str) -> None:
    until(lambda: len(live_batches(chat, room)) > 5, "records to come", 60)


def wait_until_out(chat: Chat, room: str) -> None:
    def is_out() -> bool:
        return any(
            each.tag == f"{CLIENT}presence"
            and each.get("type") == "unavailable"
            and each.get("from", "").startswith(f"{room}/")
            # Its own going: the pusher that was killed goes as well.
            and PUT_OUT & {status.get("code") for status in each.iter(STATUS)}
            for each in chat.received
        )

    until(is_out, "the reader to be put out", 90)


def refusal_of(attempt: Callable[..., object], *arguments: object) -> str | None:
    try:
        attempt(*arguments)
    except Refused as refusal:
        return str(refusal)
    return None


def stays_of(database: Database, feed: str, reader: str) -> list[Stay]:
    rows = database.rows(
        "SELECT type, sequence FROM event_log WHERE feed = %s AND reader = %s"
        " ORDER BY sequence",
        [feed, reader],
    )
    grants = [sequence for kind, sequence in rows if kind == "granted"]
    revokes = [sequence for kind, sequence in rows if kind == "revoked"]
    return [Stay(*each) for each in zip(grants, revokes, strict=False)]
