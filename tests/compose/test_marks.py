"""What an account keeps of feeds, in the container's ejabberd, which is newer."""

from __future__ import annotations

import json
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from xml.sax.saxutils import escape

import pytest
from integration.chat import CLIENT, condition_of
from integration.test_marks import NAMESPACE, PASSWORD, seen
from integration.tokens import make_ticket
from integration.waiting import until
from integration.xmpp_socket import Closed, XmppSocket

from .stack import ComposeStack

pytestmark = pytest.mark.timeout(1500)

_QUESTION = f"<marks xmlns='{NAMESPACE}'/>"
_READ = {"feed": "orders", "epoch": "k3f9", "seen": 7, "marks": []}
_TEXT = ".//{urn:ietf:params:xml:ns:xmpp-stanzas}text"


class Device(XmppSocket):
    """A session, by WebSocket and through the gateway, as a browser has it."""

    def marks(self) -> list[Any]:
        answer = self.ask("get", "localhost", _QUESTION)
        assert answer.get("type") == "result", ET.tostring(answer)
        return marks_in(answer)

    def change(self, *changes: object) -> None:
        answer = self.send_changes(json.dumps(changes))
        assert answer.get("type") == "result", ET.tostring(answer)

    def send_changes(self, text: str) -> ET.Element:
        changes = f"<marks xmlns='{NAMESPACE}'>{escape(text)}</marks>"
        return self.ask("set", "localhost", changes)

    def told(self) -> list[Any]:
        """What it is told next; what comes before, or before an answer, is lost."""
        return marks_in(
            self.wait_for(
                lambda each: (
                    each.tag == f"{CLIENT}message" and each.get("type") == "headline"
                )
            )
        )


Open = Callable[[str], Device]


@pytest.fixture
def open_device(stack: ComposeStack) -> Iterator[Open]:
    """Log in as an account that is there; also when ejabberd is not back yet."""
    with ExitStack() as opened:

        def try_to(name: str) -> Device | None:
            try:
                device = opened.enter_context(closing(Device(stack.port, "localhost")))
                device.log_in(name, PASSWORD)
            except (Closed, TimeoutError):
                return None
            return device

        def open_device(name: str) -> Device:
            device = until(lambda: try_to(name), f"{name} to be let in")
            assert device
            return device

        yield open_device


@pytest.fixture
def name(stack: ComposeStack) -> str:
    """An account of its own."""
    return make_account(stack, f"ada-{uuid.uuid4().hex[:8]}")


def test_what_one_device_changes_another_is_told_and_keeps(
    open_device: Open, name: str
) -> None:
    one, other = open_device(name), open_device(name)
    assert one.marks() == []

    one.change(seen("orders", 7), {"feed": "stock", "set": ["pinned", "muted"]})
    kept = [_READ, {"feed": "stock", "marks": ["muted", "pinned"]}]
    assert one.told() == kept
    assert other.told() == kept
    assert other.marks() == kept

    other.change({"feed": "stock", "unset": ["muted"], "set": ["sound"]})
    assert one.told() == [{"feed": "stock", "marks": ["pinned", "sound"]}]


def test_a_position_only_moves_forward_in_its_epoch(
    open_device: Open, name: str
) -> None:
    one, other = open_device(name), open_device(name)
    one.change(seen("orders", 7))
    assert other.told() == [_READ]

    other.change(seen("orders", 5))
    assert one.marks() == [_READ]
    other.change(seen("orders", 9, begins=True))
    assert one.marks() == [_READ]
    other.change(seen("orders", 2, epoch="n3w1"))
    assert one.marks() == [_READ | {"epoch": "n3w1", "seen": 2}]


@pytest.mark.parametrize(
    "how", [("restart",), ("kill", "--signal", "KILL")], ids=["restart", "kill"]
)
def test_they_outlive_ejabberd(
    open_device: Open, name: str, stack: ComposeStack, how: tuple[str, ...]
) -> None:
    device = open_device(name)
    device.change(seen("orders", 7), {"feed": "stock", "set": ["muted", "notify"]})
    kept = device.marks()

    stack.compose(*how, "ejabberd")
    stack.compose("start", "ejabberd")

    assert kept == [_READ, {"feed": "stock", "marks": ["muted", "notify"]}]
    one, other = open_device(name), open_device(name)
    assert one.marks() == kept
    one.change(seen("orders", 8))
    assert other.told() == [_READ | {"seen": 8}]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '[{"feed": "NO"}]',
        '[{"feed": "a", "seen": 7}]',
        '[{"feed": "a", "epoch": "k3f9", "seen": -1}]',
        '[{"feed": "a", "set": ["loud"]}]',
        '[{"feed": "a\\u0000"}]',
        json.dumps([{"feed": f"feed-{n}"} for n in range(101)]),
        json.dumps([{"feed": "a", "more": "x" * 40_000}]),
    ],
)
def test_what_are_no_changes_is_refused(
    open_device: Open, name: str, text: str
) -> None:
    device = open_device(name)
    device.change(seen("orders", 7))

    refused = device.send_changes(text)

    assert refusal(refused) == (
        "bad-request",
        "Not changes of marks that can be read",
    )
    assert device.marks() == [_READ]


def test_who_asks_without_end_is_told_to_wait(open_device: Open, name: str) -> None:
    device = open_device(name)

    for n in range(60):
        device.send(
            f"<iq xmlns='jabber:client' type='get' id='n{n}' to='localhost'>"
            f"{_QUESTION}</iq>"
        )

    refused = device.wait_for(lambda each: each.get("type") == "error")
    assert refusal(refused) == ("resource-constraint", "Too many questions")
    until(
        lambda: device.ask("get", "localhost", _QUESTION).get("type") == "result",
        "a question to be answered again",
    )


def test_nobody_else_sees_or_changes_them(
    open_device: Open, name: str, stack: ComposeStack
) -> None:
    device, other = open_device(name), open_device(name)
    device.change(seen("orders", 7))
    assert device.told() == [_READ]
    stranger = open_device(make_account(stack, f"eve-{uuid.uuid4().hex[:8]}"))

    assert stranger.marks() == []
    stranger.change({"feed": "orders", "set": ["muted"]})
    for to in (f"{name}@localhost", device.jid):
        assert condition_of(stranger.ask("get", to, _QUESTION)) == "not-allowed"
        taken = stranger.ask("set", to, f"<marks xmlns='{NAMESPACE}'>[]</marks>")
        assert condition_of(taken) == "not-allowed"

    assert stranger.marks() == [{"feed": "orders", "marks": ["muted"]}]
    # Had anything of it been told here, it would come first.
    other.change(seen("orders", 8))
    assert device.told() == [_READ | {"seen": 8}]
    assert device.marks() == [_READ | {"seen": 8}]


def test_guests_and_tickets_have_none(stack: ComposeStack) -> None:
    ticket = make_ticket(
        stack.setting("AVISO_TICKET_SECRET"), "u-17@ticket.localhost", ["demo"]
    )
    for host, account in (
        ("guest.localhost", ()),
        ("ticket.localhost", ("u-17", ticket)),
    ):
        with closing(XmppSocket(stack.port, host)) as client:
            client.log_in(*account)
            for to in (host, "localhost"):
                assert condition_of(client.ask("get", to, _QUESTION)) == "not-allowed"


def test_they_go_with_the_account(
    open_device: Open, name: str, stack: ComposeStack
) -> None:
    open_device(name).change(seen("orders", 7))

    ejabberdctl = ("exec", "-T", "ejabberd", "ejabberdctl")
    stack.compose(*ejabberdctl, "unregister", name, "localhost")

    make_account(stack, name)
    assert open_device(name).marks() == []


def make_account(stack: ComposeStack, name: str) -> str:
    """In band; return its name."""
    with closing(XmppSocket(stack.port, "localhost")) as client:
        answer = client.register(name, PASSWORD)
    assert answer.get("type") == "result", ET.tostring(answer)
    return name


def marks_in(stanza: ET.Element) -> list[Any]:
    kept: list[Any] = json.loads(stanza.findtext(f"{{{NAMESPACE}}}marks") or "")
    return kept


def refusal(answer: ET.Element) -> tuple[str, str]:
    """The condition of an error, and its words."""
    return condition_of(answer), answer.findtext(_TEXT) or ""
