"""Callers who go away before they are answered, as the service runs."""

from __future__ import annotations

import http.client
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from aviso.access.keys import Rights, create_key
from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.relay.drivers import eventually
from tests.serving import Server, database_url, serving
from tests.test_server import RECORDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(orders: Feed) -> dict[str, str]:
    rights = Rights(all_feeds=True, read=True, write=True)
    _, text = create_key(name="test", rights=rights)
    return {"Authorization": f"Bearer {text}"}


def send(
    server: Server, method: str, path: str, headers: dict[str, str]
) -> http.client.HTTPConnection:
    """Ask, and do not wait for the answer."""
    caller = http.client.HTTPConnection("127.0.0.1", server.port)
    caller.request(
        method, path, b'{"data": {}}', {"Content-Type": "application/json", **headers}
    )
    return caller


def count_waiting() -> int:
    """Count the service's statements that wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name = 'aviso-records-api' AND datname = %s",
            [connection.settings_dict["NAME"]],
        )
        return int(cursor.fetchone()[0])


def test_what_is_read_ends_with_its_caller_and_what_is_written_does_not(
    tmp_path: Path, key: dict[str, str]
) -> None:
    url = database_url()
    patient = f"{url}?options=-c%20lock_timeout%3D0%20-c%20statement_timeout%3D0"
    with serving(tmp_path, patient) as server:
        with psycopg.connect(url) as other, ExitStack() as callers:
            other.execute("LOCK TABLE aviso.records")
            asked = [
                send(server, "POST", RECORDS, key),
                send(server, "GET", f"{RECORDS}?data.a=1", key),
                send(server, "HEAD", RECORDS, key),
            ]
            for each in asked:
                callers.callback(each.close)
            eventually(lambda: count_waiting() == 3)

            for each in asked:
                each.close()

            eventually(lambda: server.count_requests('status="499"') == 2)
            assert 1 == count_waiting()

        eventually(lambda: Record.objects.count() == 1)
