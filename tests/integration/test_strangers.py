"""Whoever is slow or asks for much, before anyone knows who he is, holds only himself.

While each of these goes on, others are answered, a key writes, and a page opens.
The bound says *alive*: on a quiet machine each of them takes a tenth of a second, and
the strangers go on for as long as it takes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import urlsplit

import pytest

from .api import Api
from .beside import beside
from .conftest import OpenPage
from .database import Database
from .running import Stack
from .waiting import until
from .xmpp_socket import CLIENT, XmppSocket

OTHERS = "127.0.0.2"
ALIVE_S = 20.0
STRANGERS = 40
ROWS = 300_000
MAM = "urn:xmpp:mam:2"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND application_name = 'aviso-records-api'"
)
# The largest file that anyone may ask for.
STATIC = "/api/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"

_JSON = "Host: localhost\r\nContent-Type: application/json\r\n"
_FORM = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
_WRONG_KEY = "Authorization: Bearer aviso_000000000000_wrong\r\n"
_CHUNKED = "Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n"
_LONG = "Content-Length: 2000000\r\n\r\n["
_START = "[" + " " * 300_000
BODIES = {
    "in chunks": f"POST /api/v1/feeds/ HTTP/1.1\r\n{_JSON}{_CHUNKED}",
    "of a length": f"POST /api/v1/feeds/ HTTP/1.1\r\n{_JSON}{_LONG}",
    "long already": f"POST /api/v1/feeds/ HTTP/1.1\r\n{_JSON}"
    f"{_WRONG_KEY}{_LONG}{_START}",
    "a form": f"POST /admin/login/ HTTP/1.1\r\n{_FORM}{_LONG}",
    "a long form": f"POST /admin/login/ HTTP/1.1\r\n{_FORM}"
    f"Cookie: csrftoken={'a' * 32}\r\n{_LONG}{_START}",
}


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def check_alive(
    stack: Stack, api: Api, feed: str, open_page: OpenPage
) -> Callable[[], None]:
    """Others are answered, the key writes, a page that is opened now goes live."""

    def check() -> None:
        key = stack.facts["api_key"]
        assert ask(stack, "GET", "/api/v1/connection/") == 200
        path = f"/api/v1/feeds/{feed}/records/"
        assert ask(stack, "POST", path, key=key, body=b'{"data": {}}') == 201
        page = open_page(feed)
        # The relay numbers what was written when it comes to it.
        until(lambda: page.position == api.head(feed) > 0, "the page to be complete")

    return check


@pytest.mark.parametrize("body", BODIES)
def test_slow_bodies_hold_only_their_senders(
    body: str, stack: Stack, opened: ExitStack, check_alive: Callable[[], None]
) -> None:
    slow = [open_tcp(stack, opened) for _ in range(STRANGERS)]
    for each in slow:
        each.sendall(BODIES[body].encode())

    with dripping(slow, b"1\r\n \r\n" if body == "in chunks" else b" "):
        check_alive()


def test_slow_readers_hold_only_themselves(
    stack: Stack,
    api: Api,
    feed: str,
    opened: ExitStack,
    database: Database,
    check_alive: Callable[[], None],
) -> None:
    database.execute(
        "INSERT INTO records (feed, data) SELECT 'demo',"
        " jsonb_build_object('text', (SELECT string_agg(md5(n::text || m), '')"
        " FROM generate_series(1, 1900) AS m)) FROM generate_series(1, 100) AS n"
    )
    paths = [
        "/api/v1/feeds/demo/records/?limit=1000",
        STATIC,
        "/api/v1/feeds/demo/events/?limit=1000",
        "/api/schema/",
    ]
    for number in range(STRANGERS):
        each = open_tcp(stack, opened, buffer_bytes=4096)
        path = paths[number % len(paths)]
        each.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    check_alive()


def test_filters_over_a_large_feed_leave_room_for_writers_and_pages(
    stack: Stack,
    api: Api,
    guest_api: Api,
    database: Database,
    check_alive: Callable[[], None],
) -> None:
    fill(database, api, "large")
    path = "/api/v1/feeds/large/records/?data.nope=1"

    with asking(stack, path, 30) as statuses:
        check_alive()

    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    # Nothing was found, and not all of it was looked through.
    first = guest_api.get(path)
    assert first["results"] == []
    assert first["next"]


def test_a_guest_has_two_archive_queries_open_and_no_third(
    stack: Stack, api: Api, feed: str, check_alive: Callable[[], None]
) -> None:
    api.write_all(feed, [{"n": n} for n in range(100)])
    with closing(XmppSocket(stack.port, stack.facts["xmpp"]["guest_domain"])) as guest:
        guest.log_in()
        room = api.get(f"feeds/{feed}/")["room"]
        until(lambda: is_answered(guest, room), "the room")
        for number in range(100):
            guest.send(query(room, f"q{number}"))

        answers = [
            guest.wait_for(lambda each: each.tag == f"{CLIENT}iq") for _ in range(100)
        ]
        refused = [each for each in answers if each.get("type") == "error"]
        until(lambda: is_answered(guest, room), "the next query to be answered")
        check_alive()

    assert refused
    assert {each.get("id") for each in answers} >= {"q0", "q1"}
    assert {"resource-constraint"} == {
        child.tag.rpartition("}")[2] for each in refused for child in each[-1][:1]
    }


def test_what_is_read_ends_with_its_reader(
    stack: Stack, database: Database, opened: ExitStack
) -> None:
    path = f"/api/v1/feeds/demo/records/?data.gone={time.time_ns()}"
    key = f"Authorization: Bearer {stack.facts['api_key']}"
    log = stack.settings.log("records-api")
    with database.transaction() as other:
        other.execute("LOCK TABLE aviso.records")
        reader = open_tcp(stack, opened)
        reader.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{key}\r\n\r\n".encode()
        )
        until(lambda: database.value(WAITING) > 0, "the reading to be under way")
        before = log.read_text().count('"status": 499')

        reader.close()

        # For its time it would end some seconds later, as 503.
        until(
            lambda: log.read_text().count('"status": 499') > before,
            "its end in the log",
        )


def is_answered(guest: XmppSocket, room: str) -> bool:
    answer = guest.ask("set", room, f"<query xmlns='{MAM}'/>")
    return answer.get("type") == "result"


def query(room: str, number: str) -> str:
    return (
        f"<iq xmlns='jabber:client' type='set' id='{number}' to='{room}'>"
        f"<query xmlns='{MAM}'><set xmlns='http://jabber.org/protocol/rsm'>"
        "<max>250</max></set></query></iq>"
    )


def fill(database: Database, api: Api, feed: str) -> None:
    """Give a feed many records and no events: it is about reading the records."""
    api.create_feed(feed)
    with database.transaction() as connection:
        connection.execute("ALTER TABLE aviso.records DISABLE TRIGGER USER")
        connection.execute(
            "INSERT INTO aviso.records (feed, data) SELECT %s, jsonb_build_object("
            "'n', n, 'text', repeat(md5(n::text), 8)) FROM generate_series(1, %s) n",
            [feed, ROWS],
        )
        connection.execute("ALTER TABLE aviso.records ENABLE TRIGGER USER")


@contextmanager
def dripping(sockets: list[socket.socket], piece: bytes) -> Iterator[None]:
    """Send each a piece every second; what was closed stays closed."""

    def drip(ended: threading.Event) -> None:
        while not ended.wait(1):
            for each in sockets:
                with contextlib.suppress(OSError):
                    each.sendall(piece)

    with beside(drip):
        yield


@contextmanager
def asking(stack: Stack, path: str, at_a_time: int) -> Iterator[list[int]]:
    """Ask without a key, so many at a time, again and again; collect the statuses."""
    is_over = threading.Event()
    statuses: list[int] = []

    def ask_on() -> None:
        while not is_over.is_set():
            statuses.append(ask(stack, "GET", path, source="127.0.0.1", timeout_s=60))

    with ThreadPoolExecutor(at_a_time) as threads:
        asked = [threads.submit(ask_on) for _ in range(at_a_time)]
        time.sleep(2)
        try:
            yield statuses
        finally:
            is_over.set()
    for each in asked:
        each.result()


def ask(
    stack: Stack,
    method: str,
    path: str,
    *,
    key: str = "",
    body: bytes | None = None,
    source: str = OTHERS,
    timeout_s: float = ALIVE_S,
) -> int:
    """Return the status. Raises TimeoutError."""
    host = urlsplit(stack.url)
    connection = http.client.HTTPConnection(
        "127.0.0.1", host.port, timeout=timeout_s, source_address=(source, 0)
    )
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    with closing(connection):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200 and "records" in path:
            json.loads(text)
        return answer.status


def open_tcp(
    stack: Stack, opened: ExitStack, *, buffer_bytes: int = 0
) -> socket.socket:
    client = opened.enter_context(socket.socket())
    if buffer_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    client.settimeout(20)
    client.connect(("127.0.0.1", stack.port))
    return client
