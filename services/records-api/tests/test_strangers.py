"""What strangers do slowly or at great cost, to the service as it runs."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from django.db import connection, transaction

from aviso.database.limits import limit_statements
from aviso.records.models import Record
from tests.serving import DEADLINE_S, Server, serving
from tests.test_server import RECORDS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("orders"),
]
# More than all workers have threads.
MANY = 40


def send(
    server: Server, opened: ExitStack, text: str, buffer_bytes: int = 0
) -> socket.socket:
    peer = opened.enter_context(socket.socket())
    if buffer_bytes:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    peer.settimeout(DEADLINE_S)
    peer.connect(("127.0.0.1", server.port))
    peer.sendall(text.encode())
    return peer


def post(path: str, *lines: str, kind: str = "application/json") -> str:
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", *lines]
    return "".join(f"{line}\r\n" for line in [*head, ""])


@pytest.mark.parametrize("path", ["/api/v1/feeds/", RECORDS, "/api/v1/tickets/"])
@pytest.mark.parametrize("key", [[], ["Authorization: Bearer aviso_0000_wrong"]])
def test_no_body_is_read_before_its_sender_is_known(
    path: str, key: list[str], server: Server
) -> None:
    with ExitStack() as opened:
        started = post(path, *key, "Transfer-Encoding: chunked") + "1\r\n[\r\n"
        peer = send(server, opened, started)

        assert peer.recv(4096).startswith(b"HTTP/1.1 401")


def test_no_form_is_read_that_is_not_there_already(server: Server) -> None:
    cookie = f"Cookie: csrftoken={'a' * 32}"
    form = "application/x-www-form-urlencoded"
    chunked = post("/admin/login/", cookie, "Transfer-Encoding: chunked", kind=form)
    long = post("/admin/login/", cookie, "Content-Length: 200000", kind=form)
    with ExitStack() as opened:
        answers = [
            send(server, opened, text + "a=").recv(4096)[:12]
            for text in [chunked, long]
        ]

    assert [b"HTTP/1.1 411", b"HTTP/1.1 413"] == answers


def test_slow_readers_of_large_answers_leave_threads_for_others(
    tmp_path: Path,
) -> None:
    Record.objects.bulk_create(
        Record(feed_id="orders", data={"text": "x" * 60_000}) for _ in range(80)
    )
    request = f"GET {RECORDS}?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    # It ends with this test: one that goes on reads for some of them after that, and
    # may be in a deadlock with whoever empties the tables for the next test.
    with serving(tmp_path) as server, ExitStack() as opened:
        for _ in range(MANY):
            send(server, opened, request, buffer_bytes=4096)

        assert 200 == server.call("GET", "/api/v1/connection/")[0]


@pytest.mark.parametrize(
    ("tables", "lists"),
    [
        ("records, aviso.events", [RECORDS, "/api/v1/feeds/orders/events/"]),
        ("feed_progress", ["/api/v1/feeds/"]),
    ],
)
def test_a_strangers_statements_end_after_their_time(
    tables: str, lists: list[str], server: Server
) -> None:
    """Before a wait for a lock would: that is 503 too, and another problem."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE aviso.{tables}")
        with ThreadPoolExecutor() as threads:
            answers = list(threads.map(lambda path: server.call("GET", path), lists))

    assert {503} == {status for status, _ in answers}
    problems = {json.loads(answer)["type"] for _, answer in answers}
    assert {"urn:aviso:problem:too-slow"} == problems


def test_every_statement_of_a_request_has_its_time() -> None:
    made = connection.settings_dict
    database = {"OPTIONS": {"options": "-c lock_timeout=7"}}
    limit_statements(database)

    with psycopg.connect(
        host=made["HOST"],
        port=made["PORT"],
        user=made["USER"],
        password=made["PASSWORD"],
        dbname=made["NAME"],
        options=database["OPTIONS"]["options"],
    ) as limited:
        shown = limited.execute(
            "SELECT current_setting('statement_timeout'),"
            " current_setting('lock_timeout'),"
            " current_setting('idle_in_transaction_session_timeout')"
        ).fetchone()

    assert ("20s", "7ms", "1min") == shown


def test_an_invented_method_makes_no_time_series(server: Server) -> None:
    before = server.count_requests('"other"')
    for number in range(20):
        server.call(f"AAA{number}", "/api/v1/connection/")
        server.call(f"AAA{number}", f"/{number}")

    assert "AAA" not in server.call("GET", "/metrics")[1].decode()
    assert before + 40 == server.count_requests('"other"')
