"""Whoever asks for too much shuts out himself: others connect, memory stays bounded.

All of it through the gateway. The offender sits at 127.0.0.1, others at 127.0.0.2.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from .api import Api, new_slug
from .archive import live_batches
from .chat import Chat, Refused
from .rooms import wait_for_open_room
from .running import Stack
from .waiting import until
from .xmpp_socket import SASL, Closed, WebSocket, XmppSocket, frame

OFFENDER, OTHERS = "127.0.0.1", "127.0.0.2"
WAITING, CONNECTIONS, WRONG_PASSWORDS, REQUESTS = 100, 160, 20, 40
ROOMS = 3
WHEN = ("before the stream", "before login", "after login")
LOGIN_TIMEOUT_S = IDLE_TIMEOUT_S = 20
MAX_GROWTH_MB = 200
# Until a server has noticed, on a busy machine.
PATIENCE_S = 60.0

ENTITIES = "".join(
    f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "bomb" * 10}">' for n in range(10)
)
PAYLOADS: dict[str, str] = {
    "10 MB": f"<message xmlns='jabber:client' to='x@localhost'>"
    f"<body>{'a' * 10_000_000}</body></message>",
    "an entity bomb": f"<!DOCTYPE message [{ENTITIES}]>"
    "<message xmlns='jabber:client' to='x@localhost'><body>&e9;</body></message>",
    "ten thousand levels": "<message xmlns='jabber:client' to='x@localhost'>"
    f"{'<a>' * 10_000}{'</a>' * 10_000}</message>",
}


@pytest.fixture(scope="module")
def strict(start_stack: Callable[..., Stack]) -> Iterator[Stack]:
    """A stack whose limits are small, so that they are reached soon."""
    stack = start_stack(
        AVISO_WAITING_PER_ADDRESS=str(WAITING),
        AVISO_CONNECTIONS_PER_ADDRESS=str(CONNECTIONS),
        AVISO_WRONG_PASSWORDS_PER_ADDRESS=str(WRONG_PASSWORDS),
        AVISO_ROOMS_PER_SESSION=str(ROOMS),
        AVISO_LOGIN_TIMEOUT=str(LOGIN_TIMEOUT_S),
        AVISO_IDLE_TIMEOUT=str(IDLE_TIMEOUT_S),
        AVISO_HEADER_TIMEOUT="3s",
        AVISO_BODY_TIMEOUT="5s",
        AVISO_THROTTLE_ADDRESS=str(REQUESTS),
    )
    yield stack
    stack.interrupt()


@pytest.fixture(autouse=True)
def bounded(strict: Stack) -> Iterator[None]:
    """However it goes, ejabberd is the same process and has not grown much."""
    pid, before = strict.pid("ejabberd"), memory_mb(strict)
    yield
    print(f"ejabberd: {before:.0f} MB before, {memory_mb(strict):.0f} MB after")
    assert strict.pid("ejabberd") == pid
    assert memory_mb(strict) - before < MAX_GROWTH_MB
    connect_as(strict, OTHERS)


@pytest.fixture
def open_sockets() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("when", WHEN)
def test_a_monstrous_stanza_hurts_its_sender_alone(
    payload: str, when: str, strict: Stack
) -> None:
    with closing(guest_socket(strict)) as offender:
        if when == "before login":
            offender.open_stream()
        elif when == "after login":
            offender.log_in()

        push(offender, frame(PAYLOADS[payload].encode()))
        connect_as(strict, OTHERS)

        assert is_harmless(offender)


def test_a_message_that_never_ends_is_cut_off(strict: Stack) -> None:
    """In pieces, with the pings answered: nothing that a timeout would find."""
    with closing(guest_socket(strict)) as offender:
        offender.log_in()
        start = frame(b"<message xmlns='jabber:client'><body>", is_last=False)
        push(offender, start)

        deadline = time.monotonic() + PATIENCE_S
        piece = frame(b"a" * 50_000, 0, is_last=False) + frame(b"", 10)
        while time.monotonic() < deadline and push(offender, piece):
            pass
        connect_as(strict, OTHERS)


def test_one_byte_at_a_time_as_http_is_let_go(
    strict: Stack, open_sockets: ExitStack
) -> None:
    heads = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nX: ",
        b"POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n<",
        b"POST /api/v1/feeds/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n[",
    ]
    slow = [open_tcp(strict, open_sockets) for _ in range(50) for _ in heads]
    for number, each in enumerate(slow):
        each.sendall(heads[number % len(heads)])

    connect_as(strict, OTHERS)
    wait_until_let_go(slow)


def test_one_byte_at_a_time_in_a_websocket_is_let_go(
    strict: Stack, open_sockets: ExitStack
) -> None:
    """Whatever it has said before; all at once, since each takes its time."""
    slow = []
    for when in WHEN:
        for _ in range(30):
            each = guest_socket(strict)
            open_sockets.callback(each.close)
            if when == "before login":
                each.open_stream()
            elif when == "after login":
                each.log_in()
            slow.append(each)
    for each in slow:
        push(each, frame(b"<presence xmlns='jabber:client'/>")[:12])

    connect_as(strict, OTHERS)
    wait_until_let_go([each.tcp for each in slow])


def test_a_thousand_sockets_of_one_address_leave_room_for_others(
    strict: Stack, open_sockets: ExitStack
) -> None:
    def crowd(count: int) -> None:
        for _ in range(count):
            with contextlib.suppress(Closed):
                each = WebSocket(strict.port, source=OFFENDER)
                open_sockets.callback(each.close)

    crowd(1000)

    connect_as(strict, OTHERS)

    def is_full() -> bool:
        # Those of the beginning may have run out of time meanwhile.
        crowd(WAITING)
        return not connects(strict, OFFENDER)

    until(is_full, "the address to be full")
    # They have not logged in in time.
    until(lambda: connects(strict, OFFENDER), "the address to be free", PATIENCE_S)


def test_a_thousand_silent_sockets_leave_room_for_others(
    strict: Stack, open_sockets: ExitStack
) -> None:
    silent = [open_tcp(strict, open_sockets) for _ in range(1000)]

    connect_as(strict, OTHERS)
    connect_as(strict, OFFENDER)
    wait_until_let_go(silent)


def test_so_many_sessions_may_one_address_have(
    strict: Stack, open_sockets: ExitStack
) -> None:
    opened: list[socket.socket] = []
    for _ in range(CONNECTIONS + 20):
        each = guest_socket(strict)
        open_sockets.callback(each.close)
        try:
            each.log_in()
        except (Closed, TimeoutError):
            continue
        opened.append(each.tcp)

    # Those of the beginning may have run out of time meanwhile.
    assert 0 < sum(is_open(each) for each in opened) <= CONNECTIONS
    connect_as(strict, OTHERS)
    open_sockets.close()
    until(lambda: connects(strict, OFFENDER), "the sessions to end", PATIENCE_S)


def test_a_hundred_wrong_passwords_shut_out_who_guesses(strict: Stack) -> None:
    refused = [guess(strict, "127.0.0.5", f"203.0.113.{n}") for n in range(100)]

    print({word: refused.count(word) for word in refused})
    assert refused.count("not-authorized") <= WRONG_PASSWORDS
    assert set(refused[WRONG_PASSWORDS:]) == {"policy-violation"}
    # Others may try, and he may read.
    assert guess(strict, OTHERS) == "not-authorized"
    connect_as(strict, "127.0.0.5")


def test_the_pusher_is_not_shut_out(strict: Stack) -> None:
    for _ in range(WRONG_PASSWORDS + 5):
        guess(strict, OFFENDER)
    strict.wait_for_another("pusher", strict.kill_part("pusher"))

    with (
        closing(Api(strict.url, strict.facts["api_key"])) as api,
        Chat(strict.facts["xmpp"]) as reader,
    ):
        room = api.get("feeds/demo/")["room"]
        until(lambda: room, "the room")
        reader.join(room)
        api.write("demo", {"after": "the guesses"})
        until(lambda: live_batches(reader, room), "the record", PATIENCE_S)


def test_a_session_too_many_rooms_is_refused_and_has_the_others(strict: Stack) -> None:
    """The pusher, which is in more of them, is not held to it."""
    with (
        closing(Api(strict.url, strict.facts["api_key"])) as api,
        Chat(strict.facts["xmpp"]) as reader,
        Chat(strict.facts["xmpp"]) as another,
    ):
        slugs = [new_slug(f"room-{n}") for n in range(ROOMS + 1)]
        for slug in slugs:
            api.create_feed(slug)
            wait_for_open_room(strict, slug)
        rooms = [f"{slug}@{strict.facts['xmpp']['rooms_domain']}" for slug in slugs]
        for room in rooms[:ROOMS]:
            reader.join(room)

        with pytest.raises(Refused, match="resource-constraint"):
            reader.join(rooms[ROOMS])

        another.join(rooms[ROOMS])
        for slug, room in zip(slugs, rooms, strict=True):
            api.write(slug, {"to": "all rooms"})
            listener = another if room == rooms[ROOMS] else reader
            arrived = partial(live_batches, listener, room)
            until(arrived, "the record", PATIENCE_S)
        # Whoever leaves one may enter another.
        reader.send(f"<presence type='unavailable' to='{rooms[0]}/guest{id(reader)}'/>")
        reader.ping()
        reader.join(rooms[ROOMS])


def test_a_forged_address_does_not_dodge_the_limit_of_requests(strict: Stack) -> None:
    # Each its own. A minute may end amid them, and with it what was counted.
    forged = (str(each) for each in ipaddress.ip_network("198.18.0.0/15"))

    until(
        lambda: ask_rest(strict, "127.0.0.6", next(forged)) == 429,
        f"it to be told of more than {REQUESTS} requests a minute",
        every_s=0,
    )
    assert ask_rest(strict, "127.0.0.7", "127.0.0.6") == 200


def guest_socket(stack: Stack, source: str = OFFENDER) -> XmppSocket:
    return XmppSocket(stack.port, stack.facts["xmpp"]["guest_domain"], source=source)


def connect_as(stack: Stack, source: str) -> None:
    """Log in as a guest and be answered. Raises Closed or TimeoutError."""
    began = time.monotonic()
    with closing(guest_socket(stack, source)) as client:
        client.log_in()
        client.ask("get", client.host, "<ping xmlns='urn:xmpp:ping'/>")
    print(f"{source} connected in {time.monotonic() - began:.2f} s")


def connects(stack: Stack, source: str) -> bool:
    try:
        connect_as(stack, source)
    except (Closed, TimeoutError):
        return False
    return True


def guess(stack: Stack, source: str, told: str = "") -> str:
    """Try a password of nobody's; return the condition of the refusal."""
    headers = f"X-Forwarded-For: {told}\r\n" if told else ""
    domain = stack.facts["xmpp"]["domain"]
    client = XmppSocket(stack.port, domain, source=source, headers=headers)
    with closing(client):
        client.send(
            f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{domain}'"
            " version='1.0'/>"
        )
        first = client.wait_for(lambda each: each.tag.endswith(("features", "error")))
        if first.tag.endswith("error"):
            return first[0].tag.rpartition("}")[2]
        client.send(
            f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>biwsbj1ub2JvZHkscj1hYmM="
            "</auth>"
        )
        refusal = client.wait_for(lambda each: each.tag.endswith(("failure", "error")))
        return refusal[0].tag.rpartition("}")[2]


def ask_rest(stack: Stack, source: str, told: str) -> int:
    connection = http.client.HTTPConnection(
        "127.0.0.1", stack.port, timeout=20, source_address=(source, 0)
    )
    with closing(connection):
        connection.request("GET", "/api/v1/feeds/", headers={"X-Forwarded-For": told})
        return connection.getresponse().status


def open_tcp(stack: Stack, opened: ExitStack) -> socket.socket:
    address = ("127.0.0.1", stack.port)
    return opened.enter_context(
        socket.create_connection(address, 20, source_address=(OFFENDER, 0))
    )


def push(client: WebSocket, data: bytes, timeout_s: float = 2) -> bool:
    """Send what the server takes in that time; say whether it still listens."""
    client.tcp.settimeout(timeout_s)
    try:
        client.tcp.sendall(data)
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


def is_harmless(offender: XmppSocket) -> bool:
    """Wait until it is cut off, or told no."""
    deadline = time.monotonic() + PATIENCE_S
    try:
        while True:
            if "type='error'" in offender.receive(deadline - time.monotonic()):
                return True
    except Closed:
        return True
    except TimeoutError:
        return False


def wait_until_let_go(sockets: list[socket.socket]) -> None:
    """Send each a byte now and then, until the server has closed them all."""
    held = list(sockets)

    def still_held() -> list[socket.socket]:
        held[:] = [each for each in held if is_held(each)]
        return held

    until(lambda: not still_held(), f"{len(held)} sockets to be closed", PATIENCE_S, 1)


def is_held(each: socket.socket) -> bool:
    each.settimeout(0)
    try:
        each.sendall(b"a")
    except BlockingIOError:
        return True
    except OSError:
        return False
    return is_open(each)


def is_open(each: socket.socket) -> bool:
    """Read on what has come, and say whether more may come."""
    each.settimeout(0)
    try:
        while each.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def memory_mb(stack: Stack) -> float:
    status = Path(f"/proc/{stack.pid('ejabberd')}/status").read_text()
    [line] = [each for each in status.splitlines() if each.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024
