"""Tickets and tokens in the container's ejabberd, which is newer."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from integration.api import Api

# The same tests, in the fixtures of this file.
from integration.test_tickets_xmpp import (  # noqa: F401
    NS,
    test_a_session_ends_with_its_ticket,
    test_a_ticket_is_a_password,
    test_a_ticket_that_ends_before_the_session_begins_opens_none,
    test_no_other_token_is_one,
)
from integration.tokens import read_claims
from integration.xmpp_socket import XmppSocket

from .stack import ComposeStack

pytestmark = pytest.mark.timeout(900)

PASSWORD = "a-password-of-one-test"


@pytest.fixture
def open_socket(stack: ComposeStack) -> Iterator[Callable[[], XmppSocket]]:
    with ExitStack() as opened:
        yield lambda: opened.enter_context(
            closing(XmppSocket(stack.port, "ticket.localhost"))
        )


@pytest.fixture
def secret(stack: ComposeStack) -> str:
    return stack.setting("AVISO_TICKET_SECRET")


def test_an_account_gets_a_token(stack: ComposeStack) -> None:
    name = f"ada-{uuid.uuid4().hex[:8]}"
    with closing(XmppSocket(stack.port, "localhost")) as client:
        answer = client.register(name, PASSWORD)
        assert answer.get("type") == "result", ET.tostring(answer)
    with closing(XmppSocket(stack.port, "localhost")) as client:
        client.log_in(name, PASSWORD)

        answer = client.ask("get", "localhost", f"<token xmlns='{NS}'/>")

    token = answer.findtext(f"{{{NS}}}token") or ""
    assert read_claims(token)["sub"] == f"{name}@localhost"
    with closing(Api(stack.url, token)) as reader:
        assert reader.call("GET", "feeds/").status == 200
