"""Who is in a room is told who its owners are, and of nobody else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from .api import Api
from .running import Stack
from .xmpp_socket import CLIENT, XmppSocket

MUC_USER = "{http://jabber.org/protocol/muc#user}"


@pytest.fixture
def guests(stack: Stack) -> Iterator[list[XmppSocket]]:
    domain = stack.facts["xmpp"]["guest_domain"]
    with ExitStack() as opened:
        several = [
            opened.enter_context(closing(XmppSocket(stack.port, domain)))
            for _ in range(3)
        ]
        for guest in several:
            guest.log_in()
        yield several


def test_whoever_joins_is_told_the_owner_and_himself(
    room: str, guests: list[XmppSocket]
) -> None:
    for number, guest in enumerate(guests):
        told = join(guest, room, f"guest-{number}")

        assert [affiliation(each) for each in told] == ["owner", "none"]
        assert [addresses(each) for each in told] == [[None], [guest.jid]]


def test_who_is_in_is_told_when_the_owner_goes_and_another_comes(
    room: str, guests: list[XmppSocket], stack: Stack, api: Api, feed: str
) -> None:
    told = [join(guest, room, f"g{n}") for n, guest in enumerate(guests)]
    [before] = {each[0].get("from") for each in told}

    stack.stop_part("pusher")
    for guest in guests:
        gone = guest.wait_for(lambda each: is_of_owner(each, room))
        assert (gone.get("from"), gone.get("type")) == (before, "unavailable")

    stack.start_part("pusher")
    api.write(feed, {"n": 2})
    for guest in guests:
        come = guest.wait_for(lambda each: is_of_owner(each, room), 60)
        assert come.get("type") is None
        message = guest.wait_for(lambda each: each.tag == f"{CLIENT}message", 60)
        assert message.get("from") == come.get("from")


def test_a_taken_nick_is_refused_and_tells_nothing(
    room: str, guests: list[XmppSocket]
) -> None:
    join(guests[0], room, "same")

    refused = guests[1].join(room, "same")

    assert refused.get("type") == "error"


def test_an_idle_session_keeps_no_garbage(stack: Stack) -> None:
    """Without this a subscriber takes half as much memory again."""
    environ = Path(f"/proc/{stack.pid('ejabberd')}/environ").read_bytes()

    assert b"ERL_FULLSWEEP_AFTER=0" in environ.split(b"\0")


def join(guest: XmppSocket, room: str, nick: str) -> list[ET.Element]:
    """Enter; return what the room told of its occupants, oneself last."""
    guest.send(
        f"<presence xmlns='jabber:client' to='{room}/{nick}'>"
        "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    told: list[ET.Element] = []
    while not told or told[-1].get("from") != f"{room}/{nick}":
        told.append(guest.wait_for(lambda each: affiliation(each) is not None))
    return told


def affiliation(presence: ET.Element) -> str | None:
    item = presence.find(f"{MUC_USER}x/{MUC_USER}item")
    return None if item is None else item.get("affiliation")


def addresses(presence: ET.Element) -> list[str | None]:
    return [item.get("jid") for item in presence.iter(f"{MUC_USER}item")]


def is_of_owner(presence: ET.Element, room: str) -> bool:
    sender = presence.get("from") or ""
    return sender.startswith(f"{room}/") and affiliation(presence) == "owner"
