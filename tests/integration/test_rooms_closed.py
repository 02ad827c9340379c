"""What nobody but the pusher can do to a room, tried by everybody who may connect."""

from __future__ import annotations

import http.client
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest

from .api import Api, new_slug
from .archive import events_of, live_batches
from .chat import CLIENT, Chat, Refused, condition_of
from .forbidden_stanzas import FORBIDDEN
from .rooms import let_in, online_rooms, wait_for_room
from .running import Stack
from .tokens import make_ticket
from .waiting import until

PASSWORD = "a-password-of-one-test"
KINDS = ["guest", "account", "granted reader", "ticket holder"]
HOLD_S = 0.19  # mod_fence's 200 ms; it counts whole milliseconds


@dataclass(frozen=True)
class Scene:
    """Rooms and people: who tries what, and who must not notice."""

    public: str
    granted: str
    closed: str
    missing: str
    witness: Chat
    victim: Chat
    clients: dict[str, Chat]

    def opened(self, kind: str) -> list[str]:
        """The rooms that such a client may enter."""
        is_let_in = kind in ("granted reader", "ticket holder")
        return [self.public, self.granted] if is_let_in else [self.public]


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Iterator[Scene]:
    xmpp = stack.facts["xmpp"]
    slugs = {name: new_slug(name) for name in ("public", "granted", "closed")}
    with ExitStack() as ends:
        api = ends.enter_context(closing(Api(stack.url, stack.facts["api_key"])))
        for name, slug in slugs.items():
            kind = "public" if name == "public" else "private"
            api.create_feed(slug, visibility=kind)
            wait_for_room(stack, slug)
        reader = f"reader-{uuid.uuid4().hex[:8]}"
        for jid in (f"{reader}@{xmpp['domain']}", xmpp["ticket_domain"]):
            let_in(stack, slugs["granted"], jid)
        let_in(stack, slugs["closed"], xmpp["ticket_domain"])
        clients = {
            "guest": Chat(xmpp),
            "account": make_account(xmpp),
            "granted reader": make_account(xmpp, reader),
            "ticket holder": make_holder(stack, [slugs["public"], slugs["granted"]]),
        }
        witness, victim = Chat(xmpp), make_account(xmpp)
        for each in (*clients.values(), witness, victim):
            ends.enter_context(each)
        rooms = {name: address(stack, slug) for name, slug in slugs.items()}
        missing = address(stack, new_slug("missing"))
        scene = Scene(**rooms, missing=missing, witness=witness, victim=victim,
                      clients=clients)  # fmt: skip
        until(lambda: is_in(witness, scene.public), "the room to open", every_s=0.2)
        for kind, chat in clients.items():
            for room in scene.opened(kind):
                chat.join(room, nick_of(chat))
        yield scene


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def client(scene: Scene, kind: str) -> Chat:
    return scene.clients[kind]


@pytest.mark.parametrize("attempt", FORBIDDEN)
def test_nobody_gets_away_with(
    attempt: str, kind: str, client: Chat, scene: Scene, stack: Stack
) -> None:
    number = uuid.uuid4().hex
    names = places(scene, kind, stack) | {"id": number}

    client.send(FORBIDDEN[attempt].format(**names))

    [answer] = until(
        lambda: [each for each in client.received if each.get("id") == number],
        f"a refusal of {attempt}",
    )
    assert answer.get("type") == "error", ET.tostring(answer)


def test_nothing_of_it_had_an_effect(scene: Scene, stack: Stack) -> None:
    """Runs after all of the above: their sum has to be nothing."""
    api = Api(stack.url, stack.facts["api_key"])
    slug = scene.public.partition("@")[0]
    api.write(slug, {"n": 1})
    until(lambda: live_batches(scene.witness, scene.public), "the record")
    scene.victim.ping()
    own_voice = f"{scene.public}/"

    heard = [each.get("id", "") for each in scene.witness.messages_from(scene.public)]
    assert [each for each in heard if each and not each.startswith(f"{slug}:")] == []
    assert [
        each
        for each in [*scene.victim.received, *scene.witness.received]
        if each.tag in (f"{CLIENT}message", f"{CLIENT}presence")
        and not (each.get("from") or "").startswith(own_voice)
        and (each.get("from") or "").partition("/")[0]
        not in (scene.public, scene.victim.jid.partition("/")[0],
                scene.witness.jid.partition("/")[0])
    ] == []  # fmt: skip
    room = {"name": slug, "service": stack.facts["xmpp"]["rooms_domain"]}
    affiliations = stack.ask_ejabberd("get_room_affiliations", room)
    assert {each["affiliation"] for each in affiliations} <= {"owner", "member"}
    assert [each["username"] for each in affiliations
            if each["affiliation"] == "owner"] == ["pusher"]  # fmt: skip
    options = stack.ask_ejabberd("get_room_options", room)
    assert (options["moderated"], options["members_only"]) == ("true", "false")
    assert scene.missing.partition("@")[0] not in online_rooms(stack)
    api.close()


def test_everybody_may_ask_what_a_subscriber_needs(
    client: Chat, kind: str, scene: Scene, stack: Stack
) -> None:
    xmpp = stack.facts["xmpp"]
    own_host = places(scene, kind, stack)["my_host"]
    info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
    ping = "<ping xmlns='urn:xmpp:ping'/>"

    client.ask("get", own_host, info)
    client.ask("get", own_host, ping)
    client.ask("get", xmpp["rooms_domain"], info)
    for room in scene.opened(kind):
        client.ask("get", room, info)
        client.ask("set", room, "<query xmlns='urn:xmpp:mam:2'/>")
        client.ask("get", f"{room}/{nick_of(client)}", ping)


def test_the_rooms_host_lists_nothing(client: Chat, stack: Stack) -> None:
    answer = client.ask(
        "get",
        stack.facts["xmpp"]["rooms_domain"],
        "<query xmlns='http://jabber.org/protocol/disco#items'/>",
    )

    assert [len(query) for query in answer] == [0]


QUESTIONS: dict[str, str] = {
    "a join": "<presence to='{room}/me' id='{id}'>"
    "<x xmlns='http://jabber.org/protocol/muc'/></presence>",
    "a join in capitals": "<presence to='{ROOM}/me' id='{id}'>"
    "<x xmlns='http://jabber.org/protocol/muc'/></presence>",
    "a join of old": "<presence to='{room}/me' id='{id}' xml:lang='de'><show>dnd</show>"
    "</presence>",
    "the archive": "<iq type='set' to='{room}' id='{id}'>"
    "<query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>",
    "the archive in capitals": "<iq type='set' to='{ROOM}' id='{id}'>"
    "<query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>",
    "the archive's form": "<iq type='get' to='{room}' id='{id}'>"
    "<query xmlns='urn:xmpp:mam:2'/></iq>",
    "the archive, broken": "<iq type='set' to='{room}' id='{id}'>"
    "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>"
    "<max>many</max></set></query></iq>",
    "disco": "<iq type='get' to='{room}' id='{id}'>"
    "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    "disco of a node": "<iq type='get' to='{room}' id='{id}'>"
    "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/></iq>",
    "who is in": "<iq type='get' to='{room}' id='{id}'>"
    "<query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
    "am I in": "<iq type='get' to='{room}/me' id='{id}'>"
    "<ping xmlns='urn:xmpp:ping'/></iq>",
    "a vCard": "<iq type='get' to='{room}' id='{id}'><vCard xmlns='vcard-temp'/></iq>",
    "the owners": "<iq type='get' to='{room}' id='{id}'>"
    "<query xmlns='http://jabber.org/protocol/muc#owner'/></iq>",
    "speaking": "<message type='groupchat' to='{room}' id='{id}'><body>x</body>"
    "</message>",
}
LOOKED_UP = [
    "a join",
    "a join in capitals",
    "a join of old",
    "the archive",
    "the archive in capitals",
    "the archive's form",
    "disco",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_stranger_can_not_tell_whether_a_room_is_there(
    question: str, kind: str, client: Chat, scene: Scene
) -> None:
    rooms = [scene.closed, scene.missing]
    if kind in ("guest", "account"):
        rooms.append(scene.granted)

    told = {room: ask_about(client, room, QUESTIONS[question]) for room in rooms}

    answers = {text for text, _, _ in told.values()}
    print({room: f"{took_s * 1000:.0f} ms" for room, (_, _, took_s) in told.items()})
    assert len(answers) == 1, answers
    if question in LOOKED_UP:
        assert {each[1] for each in told.values()} == {"item-not-found"}
        assert [room for room, (_, _, took_s) in told.items() if took_s < HOLD_S] == []


def test_leaving_a_room_that_one_is_not_in_says_nothing(
    client: Chat, scene: Scene
) -> None:
    start = len(client.received)
    for room in (scene.closed, scene.missing):
        client.send(f"<presence type='unavailable' to='{room}/me'/>")
    client.ping()

    assert [
        each.get("from")
        for each in client.received[start:]
        if (each.get("from") or "").startswith((scene.closed, scene.missing))
    ] == []


@pytest.mark.parametrize(
    "path",
    ["/api/status", "/api/muc_online_rooms", "/api/registered_users", "/http-bind/api",
     "/xmpp-websocket/api/status", "/http-bind/../api/status", "/admin/server/",
     "//api/status", "/xmpp-websocket/../api/status", "/%61pi/status"],
)  # fmt: skip
def test_ejabberds_api_is_not_to_be_reached(path: str, stack: Stack) -> None:
    with closing(http.client.HTTPConnection("localhost", stack.port)) as connection:
        connection.putrequest("POST", path)  # the path as it is
        connection.putheader("Content-Type", "application/json")
        connection.putheader("X-Forwarded-For", "127.0.0.1")
        connection.putheader("Content-Length", "2")
        connection.endheaders(b"{}")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")

    assert answer.status >= 400 or "<" in text[:20], (answer.status, text[:200])
    assert "ejabberd" not in text


def test_a_squatter_on_the_pushers_nick_does_not_keep_it_out(
    stack: Stack, api: Api, feed: str
) -> None:
    api.write(feed, {"n": 1})
    room = address(stack, feed)
    xmpp = stack.facts["xmpp"]
    try:
        with Chat(xmpp) as squatter, Chat(xmpp) as other:
            until(lambda: enters(other, room, "other"), "the room to be open")
            stack.stop_part("pusher")
            until(lambda: enters(squatter, room, "pusher"), "the nick to be free")
            written = api.write(feed, {"n": 2})["id"]
            stack.start_part("pusher")

            def heard() -> list[str]:
                return [e["subject"] for e in events_of(live_batches(other, room))]

            until(lambda: written in heard(), "the record", 60)
    finally:
        stack.start_part("pusher")


def enters(chat: Chat, room: str, nick: str) -> bool:
    try:
        chat.join(room, nick)
    except Refused:
        return False
    return True


def ask_about(chat: Chat, room: str, question: str) -> tuple[str, str, float]:
    """Return the answer without the names, its condition, and how long it took."""
    number = uuid.uuid4().hex
    began = time.monotonic()
    upper = room.upper()
    chat.send(question.format(room=room, ROOM=upper, id=number))
    [answer] = until(
        lambda: [each for each in chat.received if each.get("id") == number],
        f"an answer about {room}",
        every_s=0.001,
    )
    took_s = time.monotonic() - began
    text = ET.tostring(answer, encoding="unicode")
    for name in (room, upper, number, chat.jid):
        text = text.replace(name, "")
    return text, condition_of(answer), took_s


def places(scene: Scene, kind: str, stack: Stack) -> dict[str, str]:
    xmpp = stack.facts["xmpp"]
    chat = scene.clients[kind]
    return {
        "public": scene.public,
        "closed": scene.closed,
        "missing": scene.missing,
        "victim": scene.victim.jid,
        "victim_account": scene.victim.jid.partition("/")[0],
        "witness": nick_of(scene.witness),
        "domain": xmpp["domain"],
        "service": xmpp["rooms_domain"],
        "my_host": chat.jid.partition("/")[0].rpartition("@")[2],
        "me": chat.jid.partition("/")[0],
        "nick": nick_of(chat),
    }


def nick_of(chat: Chat) -> str:
    return f"nick{id(chat)}"


def address(stack: Stack, slug: str) -> str:
    return f"{slug}@{stack.facts['xmpp']['rooms_domain']}"


def is_in(chat: Chat, room: str) -> bool:
    try:
        chat.join(room, nick_of(chat))
    except Refused:
        return False
    return True


def make_account(xmpp: dict[str, Any], name: str = "") -> Chat:
    account = name or f"account-{uuid.uuid4().hex[:8]}"
    return Chat(xmpp, (account, PASSWORD), register=True)


def make_holder(stack: Stack, feeds: list[str]) -> Chat:
    xmpp = stack.facts["xmpp"]
    name = f"holder-{uuid.uuid4().hex[:8]}"
    ticket = make_ticket(
        stack.settings.secrets["ticket"], f"{name}@{xmpp['ticket_domain']}", feeds,
        lasts_s=3600,
    )  # fmt: skip
    return Chat(xmpp, (name, ticket), host="ticket_domain")
