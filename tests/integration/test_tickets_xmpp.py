"""A ticket is the password of its host: it opens what it names, as long as it lasts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from .running import Stack
from .tokens import make_ticket, make_token
from .xmpp_socket import SASL, Closed, XmppSocket

Open = Callable[[], XmppSocket]


@pytest.fixture
def open_socket(stack: Stack) -> Iterator[Open]:
    """A connection to the ticket host, through the web server as browsers have it."""
    opened: list[XmppSocket] = []

    def make() -> XmppSocket:
        opened.append(XmppSocket(stack.port, stack.facts["xmpp"]["ticket_domain"]))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def secret(stack: Stack) -> str:
    secret: str = stack.settings.secrets["ticket"]
    return secret


def test_a_ticket_is_a_password(open_socket: Open, secret: str) -> None:
    client = open_socket()
    jid = f"u-17@{client.host}"

    client.log_in("u-17", make_ticket(secret, jid, ["orders"]))

    assert client.jid.partition("/")[0] == jid


@pytest.mark.parametrize(
    "wrong",
    ["alg none", "HS512", "another secret", "over", "another user", "another host",
     "no exp", "exp is text", "no sub", "no ticket", "feeds is text", "no feeds"],
)  # fmt: skip
def test_no_other_token_is_one(wrong: str, open_socket: Open, secret: str) -> None:
    client = open_socket()
    now = int(time.time())
    claims = {
        "sub": f"u-17@{client.host}",
        "feeds": ["orders"],
        "iat": now,
        "exp": now + 600,
        "jti": str(uuid.uuid4()),
    }
    token = {
        "alg none": lambda: make_token(secret, claims, "none"),
        "HS512": lambda: make_token(secret, claims, "HS512"),
        "another secret": lambda: make_token(secret[::-1], claims),
        "over": lambda: make_token(secret, claims | {"exp": now - 1}),
        "another user": lambda: make_token(
            secret, claims | {"sub": f"u-18@{client.host}"}
        ),
        "another host": lambda: make_token(secret, claims | {"sub": "u-17@localhost"}),
        "no exp": lambda: make_token(secret, claims | {"exp": None}),
        "exp is text": lambda: make_token(secret, claims | {"exp": str(now + 600)}),
        "no sub": lambda: make_token(secret, claims | {"sub": None}),
        "no ticket": lambda: "a-password",
        "feeds is text": lambda: make_token(secret, claims | {"feeds": "orders"}),
        "no feeds": lambda: make_token(secret, claims | {"feeds": None}),
    }[wrong]()

    with pytest.raises(Closed, match="not-authorized"):
        client.log_in("u-17", token)


def test_only_the_ticket_host_takes_a_password_as_it_is(
    stack: Stack, open_socket: Open
) -> None:
    offered = {}
    for name in ("domain", "guest_domain", "ticket_domain"):
        host = stack.facts["xmpp"][name]
        with closing(XmppSocket(stack.port, host)) as client:
            features = client.open_stream()
            offered[name] = {
                each.text for each in features.iter(f"{{{SASL}}}mechanism")
            }

    assert offered == {
        "domain": {"SCRAM-SHA-256"},
        "guest_domain": {"ANONYMOUS"},
        "ticket_domain": {"PLAIN"},
    }


def test_a_tickets_stream_offers_no_resumption_and_no_accounts(
    open_socket: Open, secret: str
) -> None:
    client = open_socket()
    before = client.open_stream()
    client.authenticate("u-17", make_ticket(secret, f"u-17@{client.host}", ["orders"]))
    after = client.open_stream()

    names = {each.tag for each in [*before, *after]}
    assert "{urn:xmpp:sm:3}sm" not in names
    assert "{http://jabber.org/features/iq-register}register" not in names
