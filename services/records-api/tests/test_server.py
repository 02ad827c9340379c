"""The service as it runs: gunicorn with its workers, on a port, over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aviso_native.addresses import find_free_port
from django.db import connection

from aviso.access.keys import Rights, create_key
from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.feeds.reading import MAX_HEADS
from aviso.records.models import Record

pytestmark = pytest.mark.django_db(transaction=True)
SERVICE = Path(__file__).resolve().parents[1]
_DEADLINE_S = 60
RECORDS = "/api/v1/feeds/orders/records/"


class Server:
    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port = port
        self.process = process

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, bytes]:
        peer = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_DEADLINE_S)
        try:
            peer.request(
                method,
                path,
                body,
                {"Content-Type": "application/json", **headers},
                encode_chunked="Transfer-Encoding" in headers,
            )
            response = peer.getresponse()
            return response.status, response.read()
        finally:
            peer.close()


@contextmanager
def serving(folder: Path, database_url: str = "") -> Iterator[Server]:
    """Serve from the tests' database, or from another one."""
    port = find_free_port()
    made = connection.settings_dict
    url = (
        f"postgresql://{made['USER']}:{made['PASSWORD']}@{made['HOST']}:{made['PORT']}"
    )
    environment = {
        **os.environ,
        "AVISO_BIND": f"127.0.0.1:{port}",
        "AVISO_DATABASE_URL": database_url or f"{url}/{made['NAME']}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "records_api.wsgi"],
            cwd=SERVICE,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    server = Server(port, process)
    try:
        _wait_until_ready(server, folder / "log")
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_DEADLINE_S)


def _wait_until_ready(server: Server, log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if server.call("GET", "/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the service did not start:\n{log.read_text()}")


@pytest.fixture
def key(orders: Feed) -> dict[str, str]:
    rights = Rights(all_feeds=True, read=True, write=True, manage=True)
    _, text = create_key(name="test", rights=rights)
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def server(key: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as server:
        yield server


def _head(key: dict[str, str], *, length: int) -> bytes:
    lines = [
        f"POST {RECORDS} HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {length}",
        "Content-Type: application/json",
        f"Authorization: {key['Authorization']}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


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
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as peer:
        peer.sendall(_head(key, length=999_999_999))
        answer = peer.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_breaks_off_writes_nothing(
    server: Server, key: dict[str, str]
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as peer:
        peer.sendall(_head(key, length=50) + b'{"data": {}}')
        peer.shutdown(socket.SHUT_WR)
        answer = peer.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert not Record.objects.exists()


def test_metrics_count_the_requests_of_all_workers(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(lambda _: server.call("GET", "/api/v1/connection/"), range(40))
        )

    text = server.call("GET", "/metrics")[1].decode()

    (line,) = (
        line
        for line in text.splitlines()
        if line.startswith("aviso_request_seconds_count") and "connection" in line
    )
    assert 40 == float(line.split()[-1])


def test_every_line_of_the_log_is_json_and_has_no_key_or_data(
    server: Server, key: dict[str, str], tmp_path: Path
) -> None:
    server.call("POST", RECORDS, b'{"data": {"word": "in-no-log"}}', **key)
    server.call("POST", RECORDS, b'{"data": {"word": "in-no-log",}}', **key)

    text = (tmp_path / "log").read_text()

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
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE"
            " datname = current_database() AND pid <> pg_backend_pid()"
        )

    statuses = {
        server.call("POST", RECORDS, b'{"data": {}}', **key)[0] for _ in range(20)
    }

    assert {201} == statuses
    assert (40, 40) == (Record.objects.count(), Event.objects.count())
