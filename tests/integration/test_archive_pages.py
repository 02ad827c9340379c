"""Pages of a room's archive: what XEP-0313 and XEP-0059 say, and never the whole room.

A page's `count` shows what ejabberd has counted for it.
"""

from __future__ import annotations

import secrets
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from .api import Api
from .running import Stack
from .waiting import until
from .xmpp_socket import CLIENT, XmppSocket

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
BATCHES = 12


@dataclass(frozen=True)
class ArchivePage:
    """`condition` is the error's, if the room refused."""

    ids: list[str]
    is_complete: bool = False
    count: int = 0
    condition: str = ""


class Reader:
    def __init__(self, guest: XmppSocket, room: str) -> None:
        self._guest = guest
        self.room = room
        self._asked = 0

    def ask(self, rsm: str = "", fields: dict[str, str] | None = None) -> ArchivePage:
        self._asked += 1
        number, ids = f"page-{self._asked}", []
        form = "".join(
            f"<field var='{name}'><value>{value}</value></field>"
            for name, value in {"FORM_TYPE": MAM, **(fields or {})}.items()
        )
        self._guest.send(
            f"<iq xmlns='jabber:client' type='set' id='{number}' to='{self.room}'>"
            f"<query xmlns='{MAM}' queryid='{number}'>"
            f"<x xmlns='jabber:x:data' type='submit'>{form}</x>"
            f"<set xmlns='{RSM}'>{rsm}</set></query></iq>"
        )
        while True:
            each = self._guest.wait_for(lambda _: True)
            result = each.find(f"{{{MAM}}}result")
            if result is not None and result.get("queryid") == number:
                ids.append(result.get("id", ""))
            if each.tag == f"{CLIENT}iq" and each.get("id") == number:
                return read_answer(each, ids)


def read_answer(answer: ET.Element, ids: list[str]) -> ArchivePage:
    fin = answer.find(f"{{{MAM}}}fin")
    if fin is None:
        return ArchivePage(ids, condition=answer[-1][0].tag.rpartition("}")[2])
    return ArchivePage(
        ids,
        is_complete=fin.get("complete") == "true",
        count=int(fin.findtext(f"{{{RSM}}}set/{{{RSM}}}count") or 0),
    )


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Iterator[Reader]:
    with (
        closing(Api(stack.url, stack.facts["api_key"])) as api,
        closing(XmppSocket(stack.port, stack.facts["xmpp"]["guest_domain"])) as guest,
    ):
        api.create_feed("archive-pages")
        guest.log_in()
        reader = Reader(guest, api.get("feeds/archive-pages/")["room"])
        # Whoever is not in a room is told of no error but that it is not there.
        until(lambda: guest.join(reader.room, "reader").get("type") != "error", "in")
        for number in range(BATCHES):
            api.write("archive-pages", {"n": number})
            until(lambda n=number: len(reader.ask().ids) > n, "the batch")
        yield reader


@pytest.fixture(scope="module")
def ids(reader: Reader) -> list[str]:
    return reader.ask("<max>250</max>").ids


@pytest.mark.parametrize("size", [1, 4, 5, 12, 250])
def test_pages_forward_are_the_archive_and_count_no_more(
    size: int, reader: Reader, ids: list[str]
) -> None:
    found: list[str] = []
    after = ""
    while True:
        page = reader.ask(f"<max>{size}</max>{after}")
        found += page.ids
        assert page.count <= size + 1
        assert page.is_complete == (found == ids)
        if page.is_complete:
            break
        after = f"<after>{page.ids[-1]}</after>"

    assert found == ids


@pytest.mark.parametrize("size", [1, 4, 5, 12, 250])
def test_pages_backward_are_the_archive_and_count_no_more(
    size: int, reader: Reader, ids: list[str]
) -> None:
    found: list[str] = []
    before = ""
    while True:
        page = reader.ask(f"<max>{size}</max><before>{before}</before>")
        found = page.ids + found
        assert page.count <= size + 1
        assert page.is_complete == (found == ids)
        if page.is_complete:
            break
        before = page.ids[0]

    assert found == ids


def test_a_span_of_time_is_kept(reader: Reader, ids: list[str]) -> None:
    span = {"start": time_of(ids[3]), "end": time_of(ids[8])}

    page = reader.ask("<max>2</max>", span)
    rest = reader.ask(f"<max>9</max><after>{page.ids[-1]}</after>", span)

    assert (page.ids, page.is_complete) == (ids[3:5], False)
    assert (rest.ids, rest.is_complete) == (ids[5:9], True)


def test_a_page_behind_the_newest_is_empty_and_complete(
    reader: Reader, ids: list[str]
) -> None:
    page = reader.ask(f"<after>{ids[-1]}</after>")

    assert (page.ids, page.is_complete, page.condition) == ([], True, "")


@pytest.mark.parametrize("rsm", ["<after>no-number</after>", "<before>-1</before>"])
def test_what_is_no_id_is_refused(rsm: str, reader: Reader) -> None:
    assert reader.ask(rsm).condition == "bad-request"


def test_who_asks_by_anything_but_time_is_refused(reader: Reader) -> None:
    assert reader.ask("", {"with": "someone@localhost"}).condition == "bad-request"


def test_a_page_ends_when_it_gets_large(stack: Stack, api: Api, feed: str) -> None:
    room = api.get(f"feeds/{feed}/")["room"]
    # Random: it stays as large when it is deflated.
    api.write_all(feed, [{"text": secrets.token_urlsafe(45_000)} for _ in range(40)])
    with closing(XmppSocket(stack.port, stack.facts["xmpp"]["guest_domain"])) as guest:
        guest.log_in()
        large = Reader(guest, room)
        found: list[str] = []

        def has_everything() -> bool:
            found[:] = []
            after, pages = "", 0
            while True:
                page = large.ask(f"<max>250</max>{after}")
                if page.condition:  # not opened yet
                    return False
                found.extend(page.ids)
                pages += 1
                if page.is_complete:
                    return pages > 2
                after = f"<after>{page.ids[-1]}</after>"

        until(has_everything, "an archive of more than two pages")

    assert sorted(set(found)) == found


def time_of(archive_id: str) -> str:
    seconds, microseconds = divmod(int(archive_id), 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{microseconds:06d}Z"
