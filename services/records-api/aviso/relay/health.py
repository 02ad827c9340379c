"""Answers `/healthz` and `/metrics` over HTTP, on the relay's own loop.

A few lines of HTTP/1.0 instead of a dependency: two fixed answers, no request body, no
keep-alive. It binds to loopback unless told otherwise and is not meant for strangers.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from aviso.relay.status import Status

READ_TIMEOUT_S = 5
MOST_HEAD_BYTES = 16 * 1024
MOST_PROBLEMS = 20


async def serve_health(bind: tuple[str, int], status: Status) -> asyncio.Server:
    """Listen on `bind`. Raises OSError if the address is taken."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_respond(head, status))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return
        except asyncio.LimitOverrunError:
            writer.write(_build(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "", b""))
        finally:
            writer.close()

    host, port = bind
    return await asyncio.start_server(
        answer, host.strip("[]"), port, limit=MOST_HEAD_BYTES
    )


def _respond(head: bytes, status: Status) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in {b"GET", b"HEAD"}:
        return _build(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"GET only\n")
    if path == b"/healthz":
        code, body = describe_health(status)
        return _build(code, "application/json", body)
    if path == b"/metrics":
        body = generate_latest(status.metrics.registry)
        return _build(HTTPStatus.OK, CONTENT_TYPE_LATEST, body)
    return _build(HTTPStatus.NOT_FOUND, "text/plain", b"/healthz or /metrics\n")


def describe_health(status: Status) -> tuple[HTTPStatus, bytes]:
    """Tell whether this process does its duty, as active or as standby.

    200 while its database session lives, whatever the broker does: a relay without a
    broker numbers, keeps trying and loses nothing, and starting it anew helps nobody.
    503 while it is neither, and while the broker belongs to another database, which is
    the sentence in `refusal`: a person has to decide then. `problems` names some feeds
    of which nothing can be sent, `tables` some tracked tables that are not as they
    were.
    """
    is_there = status.role in {"active", "standby"} and status.has_database()
    is_well = is_there and status.refusal is None
    body = {
        "status": "ok" if is_well else "unavailable",
        "role": status.role,
        "database": "connected" if status.has_database() else "lost",
        "broker": status.broker,
        "refusal": status.refusal,
        "problems": dict(sorted(status.problems.items())[:MOST_PROBLEMS]),
        "tables": dict(sorted(status.tables.items())[:MOST_PROBLEMS]),
    }
    code = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    return code, json.dumps(body).encode() + b"\n"


def _build(code: HTTPStatus, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.0 {code.value} {code.phrase}\r\n"
        f"Content-Type: {content_type or 'text/plain'}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
