"""What the database refuses: for a while it is 503, by the writer's fault it is 4xx."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from aviso.feeds.models import Feed
from tests.api import Api

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"
NOT_NOW = [
    "25006", "25P03", "55P03", "55006", "08006", "08003", "40001", "40P01", "53100",
    "53200", "53300", "57014", "57P01", "57P03", "58000", "58030",
]  # fmt: skip


def _refuse_writes(sqlstate: str) -> None:
    """Have PostgreSQL itself end each write to records with this SQLSTATE."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}',"
            " DETAIL = 'in-no-answer'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refusing BEFORE INSERT OR UPDATE OR DELETE ON aviso.records"
            " FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()"
        )


@pytest.mark.parametrize("sqlstate", NOT_NOW)
def test_what_will_pass_is_503_with_retry_after(
    api: Api, orders: Feed, sqlstate: str
) -> None:
    path = f"{PATH}{api.post(PATH, {'data': {}}).body['id']}/"
    _refuse_writes(sqlstate)

    for method, where in [
        ("POST", PATH), ("PUT", path), ("PATCH", path), ("DELETE", path),
    ]:  # fmt: skip
        reply = api.call(method, where, {"data": {"a": 1}})
        reply.problem(503)
        assert int(reply.headers["Retry-After"]) > 0
    for body in [[{"data": {}}] * 3, {"id": str(uuid.uuid4()), "data": {}}]:
        api.post(PATH, body).problem(503)


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [("22003", 400), ("22P05", 400), ("54000", 400), ("23514", 409), ("23P01", 409)],
)
def test_what_is_the_writers_fault_is_4xx_and_says_what_postgresql_said(
    api: Api, orders: Feed, sqlstate: str, status: int
) -> None:
    _refuse_writes(sqlstate)

    reply = api.post(PATH, {"data": {"a": 1}})

    assert "no" in reply.problem(status)["detail"]
    assert b"in-no-answer" not in reply.content


def test_what_is_nobodys_fault_but_the_services_is_500(api: Api, orders: Feed) -> None:
    _refuse_writes("XX000")

    api.post(PATH, {"data": {}}).problem(500)


def test_the_admin_site_says_503_too(orders: Feed) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("admin"))
    _refuse_writes("25006")

    form = {"feed": "orders", "text": "{}"}
    page = client.post("/admin/aviso/record/add/", form)

    assert 503 == page.status_code
    assert int(page.headers["Retry-After"]) > 0
    assert "again" in page.content.decode()
