"""Only the pusher speaks: what the ejabberd of the image refuses a guest."""

import uuid
from contextlib import closing

import pytest
from integration.api import Api
from integration.tokens import make_ticket
from integration.xmpp_socket import XmppSocket

from .bosh import BoshGuest
from .stack import ComposeStack
from .test_journey import write_until_accepted

pytestmark = pytest.mark.timeout(1500)

_ROOM = "demo@feeds.localhost"


def join(room: str) -> str:
    # A nick stays taken until the session that took it is found dead.
    return (
        f"<presence xmlns='jabber:client' to='{room}/{uuid.uuid4().hex}'>"
        "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )


@pytest.fixture
def guest(stack: ComposeStack) -> BoshGuest:
    return BoshGuest(stack.url, "guest.localhost")


def test_a_guest_enters_the_room_of_a_public_feed(guest: BoshGuest) -> None:
    came = guest.ask(join(_ROOM), "code='110'")

    assert "role='visitor'" in came


def test_a_guest_is_told_who_the_owner_is(guest: BoshGuest, api: Api) -> None:
    write_until_accepted(api, {"for": "the room"})

    # The pusher may be a moment later than he.
    came = guest.ask(join(_ROOM), "affiliation='owner'")

    assert came.count("affiliation='owner'") == 1


def test_an_idle_session_keeps_no_garbage(stack: ComposeStack) -> None:
    """Without this a subscriber takes half as much memory again."""
    environ = (
        "for process in /proc/[0-9]*; do"
        ' [ "$(cat $process/comm)" = beam.smp ] && tr "\\0" "\\n" <$process/environ;'
        " done 2>/dev/null; true"
    )

    printed = stack.compose("exec", "-T", "ejabberd", "sh", "-c", environ)

    assert "ERL_FULLSWEEP_AFTER=0" in printed.splitlines()


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("groupchat", _ROOM),
        ("chat", f"{_ROOM}/somebody"),
        ("chat", "pusher@localhost"),
        ("chat", "somebody@guest.localhost/x"),
        ("normal", "feeds.localhost"),
    ],
)
def test_a_guest_cannot_send_a_message_to(kind: str, to: str, guest: BoshGuest) -> None:
    guest.ask(join(_ROOM), "code='110'")

    came = guest.ask(
        f"<message xmlns='jabber:client' type='{kind}' to='{to}' id='m'>"
        "<body>hello</body></message>",
        "id='m'",
    )

    assert "Not allowed to send to that address" in came


def test_a_guest_cannot_make_a_room(guest: BoshGuest) -> None:
    came = guest.ask(join("mine@feeds.localhost"), "type='error'")

    assert "<item-not-found" in came


def test_a_ticket_opens_what_it_names(stack: ComposeStack) -> None:
    secret = stack.setting("AVISO_TICKET_SECRET")
    client = XmppSocket(stack.port, "ticket.localhost")
    jid = f"u-17@{client.host}"
    with closing(client):
        client.log_in("u-17", make_ticket(secret, jid, ["demo"]))
        nick = uuid.uuid4().hex

        assert client.join(_ROOM, nick).get("type") is None
        assert client.join("other@feeds.localhost", nick).get("type") == "error"
        archive = client.ask("set", _ROOM, "<query xmlns='urn:xmpp:mam:2'/>")
        assert archive.get("type") == "result"
        renewed = make_ticket(secret, jid, [])
        client.send(
            f"<iq xmlns='jabber:client' type='set' id='t' to='{client.host}'>"
            f"<ticket xmlns='urn:aviso:token:0'>{renewed}</ticket></iq>"
        )
        client.wait_for(lambda each: each.get("type") == "unavailable")
        client.send(join(_ROOM))
        client.wait_for(lambda each: each.get("type") == "error")


def test_a_closed_room_looks_like_none(guest: BoshGuest, api: Api) -> None:
    api.create_feed("closed", visibility="private")
    answers = set()
    for slug in ("closed", "missing"):
        came = guest.ask(join(f"{slug}@feeds.localhost"), "type='error'")
        answers.add(came[came.index("<error") : came.index("</error>")])

    assert len(answers) == 1
