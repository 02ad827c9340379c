"""What a room says, held against what the client's unit tests take a room to say.

`real-room.json` has it, as shapes: an element a line, with its attributes' names, and
with the values that the client looks at. The fake room of those tests is held against
the same file (tests/engine/real-room.test.ts), so neither can change alone.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .api import Api
from .running import Stack
from .xmpp_socket import CLIENT, XmppSocket

SHAPES = json.loads(
    Path(__file__).parents[2].joinpath(
        "services/web-client/packages/aviso-feed/tests/engine/real-room.json"
    ).read_text()
)  # fmt: skip
NICK = "reader-1"
MAM = "urn:xmpp:mam:2"
MUC_USER = "{http://jabber.org/protocol/muc#user}"
# Whose values the client looks at; of the others only that they are there.
TOLD = ("type", "affiliation", "role", "code", "complete")
# Anybody's stanza may have them, and no client needs them.
UNTOLD = ("{http://www.w3.org/XML/1998/namespace}lang",)
QUERY = (
    f"<query xmlns='{MAM}' queryid='q'><x xmlns='jabber:x:data' type='submit'>"
    f"<field var='FORM_TYPE' type='hidden'><value>{MAM}</value></field>"
    "<field var='start'><value>2020-01-01T00:00:00.000000Z</value></field></x>"
    "<set xmlns='http://jabber.org/protocol/rsm'><max>5</max><before/></set></query>"
)
PING = "<ping xmlns='urn:xmpp:ping'/>"


def shape_of(element: ET.Element, around: str = "", depth: int = 0) -> list[str]:
    """`item affiliation=none role`: an element a line, indented by its depth."""
    namespace, _, name = element.tag[1:].rpartition("}")
    shown = name if namespace == around else f"{{{namespace}}}{name}"
    attributes = sorted(key for key in element.attrib if key not in UNTOLD)
    words = [f"{key}={element.get(key)}" if key in TOLD else key for key in attributes]
    lines = ["  " * depth + " ".join([shown, *words])]
    for child in element:
        lines += shape_of(child, namespace, depth + 1)
    return lines


class Listener:
    """Notes what comes, as shapes."""

    def __init__(self, guest: XmppSocket, room: str) -> None:
        self.guest = guest
        self.room = room

    def until(self, is_last: Callable[[ET.Element], bool]) -> list[list[str]]:
        heard: list[list[str]] = []
        while True:
            element = ET.fromstring(self.guest.receive())  # noqa: S314 # our server's
            if self.is_from_a_room(element):
                heard.append(shape_of(element))
            if is_last(element):
                return heard

    def is_from_a_room(self, element: ET.Element) -> bool:
        """Not the echo of our own presence."""
        sender = (element.get("from") or "").partition("/")[0]
        return sender.partition("@")[2] == self.room.partition("@")[2]

    def ask(self, kind: str, to: str, payload: str) -> list[list[str]]:
        self.guest.send(
            f"<iq xmlns='jabber:client' type='{kind}' id='one' to='{to}'>{payload}</iq>"
        )
        return self.until(lambda each: each.get("id") == "one")

    def enter(self, room: str) -> None:
        self.guest.send(
            f"<presence xmlns='jabber:client' to='{room}/{NICK}'>"
            "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )

    def leave(self) -> None:
        self.guest.send(
            f"<presence xmlns='jabber:client' to='{self.room}/{NICK}'"
            " type='unavailable'/>"
        )


@pytest.fixture
def listener(stack: Stack, room: str) -> Iterator[Listener]:
    domain = stack.facts["xmpp"]["guest_domain"]
    with closing(XmppSocket(stack.port, domain)) as guest:
        guest.log_in()
        yield Listener(guest, room)


def is_own(element: ET.Element) -> bool:
    codes = element.iter(f"{MUC_USER}status")
    return any(status.get("code") == "110" for status in codes)


def is_error(element: ET.Element) -> bool:
    return element.get("type") == "error"


def is_subject(element: ET.Element) -> bool:
    return element.find(f"{CLIENT}subject") is not None


def is_batch(element: ET.Element) -> bool:
    return element.find("{urn:aviso:feed:2}events") is not None


def test_a_room_says_what_the_fake_one_says(
    stack: Stack, api: Api, feed: str, private_feed: str, listener: Listener
) -> None:
    api.write(private_feed, {"n": 1})
    closed = str(api.get(f"feeds/{private_feed}/")["room"])
    own = f"{listener.room}/{NICK}"
    said = {}

    said["pinged from outside"] = listener.ask("get", own, PING)
    listener.enter(closed)
    said["shut"] = listener.until(is_error)
    listener.enter(listener.room)
    said["entered"] = listener.until(is_subject)
    said["pinged"] = listener.ask("get", own, PING)
    api.write(feed, {"n": 2})
    said["told"] = listener.until(is_batch)[-1:]
    said["asked"] = listener.ask("set", listener.room, QUERY)[-2:]
    listener.leave()
    said["left"] = listener.until(is_own)
    listener.enter(listener.room)
    listener.until(is_subject)
    api.change_feed(feed, visibility="private")
    said["put out"] = listener.until(is_own)[-3:]

    assert said == SHAPES
