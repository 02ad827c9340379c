"""Who does not read his batches holds up their sender a little, and is cut off."""

from __future__ import annotations

import socket
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from .api import new_slug
from .chat import Chat
from .rooms import let_in
from .running import Stack
from .waiting import until
from .xmpp_socket import Closed, XmppSocket

WAIT_S = 1.0  # WAIT_MS of mod_fan_out
KEPT_BYTES = 65536
# What the kernel takes to send is 4 MiB at most.
BATCH_BYTES = 500_000
FILLING = 16
# More than MAX_UNWRITTEN of mod_fan_out, and what the kernel takes.
BURST = 60
PING = "<ping xmlns='urn:xmpp:ping'/>"


class Room:
    """Ours alone, and not the pusher's: whoever speaks here is its owner."""

    def __init__(self, stack: Stack, owner: Chat) -> None:
        self.slug = new_slug("slow-readers")
        self.address = f"{self.slug}@{stack.facts['xmpp']['rooms_domain']}"
        self._owner = owner
        self._last = 0
        owner.join(self.address, "owner")

    def send(self, size_bytes: int = BATCH_BYTES) -> int:
        """Send the next batch; return its number."""
        self._last += 1
        self._owner.send(
            f"<message to='{self.address}' type='groupchat'>"
            f"<events xmlns='urn:aviso:feed:2' feed='{self.slug}' epoch='e'"
            f" first='{self._last}' last='{self._last}'>"
            f"{'x' * size_bytes}</events></message>"
        )
        return self._last

    def wait_told(self, batch: int) -> None:
        """Wait until the owner has been told of this batch, in its turn."""
        until(lambda: self.has_told(batch), f"{batch} told", every_s=0.01)
        told = self._told()
        assert told == list(range(1, len(told) + 1))

    def has_told(self, batch: int) -> bool:
        return batch in self._told()

    def _told(self) -> list[int]:
        messages = self._owner.messages_from(self.address)
        return [number for each in messages if (number := number_of(each))]

    def measure(self) -> float:
        """Send a small batch; return the seconds until its sender was told."""
        began = time.monotonic()
        self.wait_told(self.send(1))
        return time.monotonic() - began


class Reader(threading.Thread):
    """Reads on until its guest is closed, and keeps the numbers of the batches."""

    def __init__(self, guest: XmppSocket) -> None:
        super().__init__(daemon=True)
        self.batches: list[int] = []
        self._guest = guest
        self.start()

    def run(self) -> None:
        try:
            while True:
                batch = self._guest.wait_for(lambda each: bool(number_of(each)), 60)
                self.batches.append(number_of(batch))
        except (Closed, TimeoutError):
            return

    def close(self) -> None:
        self._guest.tcp.shutdown(socket.SHUT_RDWR)
        self.join()


@pytest.fixture
def owner(stack: Stack) -> Iterator[Chat]:
    """By the pusher's account, which alone may make rooms."""
    account = ("pusher", stack.settings.secrets["pusher"])
    with Chat(stack.facts["xmpp"], account) as owner:
        yield owner


@pytest.fixture
def room(stack: Stack, owner: Chat) -> Iterator[Room]:
    room = Room(stack, owner)
    let_in(stack, room.slug, stack.facts["xmpp"]["guest_domain"])
    yield room
    service = stack.facts["xmpp"]["rooms_domain"]
    stack.ask_ejabberd("destroy_room", {"name": room.slug, "service": service})


@pytest.fixture
def enter(stack: Stack, room: Room) -> Iterator[Callable[[], XmppSocket]]:
    """Enter as a guest, past the gateway, which would read on for him."""
    with ExitStack() as opened:

        def enter() -> XmppSocket:
            domain = stack.facts["xmpp"]["guest_domain"]
            port = stack.settings.ports["ejabberd_http"]
            guest = opened.enter_context(closing(XmppSocket(port, domain)))
            guest.log_in()
            assert guest.join(room.address, nick(guest)).get("type") is None
            return guest

        yield enter


@pytest.fixture
def readers(enter: Callable[[], XmppSocket]) -> Iterator[list[Reader]]:
    readers = [Reader(enter()) for _ in range(2)]
    yield readers
    for each in readers:
        each.close()


@pytest.fixture
def silent(enter: Callable[[], XmppSocket]) -> list[XmppSocket]:
    """As many who are in, and do not read; of their own the kernel keeps little."""
    guests = [enter() for _ in range(2)]
    for guest in guests:
        guest.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KEPT_BYTES)
    return guests


@pytest.fixture
def silent_chats(stack: Stack, room: Room) -> Iterator[None]:
    """By TCP, where ejabberd itself writes, as to every account."""
    with ExitStack() as opened:
        for _ in range(2):
            chat = opened.enter_context(Chat(stack.facts["xmpp"]))
            chat.join(room.address)
            chat.stop_reading(KEPT_BYTES)
        yield


@pytest.mark.parametrize("kind", ["silent", "silent_chats"])
def test_a_sender_is_told_when_most_have_it_or_a_second_is_over(
    room: Room, readers: list[Reader], kind: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(kind)
    room.wait_told([room.send() for _ in range(FILLING)][-1])

    # Not one batch alone: else nothing would hold back who writes to a busy room.
    waits_s = [room.measure() for _ in range(3)]

    assert [wait_s for wait_s in waits_s if wait_s < WAIT_S] == []
    last = FILLING + len(waits_s)
    for each in readers:
        until(lambda: each.batches == list(range(1, last + 1)), "all batches")  # noqa: B023


@pytest.mark.parametrize("kind", ["silent", "silent_chats"])
def test_a_sender_waits_and_neither_the_room_nor_whoever_reads(
    room: Room,
    readers: list[Reader],
    enter: Callable[[], XmppSocket],
    kind: str,
    request: pytest.FixtureRequest,
) -> None:
    request.getfixturevalue(kind)
    guest = enter()
    room.wait_told([room.send() for _ in range(FILLING)][-1])

    def waits_alone() -> bool:
        """Others have the next batch, and the room answers, before it is told."""
        batch = room.send(1)
        until(lambda: all(batch in each.batches for each in readers), "the batch")
        answer = guest.ask("get", f"{room.address}/{nick(guest)}", PING)
        assert answer.get("type") == "result"
        return not room.has_told(batch)

    # A busy machine may be slower than a sender is patient. In a room that stands still
    # it is a race at best, which nobody wins again and again.
    until(lambda: all(waits_alone() for _ in range(5)), "a sender to wait alone")


def test_who_reads_nothing_is_cut_off_and_the_others_get_everything(
    room: Room, readers: list[Reader], silent: list[XmppSocket]
) -> None:
    last = [room.send() for _ in range(BURST)][-1]
    room.wait_told(last)

    for each in readers:
        until(lambda: each.batches == list(range(1, last + 1)), "all batches")  # noqa: B023
    # What is to come for him is bounded, and after a hole nothing comes.
    late = [Reader(each) for each in silent]
    for each in late:
        each.join(60)
        assert not each.is_alive()
        assert each.batches == list(range(1, len(each.batches) + 1))
        assert len(each.batches) < last


def nick(guest: XmppSocket) -> str:
    return f"guest-{id(guest)}"


def number_of(stanza: ET.Element) -> int:
    """A batch's number; 0 when it is none."""
    events = stanza.find("{urn:aviso:feed:2}events")
    return 0 if events is None else int(events.get("last", ""))
