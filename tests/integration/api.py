"""The REST API over plain HTTP: one connection, kept open."""

from __future__ import annotations

import http.client
import json
import uuid
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        return self.headers.get_content_type()


class Api:
    """Calls as the owner of `key`; with an empty key, as a guest."""

    def __init__(self, url: str, key: str = "") -> None:
        self._key = key
        self._host = urlsplit(url).netloc
        self._connection: http.client.HTTPConnection | None = None

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request. Bytes go out as they are, everything else as JSON."""
        sent = {"Accept": "application/json"}
        if self._key:
            sent["Authorization"] = f"Bearer {self._key}"
        content: bytes | None = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        return self._exchange(method, path, content, sent | (headers or {}))

    def _exchange(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str]
    ) -> Answer:
        is_reused = self._connection is not None
        connection = self._connection or http.client.HTTPConnection(
            self._host, timeout=60
        )
        self._connection = connection
        url = path if path.startswith("/") else f"/api/v1/{path}"
        try:
            connection.request(method, url, content, headers)
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            self.close()
            if not is_reused:
                raise
            # The server may end an idle connection at any time.
            return self._exchange(method, path, content, headers)
        return Answer(response.status, response.headers, response.read())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> Any:
        """Return what stands at `path`; anything but 200 is a failure."""
        answer = self.call("GET", path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    def create_feed(self, slug: str, **fields: object) -> Any:
        answer = self.call("POST", "feeds/", {"slug": slug, "title": slug} | fields)
        assert answer.status == 201, (answer.status, answer.body)
        return answer.json

    def change_feed(self, slug: str, **fields: object) -> None:
        answer = self.call("PATCH", f"feeds/{slug}/", fields)
        assert answer.status == 200, (answer.status, answer.body)

    def grant(self, feed: str, reader: str) -> None:
        """Let a reader in, by his bare JID."""
        answer = self.call("POST", f"feeds/{feed}/readers/", {"reader": reader})
        assert answer.status in (200, 201), (answer.status, answer.body)

    def revoke(self, feed: str, reader: str) -> None:
        answer = self.call("DELETE", f"feeds/{feed}/readers/{reader}/")
        assert answer.status == 204, (answer.status, answer.body)

    def write(self, feed: str, data: object) -> Any:
        """Write one record and return it."""
        answer = self.call("POST", f"feeds/{feed}/records/", {"data": data})
        assert answer.status == 201, (answer.status, answer.body)
        return answer.json

    def write_all(self, feed: str, items: list[object]) -> list[str]:
        """Write a list in one request and return the ids."""
        body = [{"data": data} for data in items]
        answer = self.call("POST", f"feeds/{feed}/records/", body)
        assert answer.status == 201, (answer.status, answer.body)
        ids: list[str] = answer.json["ids"]
        return ids

    def head(self, feed: str) -> int:
        head: int = self.get(f"feeds/{feed}/")["head"]
        return head

    def all_events(self, feed: str) -> list[dict[str, Any]]:
        """Every event of the feed, in the order that REST gives them."""
        events: list[dict[str, Any]] = []
        while True:
            page = self.get(f"feeds/{feed}/events/?after={len(events)}&limit=1000")
            events += page["events"]
            if not page["events"]:
                return events


def new_slug(name: str = "feed") -> str:
    return f"{name[:40]}-{uuid.uuid4().hex[:8]}"
