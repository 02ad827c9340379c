"""What an account keeps of feeds, on the wire: contracts/README.md, "Marks"."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any
from xml.sax.saxutils import escape

import pytest

from .chat import CLIENT, Chat, Refused
from .running import Stack
from .tokens import make_ticket
from .waiting import until, until_equal

NAMESPACE = "urn:aviso:marks:0"
PASSWORD = "a-password-of-one-test"


class Device:
    """A session of an account that asks for marks and changes them."""

    def __init__(self, chat: Chat, domain: str) -> None:
        self.chat = chat
        self._domain = domain

    def marks(self) -> list[Any]:
        answer = self._ask("get", "")
        text = answer.findtext(f"{{{NAMESPACE}}}marks")
        kept: list[Any] = json.loads(text or "")
        return kept

    def change(self, *changes: object) -> None:
        """Raises Refused."""
        self._ask("set", json.dumps(changes))

    def send(self, text: str) -> None:
        """Raises Refused."""
        self._ask("set", text)

    def has_answers(self, word: str, numbers: Iterable[int]) -> bool:
        """Whether each question whose id is this word and a number was answered."""
        ids = {each.get("id") for each in self.chat.received}
        return ids.issuperset(f"{word}{number}" for number in numbers)

    @property
    def told(self) -> list[Any]:
        """What it was told that was changed, by itself too."""
        return [
            json.loads(each.findtext(f"{{{NAMESPACE}}}marks") or "")
            for each in self.chat.received
            if each.tag == f"{CLIENT}message" and each.get("type") == "headline"
        ]

    def _ask(self, kind: str, text: str) -> Any:
        payload = f"<marks xmlns='{NAMESPACE}'>{escape(text)}</marks>"
        return self.chat.ask(kind, self._domain, payload)


class Devices:
    def __init__(self, stack: Stack, ends: ExitStack) -> None:
        self._xmpp = stack.facts["xmpp"]
        self._ends = ends
        self._made: set[str] = set()

    def open(self, name: str, *, is_new: bool = False) -> Device:
        """Log in; the account is made where it `is_new`, and the first time."""
        register = is_new or name not in self._made
        self._made.add(name)
        chat = Chat(self._xmpp, (name, PASSWORD), register=register)
        self._ends.enter_context(chat)
        return Device(chat, self._xmpp["domain"])


@pytest.fixture
def devices(stack: Stack) -> Iterator[Devices]:
    with ExitStack() as ends:
        yield Devices(stack, ends)


@pytest.fixture
def name() -> str:
    return f"ada-{uuid.uuid4().hex[:8]}"


def test_what_one_device_changes_another_is_told_and_keeps(
    devices: Devices, name: str
) -> None:
    one, other = devices.open(name), devices.open(name)
    assert one.marks() == []

    one.change(seen("orders", 7), {"feed": "stock", "set": ["pinned", "muted"]})
    kept = [
        {"feed": "orders", "epoch": "k3f9", "seen": 7, "marks": []},
        {"feed": "stock", "marks": ["muted", "pinned"]},
    ]
    until_equal([kept], lambda: other.told, "the other device to be told")
    assert other.marks() == kept
    until_equal([kept], lambda: one.told, "the device that changed it to be told")

    other.change({"feed": "stock", "unset": ["muted"], "set": ["sound"]})
    after = [{"feed": "stock", "marks": ["pinned", "sound"]}]
    until_equal([kept, after], lambda: one.told, "the first device to be told")


def test_a_position_only_moves_forward_in_its_epoch(
    devices: Devices, name: str
) -> None:
    device = devices.open(name)

    def after(change: object) -> tuple[str, int]:
        device.change(change)
        [kept] = device.marks()
        return kept["epoch"], kept["seen"]

    assert after(seen("orders", 7)) == ("k3f9", 7)
    assert after(seen("orders", 5)) == ("k3f9", 7)
    assert after(seen("orders", 9, begins=True)) == ("k3f9", 7)
    assert after({"feed": "orders", "set": ["muted"]}) == ("k3f9", 7)
    assert after(seen("orders", 2, epoch="n3w1")) == ("n3w1", 2)
    assert after(seen("orders", 4, epoch="n3w2", begins=True)) == ("n3w2", 4)


def test_two_devices_at_once_never_take_back_what_was_read(
    devices: Devices, name: str
) -> None:
    one, other = devices.open(name), devices.open(name)

    for n in range(1, 21, 2):
        for device, sequence in ((one, n + 1), (other, n)):
            text = escape(json.dumps([seen("orders", sequence)]))
            device.chat.send(
                f"<iq type='set' id='n{sequence}' to='localhost'>"
                f"<marks xmlns='{NAMESPACE}'>{text}</marks></iq>"
            )

    # Asked for once: who asks again and again is told to wait.
    until(
        lambda: (
            one.has_answers("n", range(2, 21, 2))
            and other.has_answers("n", range(1, 20, 2))
        ),
        "every answer",
    )
    assert [each["seen"] for each in one.marks()] == [20]
    until(
        lambda: all(20 in steps_of(device) for device in (one, other)),
        "the furthest to be told",
    )


def steps_of(device: Device) -> list[int]:
    return [marks[0]["seen"] for marks in device.told]


def test_nobody_else_sees_or_changes_them(
    devices: Devices, stack: Stack, name: str
) -> None:
    device = devices.open(name)
    device.change(seen("orders", 7))
    own = [[{"feed": "orders", "epoch": "k3f9", "seen": 7, "marks": []}]]
    until_equal(own, lambda: device.told, "the device to be told")
    stranger = devices.open(f"eve-{uuid.uuid4().hex[:8]}")

    assert stranger.marks() == []
    stranger.change({"feed": "orders", "set": ["muted"]})
    for to in (f"{name}@localhost", device.chat.jid):
        with pytest.raises(Refused, match="not-allowed"):
            stranger.chat.ask("get", to, f"<marks xmlns='{NAMESPACE}'/>")
    assert [device.marks()] == own
    assert device.told == own


def test_guests_and_tickets_have_none(stack: Stack, observer: Chat) -> None:
    xmpp = stack.facts["xmpp"]
    secret = stack.settings.secrets["ticket"]
    ticket = make_ticket(secret, f"ada@{xmpp['ticket_domain']}", ["orders"])
    holder = Chat(xmpp, ("ada", ticket), host="ticket_domain")
    with holder:
        for chat, host in ((observer, "guest_domain"), (holder, "ticket_domain")):
            for to in (xmpp[host], xmpp["domain"]):
                with pytest.raises(Refused, match="not-allowed"):
                    chat.ask("get", to, f"<marks xmlns='{NAMESPACE}'/>")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "[null]",
        '[{"feed": "NO"}]',
        '[{"feed": "a", "seen": 7}]',
        '[{"feed": "a", "epoch": "k3f9"}]',
        '[{"feed": "a", "epoch": "k3f9", "seen": -1}]',
        '[{"feed": "a", "epoch": "k3f9", "seen": 1.5}]',
        '[{"feed": "a", "epoch": "k3f9", "seen": 99999999999999999999}]',
        '[{"feed": "a", "epoch": "<b/>", "seen": 1}]',
        '[{"feed": "a", "set": ["loud"]}]',
        '[{"feed": "a", "set": "muted"}]',
        '[{"feed": "a\\u0000"}]',
        json.dumps([{"feed": f"feed-{n}"} for n in range(101)]),
        json.dumps([{"feed": "a", "more": "x" * 40_000}]),
    ],
)
def test_what_are_no_changes_is_refused(devices: Devices, name: str, text: str) -> None:
    device = devices.open(name)

    with pytest.raises(Refused, match="bad-request"):
        device.send(text)

    assert device.marks() == []


def test_an_account_keeps_a_bounded_number_and_those_that_it_marked(
    devices: Devices, name: str
) -> None:
    device = devices.open(name)
    device.change({"feed": "pinned", "set": ["pinned"]})

    for start in range(0, 1100, 100):
        device.change(*[seen(f"feed-{n:04}", 1) for n in range(start, start + 100)])

    kept = {each["feed"] for each in device.marks()}
    assert len(kept) == 1000
    assert "pinned" in kept
    assert "feed-1099" in kept
    assert "feed-0000" not in kept


def test_who_asks_without_end_is_told_to_wait(devices: Devices, name: str) -> None:
    device = devices.open(name)

    for n in range(60):
        device.chat.send(
            f"<iq type='get' id='n{n}' to='localhost'><marks xmlns='{NAMESPACE}'/></iq>"
        )

    until(lambda: "resource-constraint" in device.chat.refusals(), "a refusal")
    until(lambda: can_ask(device), "a question to be answered again")


def test_they_go_with_the_account(devices: Devices, stack: Stack, name: str) -> None:
    devices.open(name).change(seen("orders", 7))

    stack.ask_ejabberd("unregister", {"user": name, "host": "localhost"})

    assert devices.open(name, is_new=True).marks() == []


def seen(feed: str, sequence: int, epoch: str = "k3f9", **more: object) -> object:
    return {"feed": feed, "epoch": epoch, "seen": sequence} | more


def can_ask(device: Device) -> bool:
    try:
        device.marks()
    except Refused:
        return False
    return True
