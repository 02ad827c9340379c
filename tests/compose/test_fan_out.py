"""A batch is encoded once for all, in the container's ejabberd, which is newer.

Where anything there is other than mod_fan_out takes for granted, a batch goes as
ejabberd sends it, and nobody would notice.
"""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
from integration.api import Api
from integration.test_fan_out import WAITING, is_batch, said
from integration.waiting import ALIVE_S, until
from integration.xmpp_socket import CLIENT, XmppSocket

from .bosh import BoshGuest
from .stack import ComposeStack

pytestmark = pytest.mark.timeout(900)

BATCHES = 3


@pytest.fixture
def guests(stack: ComposeStack) -> Iterator[list[XmppSocket]]:
    """By WebSocket: what each gets, its session has written by itself."""
    with ExitStack() as opened:
        guests = [
            opened.enter_context(closing(XmppSocket(stack.port, "guest.localhost")))
            for _ in range(2)
        ]
        for each in guests:
            each.log_in()
        yield guests


@pytest.fixture
def usual(stack: ComposeStack) -> BoshGuest:
    """By long polling: ejabberd itself encodes what goes there."""
    return BoshGuest(stack.url, "guest.localhost")


def test_a_browser_gets_what_ejabberd_would_have_written(
    stack: ComposeStack, api: Api, guests: list[XmppSocket], usual: BoshGuest
) -> None:
    feed = f"fan-out-{uuid.uuid4().hex[:8]}"
    room = f"{feed}@feeds.localhost"
    api.create_feed(feed)
    for each in guests:
        until(lambda each=each: enters(each, room), "the room")
    usual.ask(join(room), "code='110'")

    for number in range(1, BATCHES + 1):
        # One by one: what waits together becomes one batch.
        api.write(feed, {"n": number, "text": "<&'\"> ñ 東京 \\ " * 40})
        [expected] = until(lambda n=number: polled(usual, room, n), "the batch")

        for each in guests:
            written = received(each, room, number)
            assert said(ET.fromstring(written)) == said(expected)  # noqa: S314
            # In this order only a session by itself writes it.
            assert written.startswith(
                f"<message xmlns='jabber:client' to='{each.jid}' "
            )

    # Whatever goes wrong leaves it to the room, and says so.
    log = stack.compose("logs", "--no-color", "ejabberd")
    assert [
        each for each in ("left to the room", "write by itself") if each in log
    ] == []


def test_a_join_asks_the_database_for_no_nick(
    stack: ComposeStack, guests: list[XmppSocket]
) -> None:
    """Everybody in the room would wait for the answer."""
    networks = stack.containers()["postgres"]["NetworkSettings"]["Networks"]
    with psycopg.connect(
        host=networks[f"{stack.project}_archive-data"]["IPAddress"],
        user="postgres",
        password=stack.setting("AVISO_POSTGRES_PASSWORD"),
        dbname="ejabberd",
    ) as held:
        held.execute("LOCK TABLE muc_registered IN ACCESS EXCLUSIVE MODE")

        assert [enters(each, "demo@feeds.localhost") for each in guests] == [True, True]
        # ejabberd lets in whoever it could not ask about in time.
        assert held.execute(WAITING).fetchall() == []


def join(room: str) -> str:
    return (
        f"<presence xmlns='jabber:client' to='{room}/{uuid.uuid4().hex}'>"
        "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )


def enters(guest: XmppSocket, room: str) -> bool:
    return guest.join(room, uuid.uuid4().hex).get("type") is None


def polled(guest: BoshGuest, room: str, number: int) -> list[ET.Element]:
    """The batch of this one event, if it is among what came."""
    bodies = guest.ask("", "<message", ALIVE_S)
    came = ET.fromstring(f"<all>{bodies}</all>")  # noqa: S314
    return [each for each in came.iter(f"{CLIENT}message") if is_of(each, room, number)]


def received(guest: XmppSocket, room: str, number: int) -> str:
    """The batch of this one event, as it was written; what comes before is lost."""
    while True:
        text = guest.receive(ALIVE_S)
        if is_of(ET.fromstring(text), room, number):  # noqa: S314
            return text


def is_of(stanza: ET.Element, room: str, number: int) -> bool:
    own = (stanza.get("id") or "").endswith(f":{number}-{number}")
    return own and is_batch(stanza, room)
