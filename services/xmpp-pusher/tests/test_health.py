"""/healthz and /metrics, asked over a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from xmpp_pusher.health import Health, Link
from xmpp_pusher.metrics import make_metrics

LINKS = {"rabbitmq": Link(True, 1), "ejabberd": Link(True, 3)}
PROBLEMS = {"orders": "the room is somebody else's"}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    health = Health(
        make_metrics(),
        lambda: LINKS,
        lambda: 12,
        lambda: PROBLEMS,
        lambda: ["xmpp-pusher.1"],
        lambda: 2,
    )
    server = await health.serve("127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture(autouse=True)
def both_up() -> None:
    LINKS["rabbitmq"] = Link(True, 1)


async def ask(port: int, request: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{request} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


async def test_health_tells_of_both_ends_and_of_problems(port: int) -> None:
    status, body = await ask(port, "GET /healthz")

    assert 200 == status
    report = json.loads(body)
    assert ("connected", "connected") == (report["rabbitmq"], report["ejabberd"])
    assert (12, PROBLEMS) == (report["rooms"], report["problems"])
    assert ["xmpp-pusher.1"] == report["queues"]


async def test_health_is_503_while_one_end_is_down(port: int) -> None:
    LINKS["rabbitmq"] = Link(False, 1)

    status, body = await ask(port, "GET /healthz")

    assert 503 == status
    assert "disconnected" == json.loads(body)["rabbitmq"]


async def test_metrics_are_prometheus_text(port: int) -> None:
    status, body = await ask(port, "GET /metrics")

    assert 200 == status
    lines = body.splitlines()
    assert "aviso_pusher_rooms 12.0" in lines
    assert "aviso_pusher_waiting 2.0" in lines
    assert 'aviso_pusher_reconnects{to="ejabberd"} 2.0' in lines
    assert 'aviso_pusher_connected{to="rabbitmq"} 1.0' in lines


@pytest.mark.parametrize(
    ("request_line", "expected"), [("GET /else", 404), ("POST /healthz", 405)]
)
async def test_nothing_else_is_answered(
    port: int, request_line: str, expected: int
) -> None:
    assert expected == (await ask(port, request_line))[0]


async def test_nonsense_harms_nobody(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x00" * 20_000)
    assert b"" == await reader.read()
    writer.close()

    assert 200 == (await ask(port, "GET /healthz"))[0]
