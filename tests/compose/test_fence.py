"""Only the pusher speaks: what the ejabberd of the image refuses a guest."""

import uuid

import pytest

from .bosh import BoshGuest
from .stack import ComposeStack

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

    assert "<forbidden" in came
