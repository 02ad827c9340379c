"""The service as it runs: gunicorn with its workers, on a port, over HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from aviso.access.keys import Rights, create_key
from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.feeds.reading import MAX_HEADS
from aviso.records.models import Record
from tests.serving import DEADLINE_S, Server, serving

pytestmark = pytest.mark.django_db(transaction=True)
RECORDS = "/api/v1/feeds/orders/records/"


@pytest.fixture
def key(orders: Feed) -> dict[str, str]:
    rights = Rights(all_feeds=True, read=True, write=True, manage=True)
    _, text = create_key(name="test", rights=rights)
    return {"Authorization": f"Bearer {text}"}


def _head(key: dict[str, str], *, length: int) -> bytes:
    lines = [
        f"POST {RECORDS} HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {length}",
        "Content-Type: application/json",
        f"Authorization: {key['Authorization']}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def _connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S)


def _chunks(piece: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield piece


def test_as_many_heads_as_may_be_asked_for_fit_in_a_request(server: Server) -> None:
    slugs = [f"{n:03}-{'x' * 60}" for n in range(MAX_HEADS)]
    Feed.objects.bulk_create(Feed(slug=slug) for slug in slugs)

    status, body = server.call("GET", f"/api/v1/heads/?feeds={'%2C'.join(slugs)}")

    assert (200, slugs) == (status, [h["slug"] for h in json.loads(body)["results"]])


def test_a_chunked_request_is_read(server: Server, key: dict[str, str]) -> None:
    body = iter([b'{"data":', b' {"n": 1}}'])

    status, _ = server.call(
        "POST", RECORDS, body, **key, **{"Transfer-Encoding": "chunked"}
    )

    assert 201 == status
    assert {"n": 1} == Record.objects.get().data


def test_a_chunked_request_over_8_mib_is_refused(
    server: Server, key: dict[str, str]
) -> None:
    body = _chunks(b" " * 65536, 130)

    status, answer = server.call(
        "POST", RECORDS, body, **key, **{"Transfer-Encoding": "chunked"}
    )

    assert (413, 413) == (status, json.loads(answer)["status"])
    assert not Record.objects.exists()


def test_a_long_request_is_refused_before_it_is_sent(
    server: Server, key: dict[str, str]
) -> None:
    with _connect(server) as peer:
        peer.sendall(_head(key, length=999_999_999))
        answer = peer.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_breaks_off_writes_nothing(
    server: Server, key: dict[str, str]
) -> None:
    with _connect(server) as peer:
        peer.sendall(_head(key, length=50) + b'{"data": {}}')
        peer.shutdown(socket.SHUT_WR)
        answer = peer.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert not Record.objects.exists()


def test_metrics_count_the_requests_of_all_workers(server: Server) -> None:
    before = server.count_requests("connection")
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(lambda _: server.call("GET", "/api/v1/connection/"), range(40))
        )

    assert before + 40 == server.count_requests("connection")


def test_every_line_of_the_log_is_json_and_has_no_key_or_data(
    server: Server, key: dict[str, str]
) -> None:
    before = len(server.log.read_text())
    server.call("POST", RECORDS, b'{"data": {"word": "in-no-log"}}', **key)
    server.call("POST", RECORDS, b'{"data": {"word": "in-no-log",}}', **key)

    text = server.log.read_text()[before:]

    lines = [json.loads(line) for line in text.splitlines()]
    statuses = [line["status"] for line in lines if line.get("path") == RECORDS]
    assert [201, 400] == statuses
    assert "in-no-log" not in text
    assert key["Authorization"].rpartition("_")[2] not in text


def test_nothing_stays_behind_under_home_or_tmp(
    key: dict[str, str], tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        server.call("GET", "/metrics")

    assert ["log"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_restarted_database_costs_at_most_the_requests_meanwhile(
    server: Server, key: dict[str, str]
) -> None:
    """Ends every connection, as PostgreSQL does when it restarts."""
    for _ in range(20):
        assert 201 == server.call("POST", RECORDS, b'{"data": {}}', **key)[0]
    with connection.cursor() as cursor:
        cursor.execute(
            # Waits for each end: a request of that very moment may well fail.
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE"
            " datname = current_database() AND pid <> pg_backend_pid()"
        )

    statuses = {
        server.call("POST", RECORDS, b'{"data": {}}', **key)[0] for _ in range(20)
    }

    assert {201} == statuses
    assert (40, 40) == (Record.objects.count(), Event.objects.count())
