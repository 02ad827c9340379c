"""A ticket is the password of its host: it opens what it names, as long as it lasts."""

from __future__ import annotations

import base64
import hmac
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeVar

import pytest

from .api import Api, new_slug
from .chat import Chat, Refused, condition_of
from .rooms import let_in, wait_for_room
from .running import Stack
from .tokens import make_ticket, make_token, read_claims
from .waiting import ALIVE_S, until
from .xmpp_socket import SASL, Closed, XmppSocket

T = TypeVar("T")
Open = Callable[[], XmppSocket]
NS = "urn:aviso:token:0"


@pytest.fixture
def open_socket(stack: Stack) -> Iterator[Open]:
    """A connection to the ticket host, through the gateway as browsers have it."""
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


@pytest.fixture
def rooms(stack: Stack, api: Api) -> dict[str, str]:
    """Two private feeds and one that anybody may read: their rooms by slug."""
    made = {
        new_slug("ours"): "private",
        new_slug("theirs"): "private",
        new_slug("public"): "public",
    }
    service = stack.facts["xmpp"]["rooms_domain"]
    for slug, visibility in made.items():
        api.create_feed(slug, visibility=visibility)
        wait_for_room(stack, slug)
        let_in(stack, slug, stack.facts["xmpp"]["ticket_domain"])
    return {slug: f"{slug}@{service}" for slug in made}


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


def test_a_ticket_opens_the_feeds_that_it_names_and_no_other(
    open_socket: Open, secret: str, rooms: dict[str, str]
) -> None:
    ours, theirs, public = rooms
    client = open_socket()
    jid = f"u-17@{client.host}"

    client.log_in("u-17", make_ticket(secret, jid, [ours]))

    assert outcome(client.join(rooms[ours], "me")) == "in"
    # Public or not: a ticket is for what it names.
    assert outcome(client.join(rooms[theirs], "me")) == "item-not-found"
    assert outcome(client.join(rooms[public], "me")) == "item-not-found"


def test_a_ticket_for_no_feed_opens_none(
    open_socket: Open, secret: str, rooms: dict[str, str]
) -> None:
    client = open_socket()
    client.log_in("u-17", make_ticket(secret, f"u-17@{client.host}", []))

    assert {outcome(client.join(room, "me")) for room in rooms.values()} == {
        "item-not-found"
    }


def test_a_session_ends_with_its_ticket(open_socket: Open, secret: str) -> None:
    def begin(lasts_s: float) -> tuple[XmppSocket, str]:
        client = open_socket()
        jid = f"u-17@{client.host}"
        ticket = make_ticket(secret, jid, ["orders"], lasts_s=lasts_s)
        client.log_in("u-17", ticket)
        return client, ticket

    client, ticket = while_it_lasts(begin)

    assert client.is_closed_within(ALIVE_S)
    assert time.time() >= read_claims(ticket)["exp"]


def test_a_ticket_that_ends_before_the_session_begins_opens_none(
    open_socket: Open, secret: str
) -> None:
    def begin(lasts_s: float) -> tuple[XmppSocket, str]:
        client = open_socket()
        client.open_stream()
        jid = f"u-17@{client.host}"
        ticket = make_ticket(secret, jid, ["orders"], lasts_s=lasts_s)
        client.authenticate("u-17", ticket)
        return client, ticket

    client, ticket = while_it_lasts(begin)
    until(lambda: time.time() > read_claims(ticket)["exp"], "the ticket to end")

    client.open_stream()
    client.send(
        "<iq xmlns='jabber:client' type='set' id='bind'>"
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
    )

    assert client.is_closed_within(ALIVE_S)


def test_a_fresh_ticket_carries_the_session_on(
    open_socket: Open, secret: str, rooms: dict[str, str]
) -> None:
    ours, theirs, _ = rooms

    def go_on(lasts_s: float) -> tuple[XmppSocket, str, ET.Element]:
        client = open_socket()
        jid = f"u-17@{client.host}"
        first = make_ticket(secret, jid, [ours], lasts_s=lasts_s)
        client.log_in("u-17", first)
        client.join(rooms[ours], "me")
        answer = renew(client, make_ticket(secret, jid, [ours, theirs]))
        return client, first, answer

    client, first, answer = while_it_lasts(go_on)
    until(lambda: time.time() > read_claims(first)["exp"] + 1, "the first to end")

    assert outcome(answer) == "in"
    assert outcome(client.join(rooms[theirs], "me")) == "in"


def test_a_fresh_ticket_for_less_puts_the_session_out(
    open_socket: Open, secret: str, rooms: dict[str, str]
) -> None:
    ours, theirs, _ = rooms
    client = open_socket()
    jid = f"u-17@{client.host}"
    client.log_in("u-17", make_ticket(secret, jid, [ours, theirs]))
    for slug in (ours, theirs):
        client.join(rooms[slug], "me")

    client.send(
        f"<iq xmlns='jabber:client' type='set' id='t' to='{client.host}'>"
        f"<ticket xmlns='{NS}'>{make_ticket(secret, jid, [ours])}</ticket></iq>"
    )

    client.wait_for(
        lambda each: (
            each.get("type") == "unavailable"
            and each.get("from") == f"{rooms[theirs]}/me"
        )
    )
    assert outcome(client.join(rooms[theirs], "me")) == "item-not-found"


@pytest.mark.parametrize(
    "wrong", ["another reader", "over", "another secret", "HS512", "no ticket", "empty"]
)
def test_no_other_ticket_carries_a_session_on(
    wrong: str, stack: Stack, open_socket: Open, secret: str
) -> None:
    jid = f"u-17@{stack.facts['xmpp']['ticket_domain']}"
    claims = read_claims(make_ticket(secret, jid, ["orders"]))
    ticket = {
        "another reader": lambda: make_ticket(secret, jid.replace("17", "18"), []),
        "over": lambda: make_ticket(secret, jid, ["orders"], lasts_s=-1),
        "another secret": lambda: make_ticket(secret[::-1], jid, ["orders"]),
        "HS512": lambda: make_token(secret, claims, "HS512"),
        "no ticket": lambda: "x.y.z",
        "empty": lambda: "",
    }[wrong]()

    def go_on(lasts_s: float) -> tuple[XmppSocket, ET.Element]:
        client = open_socket()
        client.log_in("u-17", make_ticket(secret, jid, ["orders"], lasts_s=lasts_s))
        return client, renew(client, ticket)

    client, answer = while_it_lasts(go_on)

    assert outcome(answer) == "not-authorized"
    assert client.is_closed_within(ALIVE_S)


def test_an_account_gets_a_token_that_says_who_it_is(stack: Stack, secret: str) -> None:
    name = f"reader-{uuid.uuid4().hex[:8]}"
    domain = stack.facts["xmpp"]["domain"]
    with Chat(stack.facts["xmpp"], (name, "a-password-1"), register=True) as chat:
        answer = chat.ask("get", domain, f"<token xmlns='{NS}'/>")

    [token] = answer
    claims = read_claims(token.text or "")
    assert claims["sub"] == f"{name}@{domain}"
    assert claims["exp"] == int(token.get("expires") or "")
    assert claims["exp"] - claims["iat"] == 600
    assert "feeds" not in claims
    # Signed as tickets are: signing the same again gives the same.
    head, payload, signature = (token.text or "").split(".")
    digest = hmac.digest(secret.encode(), f"{head}.{payload}".encode(), "sha256")
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == signature


def test_nobody_else_gets_a_token(
    stack: Stack, open_socket: Open, secret: str, observer: Chat
) -> None:
    holder = open_socket()
    holder.log_in("u-17", make_ticket(secret, f"u-17@{holder.host}", ["orders"]))
    xmpp = stack.facts["xmpp"]

    for host in (holder.host, xmpp["domain"]):
        assert outcome(holder.ask("get", host, f"<token xmlns='{NS}'/>")) != "in"
    for host in (xmpp["guest_domain"], xmpp["domain"]):
        with pytest.raises(Refused):
            observer.ask("get", host, f"<token xmlns='{NS}'/>")


def test_an_accounts_token_is_no_ticket(
    stack: Stack, open_socket: Open, secret: str
) -> None:
    domain = stack.facts["xmpp"]["domain"]
    token = make_ticket(secret, f"ada@{domain}", None)

    with pytest.raises(Closed, match="not-authorized"):
        open_socket().log_in("ada", token)


def while_it_lasts(act: Callable[[float], T]) -> T:
    """Act with a ticket that lasts for so many seconds; it ends soon after.

    On a busy machine it may end amid that: then with one that lasts longer.
    """
    for lasts_s in (4.0, 12.0, 36.0):
        began_s = time.time()
        try:
            return act(lasts_s)
        except Closed:
            # What a ticket says it says in whole seconds.
            if time.time() < began_s + lasts_s - 1:
                raise
    raise AssertionError("no ticket lasted long enough")


def renew(client: XmppSocket, ticket: str) -> ET.Element:
    return client.ask("set", client.host, f"<ticket xmlns='{NS}'>{ticket}</ticket>")


def outcome(answer: ET.Element) -> str:
    """`in`, or the condition of the error."""
    return condition_of(answer) or "in"
