"""/healthz, /readyz and /metrics."""

from __future__ import annotations

import re

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.api import Api, publish_events

pytestmark = pytest.mark.django_db


def _metric(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


def _break_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(connection, "cursor", fail)


def test_the_process_is_alive_without_its_database(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_database(monkeypatch)

    assert 200 == anonymous.get("/healthz").status


def test_it_is_ready_when_the_database_is_migrated(anonymous: Api) -> None:
    assert 200 == anonymous.get("/readyz").status


def test_it_is_not_ready_without_a_migration(anonymous: Api) -> None:
    MigrationRecorder.Migration.objects.filter(
        app="aviso", name="0006_parked_events"
    ).delete()

    problem = anonymous.get("/readyz").problem(503)

    assert "aviso.0006_parked_events" in problem["detail"]


def test_it_is_not_ready_without_its_database(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_database(monkeypatch)

    anonymous.get("/readyz").problem(503)


def test_the_outbox_is_measured(anonymous: Api, orders: Feed) -> None:
    empty = anonymous.get("/metrics").content.decode()
    assert 0 == _metric(empty, "aviso_outbox_events")
    assert 0 == _metric(empty, "aviso_outbox_oldest_seconds")

    for _ in range(3):
        Record.objects.create(feed=orders, data={})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE aviso.events SET time = time - interval '1 day'")

    publish_events(orders=1)
    Record.objects.create(feed=orders, data={})

    filled = anonymous.get("/metrics").content.decode()
    assert 3 == _metric(filled, "aviso_outbox_events")
    assert 1 <= _metric(filled, "aviso_outbox_oldest_seconds") / 86_400 < 2


def test_metrics_come_without_the_database_too(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_database(monkeypatch)

    text = anonymous.get("/metrics").content.decode()

    assert 0 == _metric(text, "aviso_database_up")
    assert "aviso_outbox_events" not in text


def test_requests_are_counted_by_route_and_not_by_address(
    anonymous: Api, orders: Feed
) -> None:
    anonymous.get("feeds/orders/")

    text = anonymous.get("/metrics").content.decode()

    label = 'method="GET",status="200",view="/api/v1/feeds/<feed:feed>/"'
    assert _metric(text, f"aviso_request_seconds_count{{{label}}}") >= 1
