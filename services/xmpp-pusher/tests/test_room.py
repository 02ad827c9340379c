"""One room over a scripted stream: the join, the fence, the archive, the loss."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Callable
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from fakes import ALIVE_S
from xmpp_pusher.errors import (
    Behind,
    Bounced,
    NotArchived,
    NotOurs,
    Refused,
    RoomEnded,
    RoomError,
    RoomLost,
)
from xmpp_pusher.messages import Reader
from xmpp_pusher.position import Position
from xmpp_pusher.xmpp import archive as archive_module
from xmpp_pusher.xmpp import room as room_module
from xmpp_pusher.xmpp.muc import MUC_OWNER
from xmpp_pusher.xmpp.room import OccupiedRoom

ROOM = "orders@feeds.test"
ME = f"{ROOM}/aviso-1"
ACCOUNT = "pusher@acct.test"
MEMBERS_ONLY = "<field var='muc#roomconfig_membersonly'><value>{0}</value></field>"
OPTIONS = """
    <field var='muc#roomconfig_persistentroom'><value>{0}</value></field>
    <field var='muc#roomconfig_moderatedroom'><value>{0}</value></field>
    <field var='mam'><value>{0}</value></field>"""
MADE = OPTIONS.format(1) + MEMBERS_ONLY.format(1)
FORM = "<iq><query xmlns='{1}'><x xmlns='jabber:x:data'>{0}</x></query></iq>"


def parse(xml: str) -> Element:
    return ElementTree.fromstring(f"<s xmlns='jabber:client'>{xml}</s>")[0]


def make_form(fields: str) -> Element:
    return parse(FORM.format(fields, MUC_OWNER))


def presence(
    nick: str,
    affiliation: str = "owner",
    jid: str = "",
    more: str = "",
    status: str = "110",
) -> Element:
    return parse(
        f"<presence from='{ROOM}/{nick}' {more}>"
        "<x xmlns='http://jabber.org/protocol/muc#user'>"
        f"<item affiliation='{affiliation}' role='moderator' jid='{jid}'/>"
        f"<status code='{status}'/>"
        "</x></presence>"
    )


def batch(id_: str, stanza_id: str = "", sender: str = ME, more: str = "") -> Element:
    return parse(
        f"<message type='groupchat' id='{id_}' from='{sender}' {more}>"
        f"<body>x</body>{stanza_id}</message>"
    )


def stanza_id(by: str = ROOM, id_: str = "1795504466793409") -> str:
    return f"<stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='{id_}'/>"


MARK = "<archived xmlns='urn:aviso:feed:2'/>"


def fin(complete: bool, count: int = 0, first: str = "") -> Element:
    first = f"<first>{first}</first>" if first else ""
    return parse(
        f"<iq><fin xmlns='urn:xmpp:mam:2' complete='{str(complete).lower()}'>"
        f"<set xmlns='http://jabber.org/protocol/rsm'>{first}<count>{count}</count>"
        "</set></fin></iq>"
    )


def archived(query_id: str, inner: str, sender: str = ROOM) -> Element:
    return parse(
        f"<message from='{sender}'><result xmlns='urn:xmpp:mam:2' queryid='{query_id}'>"
        "<forwarded xmlns='urn:xmpp:forward:0'>"
        f"<message xmlns='jabber:client' from='{ROOM}/x'>{inner}</message>"
        "</forwarded></result></message>"
    )


def events(epoch: str, first: int, last: int) -> str:
    return (
        f"<events xmlns='urn:aviso:feed:2' epoch='{epoch}' first='{first}'"
        f" last='{last}'/>"
    )


Answer = Callable[[Element], Element]


class FakeSession:
    address = f"{ACCOUNT}/aviso-1"
    nick = "aviso-1"

    def __init__(self) -> None:
        self.sent: list[Element] = []
        self.asked: list[Element] = []
        self.evicted: list[str] = []
        self.answers: list[Answer | Element | Exception] = []
        self.room: OccupiedRoom | None = None

    def send(self, stanza: str) -> None:
        self.sent.append(parse(stanza))

    async def ask(self, kind: Literal["get", "set"], to: str, payload: str) -> Element:
        query = ElementTree.fromstring(payload)
        query.set("asked-as", f"{kind} {to}")
        self.asked.append(query)
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Element) else answer(query)

    async def evict(self, address: str) -> None:
        self.evicted.append(address)


class Bench:
    def __init__(self) -> None:
        self.session = FakeSession()
        self.losses = 0
        self.room = OccupiedRoom(
            self.session, "orders", ROOM, "ticket.acct.test", self._on_lost
        )

    def _on_lost(self) -> None:
        self.losses += 1

    async def join(self, *before: Element, status: str = "110", form: str = "") -> None:
        """Answer a join: the occupants, ourselves, and a form that is in order."""
        joining = asyncio.create_task(self.room.join())
        await asyncio.sleep(0)
        for element in (*before, presence("aviso-1", status=status)):
            self.room.handle(element)
        self.session.answers.append(make_form(form or OPTIONS.format(1)))
        await joining

    def list_asked(self) -> list[str]:
        """Each question's kind, and what it was about."""
        return [
            (query.get("asked-as") or "")[:3] + query.tag.rpartition("#")[2][:5]
            for query in self.session.asked
        ]

    def answer_page(self, page: Element, *results: tuple[str, str]) -> None:
        def answer(query: Element) -> Element:
            for inner, sender in results:
                message = archived(query.get("queryid", ""), inner, sender)
                self.room.handle(message)
            return page

        self.session.answers.append(answer)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_a_join_asks_for_no_history_and_reads_the_options(bench: Bench) -> None:
    await bench.join()

    assert ME == bench.session.sent[0].get("to")
    assert [f"get {ROOM}"] == [query.get("asked-as") for query in bench.session.asked]


async def test_options_that_differ_are_set_and_read_back(bench: Bench) -> None:
    bench.session.answers += [
        parse(FORM.format(OPTIONS.format(0), MUC_OWNER)),
        parse("<iq/>"),
    ]

    await bench.join()

    kinds = [(query.get("asked-as") or "")[:3] for query in bench.session.asked]
    assert ["get", "set", "get"] == kinds
    submitted = {field.get("var") for field in bench.session.asked[1].iter()}
    assert {"FORM_TYPE", "mam", "muc#roomconfig_moderatedroom"} <= submitted


async def test_a_room_that_was_made_closed_has_its_options_set_when_it_is_opened(
    bench: Bench,
) -> None:
    """Thousands of rooms are made and opened: each question is one for all of them."""
    await bench.join(status="201", form=MADE)
    assert ["getowner"] == bench.list_asked()
    assert not bench.room.is_opened
    opened = OPTIONS.format(1) + MEMBERS_ONLY.format(0)
    bench.session.answers += [parse("<iq/>"), parse("<iq/>"), make_form(opened)]

    await bench.room.open("public", (), ())

    asked = bench.list_asked()
    assert ["getowner", "setadmin", "setowner", "getowner"] == asked
    assert bench.room.is_opened


@pytest.mark.parametrize(
    "form", [OPTIONS.format(1), OPTIONS.format(1) + MEMBERS_ONLY.format(0)]
)
async def test_a_room_that_was_made_open_is_closed_at_once(
    bench: Bench, form: str
) -> None:
    name = "<field var='muc#roomconfig_roomname'/>"
    bench.session.answers += [make_form(form + name), parse("<iq/>")]

    await bench.join(status="201", form=MADE)

    assert ["getowner", "setowner", "getowner"] == bench.list_asked()


@pytest.mark.parametrize("touch", ["announce", "change_reader", "close"])
async def test_a_room_that_was_touched_since_is_looked_at_before_it_is_opened(
    bench: Bench, touch: str
) -> None:
    await bench.join(status="201", form=MADE)
    if touch == "announce":
        asyncio.ensure_future(bench.room.announce(Position("b1", 0))).cancel()
    elif touch == "change_reader":
        bench.session.answers.append(parse("<iq/>"))
        await bench.room.change_reader(Reader("ada@acct.test", "granted"))
    else:
        bench.session.answers.append(make_form(MADE))
        await bench.room.close()
    before = len(bench.session.asked)
    members = "<iq><query xmlns='http://jabber.org/protocol/muc#admin'>{}</query></iq>"
    host = "<item affiliation='member' jid='ticket.acct.test'/>"
    opened = OPTIONS.format(1) + MEMBERS_ONLY.format(0)
    bench.session.answers += [
        parse(members.format(host)),
        parse(members.format("")),
        *(make_form(MADE), parse("<iq/>"), make_form(opened)),
    ]

    await bench.room.open("public", (), ())

    assert ["getadmin", "getadmin"] == bench.list_asked()[before : before + 2]
    assert ["getowner", "setowner", "getowner"] == bench.list_asked()[before + 2 :]


async def test_a_room_of_somebody_else_is_not_entered(bench: Bench) -> None:
    joining = asyncio.create_task(bench.room.join())
    await asyncio.sleep(0)

    bench.room.handle(presence("aviso-1", affiliation="none"))

    with pytest.raises(NotOurs, match="not its owner"):
        await joining


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ("forbidden", Bounced),
        ("resource-constraint", Bounced),
        ("item-not-found", RoomEnded),  # just now: it may be made again
        ("gone", RoomEnded),
    ],
)
async def test_a_refused_join_is_told_with_its_reason(
    bench: Bench, condition: str, error: type[RoomError]
) -> None:
    joining = asyncio.create_task(bench.room.join())
    await asyncio.sleep(0)

    bench.room.handle(
        parse(
            f"<presence type='error' from='{ME}'><error type='cancel'>"
            f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            "</presence>"
        )
    )

    with pytest.raises(error, match=condition):
        await joining


async def test_only_older_sessions_of_our_own_account_are_evicted(
    bench: Bench,
) -> None:
    old, stranger = f"{ACCOUNT}/aviso-0", "boss@acct.test/desk"
    joining = asyncio.create_task(
        bench.join(
            presence("aviso-0", jid=old),
            presence("boss", jid=stranger),
            presence("guest", affiliation="none", jid=f"{ACCOUNT}x/y"),
        )
    )
    await asyncio.sleep(0.02)
    assert not joining.done(), "it is still in the room"

    bench.room.handle(presence("aviso-0", jid=old, more="type='unavailable'"))
    await joining

    assert [old] == bench.session.evicted


async def test_an_older_session_that_does_not_leave_ends_the_join(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "ANSWER_TIMEOUT_S", 0.02)

    with pytest.raises(RoomLost, match="does not leave"):
        await bench.join(presence("aviso-0", jid=f"{ACCOUNT}/aviso-0"))


async def test_a_batch_is_sent_when_the_room_says_that_it_is_archived(
    bench: Bench,
) -> None:
    await bench.join()
    asked = len(bench.session.asked)
    first = asyncio.ensure_future(bench.room.announce(Position("b1", 0)))
    second = asyncio.ensure_future(bench.room.announce(Position("b2", 0)))
    await asyncio.sleep(0)

    bench.room.handle(batch("orders:b1:1-0", stanza_id() + MARK))
    await first
    assert not second.done()
    bench.room.handle(batch("orders:b2:1-0", stanza_id(id_="1795504466793410") + MARK))
    await second

    sent = [each.get("id") for each in bench.session.sent]
    assert ["orders:b1:1-0", "orders:b2:1-0"] == [i for i in sent if "1-0" in str(i)]
    assert asked == len(bench.session.asked), "and nothing was asked"


async def test_a_client_of_the_first_version_is_told_now_and_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.join()

    async def archive_one(epoch: str) -> None:
        sending = asyncio.ensure_future(bench.room.announce(Position(epoch, 0)))
        await asyncio.sleep(0)
        bench.room.handle(batch(f"orders:{epoch}:1-0", stanza_id() + MARK))
        await sending

    def notices() -> list[str | None]:
        mark = "{urn:aviso:feed:2}notice"
        told = [each for each in bench.session.sent if each.find(mark) is not None]
        return [each.get("id") for each in told]

    await archive_one("b1")
    await archive_one("b2")
    assert ["orders:b1:1-1"] == notices(), "once, behind the first"

    monkeypatch.setattr(room_module, "VERSION_EVERY_S", 0.0)
    await archive_one("b3")

    assert ["orders:b1:1-1", "orders:b3:1-1"] == notices()
    (events,) = bench.session.sent[-1].findall("{urn:aviso:feed:1}events")
    assert ("b3", "1", "1") == tuple(map(events.get, ("epoch", "first", "last")))
    ((event,)) = json.loads(
        bench.session.sent[-1].findtext("{urn:xmpp:json:0}json", "")
    )
    assert "aviso.batch.v2" == event["type"]
    assert bench.session.sent[-1].find("{urn:xmpp:hints}no-store") is not None


@pytest.mark.parametrize(
    "element",
    [
        "",
        stanza_id(),
        MARK,
        stanza_id(by="pusher@acct.test") + MARK,
        stanza_id(id_="x") + MARK,
        stanza_id() + "<archived xmlns='urn:xmpp:mam:tmp'/>",
    ],
)
async def test_a_reflection_that_does_not_say_so_is_not_archived(
    bench: Bench, element: str
) -> None:
    await bench.join()
    sending = asyncio.ensure_future(bench.room.announce(Position("b1", 0)))
    await asyncio.sleep(0)

    bench.room.handle(batch("orders:b1:1-0", element))

    with pytest.raises(NotArchived):
        await sending


async def test_somebody_elses_message_with_our_id_is_no_reflection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "ANSWER_TIMEOUT_S", 0.02)
    await bench.join()
    sending = asyncio.ensure_future(bench.room.announce(Position("b1", 0)))
    await asyncio.sleep(0)

    bench.room.handle(batch("orders:b1:1-0", stanza_id(), sender=f"{ROOM}/intruder"))

    with pytest.raises(RoomLost, match="did not come"):
        await sending


@pytest.mark.parametrize(
    ("kind", "condition", "expected"),
    [
        ("modify", "not-acceptable", RoomLost),
        ("cancel", "item-not-found", RoomLost),
        ("auth", "forbidden", RoomLost),
        ("wait", "resource-constraint", RoomLost),
        ("wait", "policy-violation", RoomLost),
        ("cancel", "internal-server-error", RoomLost),
        ("cancel", "not-allowed", Refused),
        ("modify", "bad-request", Refused),
        ("modify", "policy-violation", Refused),
    ],
)
async def test_an_error_tells_whether_another_try_would_help(
    bench: Bench, kind: str, condition: str, expected: type[Exception]
) -> None:
    await bench.join()
    sending = asyncio.ensure_future(bench.room.announce(Position("b1", 0)))
    await asyncio.sleep(0)

    bench.room.handle(
        parse(
            f"<message type='error' id='orders:b1:1-0' from='{ROOM}'>"
            f"<error type='{kind}'>"
            f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            "</message>"
        )
    )

    with pytest.raises(expected) as caught:
        await sending
    assert expected is caught.type


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("<head xmlns='urn:aviso:feed:2' epoch='e001' last='7' id='9'/>", ("e001", 7)),
        ("<head xmlns='urn:aviso:feed:2'/>", None),
    ],
)
async def test_a_conflict_names_the_archives_head(
    bench: Bench, head: str, expected: tuple[str, int] | None
) -> None:
    await bench.join()
    sending = asyncio.ensure_future(bench.room.announce(Position("b1", 0)))
    await asyncio.sleep(0)

    bench.room.handle(
        parse(
            f"<message type='error' id='orders:b1:1-0' from='{ROOM}'>"
            f"<error type='cancel'>{head}"
            f"<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            "</message>"
        )
    )

    with pytest.raises(Behind) as caught:
        await sending
    assert expected == caught.value.head


async def test_being_put_out_ends_what_is_under_way(bench: Bench) -> None:
    await bench.join()
    sending = asyncio.ensure_future(bench.room.announce(Position("b1", 0)))
    await asyncio.sleep(0)

    bench.room.handle(presence("aviso-1", more="type='unavailable'"))

    with pytest.raises(RoomLost, match="put us out"):
        await sending
    assert 1 == bench.losses
    with pytest.raises(RoomLost):
        await bench.room.announce(Position("b2", 0))


async def test_the_leaving_of_an_occupancy_before_is_not_ours(bench: Bench) -> None:
    await bench.join(presence("aviso-1", more="type='unavailable'"))

    assert not bench.room.is_lost


async def test_a_room_that_ends_takes_the_join_with_it(bench: Bench) -> None:
    """No answer will come, so none is waited for."""
    joining = asyncio.create_task(bench.room.join())
    await asyncio.sleep(0)

    bench.room.handle(presence("aviso-1", more="type='unavailable'", status="332"))

    async with asyncio.timeout(ALIVE_S):
        with pytest.raises(RoomEnded, match="ended"):
            await joining


def head(attributes: str = "") -> Element:
    return parse(
        f"<iq type='result'><head xmlns='urn:aviso:feed:2' {attributes}/></iq>"
    )


async def test_the_archive_tells_its_head(bench: Bench) -> None:
    await bench.join()
    bench.session.answers.append(head("epoch='e001' last='7' id='1795504466793409'"))

    assert Position("e001", 7) == await bench.room.head()
    assert f"get {ROOM}" == bench.session.asked[-1].get("asked-as")


async def test_an_archive_without_a_batch_has_no_head(bench: Bench) -> None:
    await bench.join()
    bench.session.answers.append(head())

    assert await bench.room.head() is None


@pytest.mark.parametrize(
    "answer",
    [
        Bounced("feature-not-implemented", "no such thing"),
        Bounced("internal-server-error", "the archive can't be read"),
        parse("<iq type='result'/>"),
    ],
)
async def test_an_archive_that_does_not_tell_is_not_an_empty_one(
    bench: Bench, answer: Element | Exception
) -> None:
    await bench.join()
    bench.session.answers.append(answer)

    with pytest.raises(RoomError, match="head"):
        await bench.room.head()


async def test_a_page_that_fails_is_not_an_empty_one(bench: Bench) -> None:
    await bench.join()
    bench.answer_page(fin(complete=False))

    with pytest.raises(RoomLost, match="can't be read"):
        await bench.room.past_epochs()


async def test_no_page_is_without_a_bound_and_those_widen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ejabberd would count all of the room for each page."""
    monkeypatch.setattr(archive_module, "_PAST_BATCHES", 2)
    await bench.join()
    bench.session.answers.append(head("epoch='e001' last='7' id='1795504466793409'"))
    await bench.room.head()
    bench.answer_page(fin(False, 9, first="8"), (events("e002", 7, 7), ROOM))
    bench.answer_page(fin(True, 9))
    bench.answer_page(fin(True, 9, first="3"), (events("e001", 1, 100), ROOM))

    assert {"e001", "e002"} == await bench.room.past_epochs()

    field = "{jabber:x:data}x/{jabber:x:data}field[@var='start']/{jabber:x:data}value"
    starts = [query.findtext(field) for query in bench.session.asked[-3:]]
    hour = "2026-11-24T06:14:26Z"
    assert [hour, hour, "2026-11-23T07:14:26Z"] == starts
    before = (
        "{http://jabber.org/protocol/rsm}set/{http://jabber.org/protocol/rsm}before"
    )
    assert ["", "8", "8"] == [q.findtext(before) for q in bench.session.asked[-3:]]


async def test_a_result_that_does_not_come_from_the_room_is_passed_over(
    bench: Bench,
) -> None:
    await bench.join()
    bench.answer_page(fin(complete=True), (events("evil", 1, 99), f"{ROOM}/intruder"))

    assert set() == await bench.room.past_epochs()


def events_with_ids(epoch: str, first: int, *ids: str, deflated: bool = False) -> str:
    kind = "aviso.record.created.v1"
    batch = {"type": kind, "events": [{"id": each} for each in ids]}
    batch["events"].append({"id": "?", "type": "aviso.record.unavailable.v1"})  # type: ignore[attr-defined]
    last = first + len(ids)
    text = json.dumps(batch)
    if not deflated:
        payload = f"<json xmlns='urn:xmpp:json:0'>{text}</json>"
    else:
        text = base64.b64encode(zlib.compress(text.encode())).decode()
        payload = f"<deflated xmlns='urn:aviso:feed:2'>{text}</deflated>"
    return events(epoch, first, last) + payload


async def test_the_event_of_a_place_is_looked_for_from_the_newest_back(
    bench: Bench,
) -> None:
    await bench.join()
    newest = (events_with_ids("e001", 6, "f", "g"), ROOM)
    older = (events_with_ids("e001", 3, "c", "d", deflated=True), ROOM)
    bench.answer_page(fin(False, 9, first="8"), newest)
    bench.answer_page(fin(False, 9, first="7"), older)
    assert "d" == await bench.room.event_id(Position("e001", 4))

    # What stands there stands in for another.
    bench.answer_page(fin(False, 9, first="8"), newest, older)
    assert await bench.room.event_id(Position("e001", 5)) is None
    # A place that nobody has, though what is before it was found.
    bench.answer_page(fin(False, 9, first="8"), older, newest)
    assert await bench.room.event_id(Position("e001", 9)) is None
    bench.answer_page(fin(True, 9, first="8"), newest)
    assert await bench.room.event_id(Position("e002", 5)) is None


async def test_a_batch_of_the_archive_that_can_not_be_read_is_no_answer(
    bench: Bench,
) -> None:
    await bench.join()
    broken = events("e001", 1, 2) + "<json xmlns='urn:xmpp:json:0'>[</json>"
    bench.answer_page(fin(False, 9, first="8"), (broken, ROOM))

    with pytest.raises(RoomError, match="can't be read"):
        await bench.room.event_id(Position("e001", 1))


async def test_the_epochs_before_are_read_back_over_so_many_batches(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "_PAST_BATCHES", 3)
    await bench.join()
    bench.answer_page(
        fin(False, 9, first="8"),
        (events("e002", 1, 5), ROOM),
        (events("e003", 1, 5), ROOM),
    )
    bench.answer_page(fin(True, 9, first="2"), (events("e001", 1, 100), ROOM))

    assert {"e001", "e002", "e003"} == await bench.room.past_epochs()


@pytest.mark.parametrize(
    ("condition", "is_lost"),
    [
        ("not-acceptable", True),
        ("item-not-found", True),
        ("service-unavailable", False),
    ],
)
async def test_a_self_ping_tells_whether_we_are_still_in(
    bench: Bench, condition: str, is_lost: bool
) -> None:
    await bench.join()
    bench.session.answers.append(Bounced(condition, condition))

    await bench.room.check()

    assert is_lost == bench.room.is_lost
