"""Questions that nobody answers, tried without a server."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

import pytest

from fakes import ALIVE_S
from xmpp_pusher.errors import RoomEnded, RoomLost
from xmpp_pusher.xmpp import stream as stream_module
from xmpp_pusher.xmpp.stream import OnStanza, Stream

ROOM = "orders@rooms.test"


class FakeLogin:
    """Takes everything and answers nothing."""

    has_conflict = False

    def __init__(self, on_stanza: OnStanza) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sent: list[str] = []
        self.on_stanza = on_stanza

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def send_now(self, stanza: str) -> None:
        self.sent.append(stanza)

    def receive(self, xml: str) -> None:
        self.on_stanza(ElementTree.fromstring(f"<s xmlns='jabber:client'>{xml}</s>")[0])


def presence(nick: str, more: str = "") -> str:
    return (
        f"<presence from='{ROOM}/{nick}' {more}>"
        "<x xmlns='http://jabber.org/protocol/muc#user'>"
        "<item affiliation='owner' role='moderator'/></x></presence>"
    )


def make_stream() -> tuple[Stream, FakeLogin]:
    logins: list[FakeLogin] = []

    def log_in(_resource: str, on_stanza: OnStanza) -> FakeLogin:
        logins.append(FakeLogin(on_stanza))
        return logins[-1]

    stream = Stream("pusher@acct.test", "rooms.test", "ticket.acct.test", log_in)
    return stream, logins[0]


async def test_a_question_ends_with_the_room_that_it_went_to() -> None:
    """A room that was destroyed swallows it; to wait for the answer is in vain."""
    stream, login = make_stream()
    entering = asyncio.create_task(stream.enter("orders", ROOM, lambda: None))
    elsewhere = asyncio.create_task(stream.ask("get", "acct.test", "<ping/>"))
    await asyncio.sleep(0)
    login.receive(presence(stream.nick))
    while not any("muc#owner" in stanza for stanza in login.sent):
        await asyncio.sleep(0)

    login.receive(presence(stream.nick, "type='unavailable'"))

    async with asyncio.timeout(ALIVE_S):
        with pytest.raises(RoomLost, match="before its answer"):
            await entering
    assert not elsewhere.done()
    elsewhere.cancel()


async def test_a_room_that_is_gone_when_it_is_asked_is_lost() -> None:
    """It may be made again at once, so it is not as one that can't be used."""
    stream, login = make_stream()
    entering = asyncio.create_task(stream.enter("orders", ROOM, lambda: None))
    await asyncio.sleep(0)
    login.receive(presence(stream.nick))
    while not any("muc#owner" in stanza for stanza in login.sent):
        await asyncio.sleep(0)

    asked_id = ElementTree.fromstring(login.sent[-1]).get("id")
    login.receive(
        f"<iq from='{ROOM}' type='error' id='{asked_id}'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    )

    async with asyncio.timeout(ALIVE_S):
        with pytest.raises(RoomEnded, match="item-not-found"):
            await entering


async def test_a_room_that_ended_a_moment_ago_is_not_asked() -> None:
    """Its end came with the answer before, and whoever goes on has not seen it yet."""
    stream, login = make_stream()
    entering = asyncio.create_task(stream.enter("orders", ROOM, lambda: None))
    await asyncio.sleep(0)

    login.receive(presence(stream.nick))
    login.receive(presence(stream.nick, "type='unavailable'"))

    async with asyncio.timeout(ALIVE_S):
        with pytest.raises(RoomLost, match="out of"):
            await entering
    assert not any("muc#owner" in stanza for stanza in login.sent)


@pytest.mark.parametrize("is_talking", [False, True])
async def test_a_server_that_does_not_answer_is_given_up(
    is_talking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is silent altogether, or only what we say does not reach it."""
    monkeypatch.setattr(stream_module, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(stream_module, "ANSWER_TIMEOUT_S", 0.05)
    never_s, soon_s = 3600.0, 0.1
    monkeypatch.setattr(stream_module, "_QUIET_S", never_s if is_talking else soon_s)
    monkeypatch.setattr(stream_module, "_IDLE_S", soon_s if is_talking else never_s)
    stream, login = make_stream()
    watching = asyncio.create_task(stream.watch())

    async with asyncio.timeout(ALIVE_S):
        while not watching.done():
            if is_talking:
                login.receive("<message from='somebody@acct.test'/>")
            await asyncio.sleep(0.01)

    with pytest.raises(RoomLost, match="did not answer"):
        await watching


class Clock:
    """Stands in for the module `time`: it goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._asked = 0

    def monotonic(self) -> float:
        self._asked += 1
        return self.now_s

    async def until_looked_at(self) -> None:
        """Wait until a look that began after this call is over."""
        enough = self._asked + 2
        async with asyncio.timeout(ALIVE_S):
            while self._asked < enough:
                await asyncio.sleep(0.001)


async def test_a_server_that_talks_is_not_asked_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(stream_module, "time", clock)
    monkeypatch.setattr(stream_module, "_LOOK_EVERY_S", 0.001)
    stream, login = make_stream()
    watching = asyncio.create_task(stream.watch())
    await clock.until_looked_at()

    # Longer together than it would be left alone in silence.
    for _ in range(3):
        clock.now_s += 0.7 * stream_module._QUIET_S
        login.receive("<message from='somebody@acct.test'/>")
        await clock.until_looked_at()
    watching.cancel()

    assert login.sent == []


@pytest.mark.parametrize(
    ("count", "share"), [(40, [4] * 10), (2_000, [5] * 10)], ids=["few", "many"]
)
async def test_rooms_that_are_silent_together_are_not_asked_together(
    monkeypatch: pytest.MonkeyPatch, count: int, share: list[int]
) -> None:
    monkeypatch.setattr(stream_module, "_LOOK_EVERY_S", 3.0)
    stream, login = make_stream()
    rooms = [f"feed-{n}@rooms.test" for n in range(count)]
    entering = [
        asyncio.create_task(stream.enter(room.partition("@")[0], room, lambda: None))
        for room in rooms
    ]
    await asyncio.sleep(0)
    login.sent.clear()
    long_ago_s = 1_000.0
    for room in stream._rooms.values():
        room.last_heard_s = long_ago_s

    asked = []
    for _ in range(10):
        stream._check_rooms(long_ago_s + 60)
        await asyncio.sleep(0)
        asked.append(sum("urn:xmpp:ping" in stanza for stanza in login.sent))
        login.sent.clear()

    assert share == asked
    for task in entering:
        task.cancel()
    await asyncio.gather(*entering, return_exceptions=True)
    await stream.close()
