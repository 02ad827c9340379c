"""A batch that is encoded once for all is what each would have got by himself."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from .api import Api
from .chat import Chat
from .running import Stack
from .waiting import until
from .xmpp_socket import XmppSocket

BATCHES = 3
# For what the one that asks has locked.
WAITING = """SELECT query FROM pg_stat_activity
    WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"""


@pytest.fixture
def guest(stack: Stack) -> Iterator[XmppSocket]:
    """By WebSocket, through the gateway."""
    domain = stack.facts["xmpp"]["guest_domain"]
    with closing(XmppSocket(stack.port, domain)) as guest:
        guest.log_in()
        yield guest


@pytest.fixture
def chat(stack: Stack) -> Iterator[Chat]:
    """By TCP: ejabberd itself encodes what goes there."""
    with Chat(stack.facts["xmpp"]) as chat:
        yield chat


def test_a_browser_gets_what_ejabberd_would_have_written(
    stack: Stack, api: Api, feed: str, room: str, guest: XmppSocket, chat: Chat
) -> None:
    guest.join(room, "guest")
    chat.join(room)
    start = len(batches(chat, room))

    for n in range(BATCHES):
        api.write(feed, {"n": n, "text": "<&'\"> ñ 東京 \\ " * 40})
        until(
            lambda: len(batches(chat, room)) == start + n + 1,  # noqa: B023
            "the batch at the chat client",
        )

    usual = batches(chat, room)[start:]
    ours = [guest.wait_for(lambda each: is_batch(each, room)) for _ in usual]
    assert [said(each) for each in ours] == [said(each) for each in usual]
    assert {each.get("to") for each in ours} == {guest.jid}
    # Whatever goes wrong leaves it to the room, and says so.
    log = stack.settings.log("ejabberd-server").read_text()
    assert [
        each for each in ("left to the room", "write by itself") if each in log
    ] == []


def test_a_join_asks_the_database_for_no_nick(
    stack: Stack, room: str, guest: XmppSocket
) -> None:
    """Everybody in the room would wait for the answer."""
    with psycopg.connect(stack.ejabberd_database_url) as held:
        held.execute("LOCK TABLE muc_registered IN ACCESS EXCLUSIVE MODE")

        guest.send(
            f"<presence xmlns='jabber:client' to='{room}/guest'>"
            "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
        # Who else is in is told before.
        me = guest.wait_for(lambda each: each.get("from") == f"{room}/guest")
        # ejabberd lets in whoever it could not ask about in time.
        waiting = held.execute(WAITING).fetchall()

    assert me.get("type") is None
    assert waiting == []


def batches(chat: Chat, room: str) -> list[ET.Element]:
    return [each for each in chat.messages_from(room) if is_batch(each, room)]


def is_batch(stanza: ET.Element, room: str) -> bool:
    is_there = stanza.find("{urn:aviso:feed:2}archived") is not None
    return is_there and (stanza.get("from") or "").startswith(f"{room}/")


def said(stanza: ET.Element) -> tuple[dict[str, str], str]:
    """All of it but whom it is addressed to."""
    attributes = {name: value for name, value in stanza.items() if name != "to"}
    return attributes, "".join(ET.tostring(each, "unicode") for each in stanza)
