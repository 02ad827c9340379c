"""/healthz and /metrics over HTTP, on the pusher's own loop.

Answers GET and nothing else; it is meant for loopback and for the container network.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from .metrics import Metrics

_TIMEOUT_S: Final = 5.0
_MAX_REQUEST_BYTES: Final = 8192
_REASONS: Final = {200: "OK", 404: "Not Found", 405: "Method Not Allowed"}


@dataclass(frozen=True)
class Link:
    """A connection as /healthz tells of it; ``connections`` counts the successes."""

    is_connected: bool
    connections: int


@dataclass(frozen=True)
class Health:
    metrics: Metrics
    links: Callable[[], dict[str, Link]]
    rooms: Callable[[], int]
    problems: Callable[[], dict[str, str]]
    queues: Callable[[], list[str]]
    waiting: Callable[[], int]

    async def serve(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(
            self._answer, host, port, limit=_MAX_REQUEST_BYTES
        )

    def report(self) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of /healthz; 200 when both ends are up."""
        links = self.links()
        is_well = all(link.is_connected for link in links.values())
        return 200 if is_well else 503, {
            "status": "ok" if is_well else "disconnected",
            **{
                name: "connected" if link.is_connected else "disconnected"
                for name, link in links.items()
            },
            "queues": self.queues(),
            "rooms": self.rooms(),
            "problems": self.problems(),
        }

    def collect(self) -> bytes:
        for name, link in self.links().items():
            self.metrics.connected.labels(name).set(link.is_connected)
            self.metrics.reconnects.labels(name).set(max(0, link.connections - 1))
        self.metrics.queues.set(len(self.queues()))
        self.metrics.rooms.set(self.rooms())
        self.metrics.waiting.set(self.waiting())
        return generate_latest(self.metrics.registry)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._respond(head))
                await writer.drain()
        except (
            TimeoutError,
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass  # whoever asked has gone, or was not speaking HTTP
        finally:
            writer.close()

    def _respond(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _write(405, "text/plain", b"GET only\n")
        if path == b"/healthz":
            status, report = self.report()
            return _write(status, "application/json", json.dumps(report).encode())
        if path == b"/metrics":
            return _write(200, CONTENT_TYPE_LATEST, self.collect())
        return _write(404, "text/plain", b"/healthz or /metrics\n")


def _write(status: int, content_type: str, body: bytes) -> bytes:
    reason = _REASONS.get(status, "Service Unavailable")
    head = (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
