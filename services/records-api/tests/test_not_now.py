"""What the database refuses: for a while it is 503, by the writer's fault it is 4xx."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from psycopg import errors

from aviso.database.failures import Failure, classify
from aviso.feeds.models import Feed
from tests.api import Api

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"
NOT_NOW = [
    "25006", "25P03", "55P03", "55006", "08006", "08003", "40001", "40P01", "53100",
    "53200", "53300", "57014", "57P01", "57P03", "58000", "58030",
]  # fmt: skip


NOT_NOW_CLASSES = ("08", "40", "53", "57", "58")


def _refuse_writes(sqlstate: str, table: str = "records") -> None:
    """Have PostgreSQL itself end each write to a table with this SQLSTATE."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION pg_temp.refuse() RETURNS trigger"
            " LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}',"
            " DETAIL = 'in-no-answer'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refusing BEFORE INSERT OR UPDATE OR DELETE"
            f" ON aviso.{table} FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse()"
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


@pytest.mark.parametrize("sqlstate", ["25006", "55P03", "57P01"])
def test_so_it_is_for_feeds_and_readers(api: Api, orders: Feed, sqlstate: str) -> None:
    reader = "feeds/orders/readers/"
    api.post(reader, {"reader": "ada@localhost"})
    _refuse_writes(sqlstate, "feeds")
    _refuse_writes(sqlstate, "readers")

    for method, where, body in [
        ("POST", "feeds/", {"slug": "made"}),
        ("PATCH", "feeds/orders/", {"title": "made"}),
        ("POST", reader, {"reader": "bob@localhost"}),
        ("DELETE", f"{reader}ada@localhost/", b""),
    ]:  # fmt: skip
        reply = api.call(method, where, body)
        reply.problem(503)
        assert int(reply.headers["Retry-After"]) > 0, (method, where)


def test_no_code_of_those_classes_is_forgotten() -> None:
    codes = {
        each.sqlstate
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.Error) and each.sqlstate
    }
    wanted = {code for code in codes if code.startswith(NOT_NOW_CLASSES)}
    assert len(wanted) > 25

    for code in wanted | set(NOT_NOW):
        exc = OperationalError()
        exc.__cause__ = errors.lookup(code)()
        assert Failure.NOT_NOW is classify(exc), code


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
