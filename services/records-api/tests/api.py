"""A small driver of the REST interface, for the tests of every endpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import HttpResponse
from django.http.response import ResponseHeaders
from django.test import Client
from django.test.client import ClientHandler

from aviso.access.keys import Rights, create_key
from aviso.events.models import Event
from aviso.monitoring.requests import note_answer
from aviso.outbox.queue import _NEW, _NUMBER
from aviso.records.hot_write import write_at_once
from aviso.records.models import Record

JSON = "application/json"
NUMBER_ALL = _NEW + _NUMBER


class _Handler(ClientHandler):
    """Django's own for tests, behind the way of most writes, as gunicorn has it."""

    def __call__(self, environ: dict[str, Any]) -> Any:
        answered: list[Any] = []
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def framework(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            response = super(_Handler, self).__call__(environ)
            answered.append(response)
            line = f"{response.status_code} {response.reason_phrase}"
            start_response(line, list(response.items()))
            return []

        application = write_at_once(framework, note_answer)
        body = application(environ, lambda *said: started.append(said))
        if answered:
            return answered[-1]
        line, headers = started[-1]
        response = HttpResponse(b"".join(body), status=int(line[:3]))
        response.headers = ResponseHeaders(dict(headers))
        response.wsgi_request = WSGIRequest(environ)  # type: ignore[attr-defined]
        return response


class _Client(Client):
    def __init__(self) -> None:
        super().__init__(raise_request_exception=False)
        self.handler = _Handler()


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    def problem(self, status: int) -> dict[str, Any]:
        """Return the problem, after a look at what every problem has."""
        assert (status, "application/problem+json") == (
            self.status,
            self.headers["Content-Type"],
        ), self.content
        body: dict[str, Any] = self.body
        assert status == body["status"]
        assert body["type"].startswith("urn:aviso:problem:")
        assert body["title"]
        assert body["detail"]
        return body


@dataclass(frozen=True, slots=True)
class Api:
    """Calls with a key, if there is one; paths are below /api/v1/."""

    key: str | None = None
    client: Client = field(default_factory=_Client)

    def get(self, path: str, **headers: str) -> Reply:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Reply:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Reply:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Reply:
        return self.call("DELETE", path, **headers)

    def call(self, method: str, path: str, body: Any = b"", **headers: str) -> Reply:
        """Send bytes as they are, and anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            names.setdefault("Authorization", f"Bearer {self.key}")
        response = self.client.generic(
            method,
            path if path.startswith("/") else f"/api/v1/{path}",
            content,
            content_type=names.pop("Content-Type", JSON),
            headers=names,
        )
        return Reply(response.status_code, dict(response.items()), b"".join(response))


def make_api(**rights: Any) -> Api:
    """Make a caller with a new key; without rights it may do everything."""
    everything = dict.fromkeys(["all_feeds", "read", "write", "manage", "grant"], True)
    _, text = create_key(name="test", rights=Rights(**(rights or everything)))
    return Api(text)


def number_events() -> None:
    """Give each event in the queue its sequence, by the relay's own statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            NUMBER_ALL,
            {"xmax": 0, "in_progress": [], "page": 100_000, "inline": 0, "busy": []},
        )


def publish_events(**published: int) -> None:
    """Number all events, and have each feed published, or up to what is said of it."""
    number_events()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE aviso.feed_progress AS p SET published = sequence"
            " FROM aviso.feed_heads AS h WHERE h.feed = p.feed"
        )
        for feed, up_to in published.items():
            cursor.execute(
                "UPDATE aviso.feed_progress SET published = %s WHERE feed = %s",
                [up_to, feed],
            )


def nothing_written() -> bool:
    return not Record.objects.exists() and not Event.objects.exists()
