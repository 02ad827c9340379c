"""What the page takes for granted of ejabberd's archive and of its long polling."""

from __future__ import annotations

import http.client
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

from .api import Api
from .chat import Chat, Refused
from .running import Stack
from .waiting import until_equal

_MAM = "urn:xmpp:mam:2"
_RSM = "http://jabber.org/protocol/rsm"


def test_a_query_is_bounded_to_the_microsecond_and_counts_what_is_within(
    api: Api, feed: str, observer: Chat
) -> None:
    """An id is a time, so what is after an id can be asked for, and no more counted."""
    room = api.get(f"feeds/{feed}/")["room"]
    for n in range(5):
        api.write(feed, {"n": n})
        # One by one: what waits together becomes one message.
        until_equal(n + 1, lambda: len(_ids(observer, room)), "messages in the archive")
    ids = _ids(observer, room)

    assert _query(observer, room, ids[-3]) == (3, ids[-3:])
    assert _query(observer, room, ids[-3] + 1) == (2, ids[-2:])
    assert _query(observer, room, ids[-3], ids[-1] - 1) == (2, ids[-3:-1])
    assert _query(observer, room, ids[-1] + 1) == (0, [])


def test_long_polling_waits_for_a_hidden_tab(stack: Stack) -> None:
    """Browsers wake its timers once a minute (XEP-0124, section 7.2: `inactivity`)."""
    xmpp = stack.facts["xmpp"]
    url = urlsplit(xmpp["bosh_url"])
    connection = http.client.HTTPConnection(url.netloc, timeout=20)
    connection.request(
        "POST",
        url.path,
        "<body xmlns='http://jabber.org/protocol/httpbind' rid='7' wait='1' hold='1'"
        f" ver='1.11' to='{xmpp['guest_domain']}' xmpp:version='1.0'"
        " xmlns:xmpp='urn:xmpp:xbosh'/>",
        {"Content-Type": "text/xml; charset=utf-8"},
    )
    answer = connection.getresponse().read().decode()
    connection.close()

    assert "inactivity='120'" in answer


def _ids(chat: Chat, room: str) -> list[int]:
    """The ids in the room's archive; none before the pusher has opened it."""
    try:
        return _query(chat, room, 0)[1]
    except Refused:
        return []


def _query(
    chat: Chat, room: str, start: int, end: int | None = None
) -> tuple[int, list[int]]:
    """The count that the room answers with, and the ids of what it sends."""
    query = str(uuid.uuid4())
    until_field = _field("end", _time(end)) if end is not None else ""
    answer = chat.ask(
        "set",
        room,
        f"<query xmlns='{_MAM}' queryid='{query}'>"
        "<x xmlns='jabber:x:data' type='submit'>"
        f"<field var='FORM_TYPE' type='hidden'><value>{_MAM}</value></field>"
        f"{_field('start', _time(start))}{until_field}</x>"
        f"<set xmlns='{_RSM}'><max>10</max><before/></set></query>",
    )
    results = [
        int(result.get("id", ""))
        for message in chat.messages_from(room)
        if (result := message.find(f"{{{_MAM}}}result")) is not None
        and result.get("queryid") == query
    ]
    return int(answer.findtext(f".//{{{_RSM}}}count") or "-1"), results


def _field(name: str, value: str) -> str:
    return f"<field var='{name}'><value>{value}</value></field>"


def _time(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:06}Z"
