"""Who may make himself an account: all, so many an hour from an address, nobody."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from .api import Api
from .chat import condition_of
from .running import Stack
from .xmpp_socket import XmppSocket

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
PASSWORD = "a-password-of-one-test"
FEATURE = "{http://jabber.org/features/iq-register}register"
_ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


@pytest.fixture(scope="module")
def limited(start_stack: Callable[..., Stack]) -> Stack:
    return start_stack(AVISO_REGISTRATION="limited", AVISO_REGISTRATIONS_PER_HOUR="2")


@pytest.fixture(scope="module")
def closed(limited: Stack) -> Iterator[Stack]:
    """The same stack, started again."""
    limited.interrupt()
    limited.start(AVISO_REGISTRATION="closed")
    yield limited
    limited.interrupt()


def test_so_many_accounts_an_hour_are_made_from_one_address(limited: Stack) -> None:
    made = [register(limited, new_name(), source=HERE) for _ in range(3)]

    assert made[:2] == [("", ""), ("", "")]
    assert made[2] == (
        "resource-constraint",
        "Too many accounts were made from your address in this hour",
    )
    assert register(limited, new_name(), source=ELSEWHERE) == ("", "")


def test_what_was_not_made_does_not_count(limited: Stack) -> None:
    address = "127.0.0.3"
    name = new_name()
    register(limited, name, source=address)

    for _ in range(5):
        assert register(limited, name, source=address)[0] == "conflict"
        assert register(limited, "admin", source=address)[0] == "forbidden"

    assert register(limited, new_name(), source=address) == ("", "")
    assert register(limited, new_name(), source=address)[0] == "resource-constraint"


def test_a_forged_address_does_not_help(limited: Stack) -> None:
    address = "127.0.0.4"
    for number in range(2):
        register(limited, new_name(), source=address, told=f"203.0.113.{number}")

    outcome = register(limited, new_name(), source=address, told="203.0.113.9")

    assert outcome[0] == "resource-constraint"


def test_clients_are_told_that_it_is_limited(limited: Stack) -> None:
    assert told_registration(limited) == "limited"


def test_closed_no_account_is_made_nor_offered(closed: Stack) -> None:
    with closing(XmppSocket(closed.port, "localhost")) as client:
        features = client.open_stream()

    assert features.find(FEATURE) is None
    assert register(closed, new_name()) == (
        "not-allowed",
        "No accounts are made here",
    )
    assert told_registration(closed) == "closed"


@pytest.mark.parametrize(
    "name",
    ["admin", "Administrator", "root", "pusher", "aviso-news", "support", "abuse"],
)
def test_reserved_names_are_refused(name: str, stack: Stack) -> None:
    assert register(stack, name)[0] == "forbidden"


def test_open_there_is_no_limit(stack: Stack) -> None:
    assert {register(stack, new_name()) for _ in range(10)} == {("", "")}


def register(
    stack: Stack, name: str, *, source: str = HERE, told: str = ""
) -> tuple[str, str]:
    """Ask for an account (XEP-0077); return the refusal's condition and its words."""
    headers = f"X-Forwarded-For: {told}\r\n" if told else ""
    client = XmppSocket(stack.port, "localhost", source=source, headers=headers)
    with closing(client):
        answer = client.register(name, PASSWORD)
    return condition_of(answer), words_of(answer)


def words_of(answer: ET.Element) -> str:
    return answer.findtext(f".//{_ERRORS}text") or ""


def new_name() -> str:
    return f"reader-{uuid.uuid4().hex[:8]}"


def told_registration(stack: Stack) -> str:
    with closing(Api(stack.url)) as api:
        told: str = api.get("connection/")["registration"]
    return told
