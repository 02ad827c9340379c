"""Numbers keep their digits: from every writer to the database, and from it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.api import Api, number_events

pytestmark = pytest.mark.django_db
PATH = "feeds/orders/records/"
KEY = "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"
PI = "3.14159265358979323846264338327950288419716939937510"
# What is written, and what PostgreSQL's numeric makes of it.
NUMBERS = {
    "1234567890123456789": "1234567890123456789",
    PI: PI,
    "0.1000000000000000055511151231257827021181583404541015625": (
        "0.1000000000000000055511151231257827021181583404541015625"
    ),
    "1e400": "1" + "0" * 400,
    "-1.5E-330": "-0." + "0" * 329 + "15",
    "9" * 5000: "9" * 5000,
    "1.0": "1.0",
    "100.00": "100.00",
    "1e2": "100",
    "-0": "0",
    "-0.0": "0.0",
    "0e5": "0",
}
REFUSED = ["1e131072", "1e999999999999", "1e-16384", "0." + "0" * 16383 + "1"]


@pytest.fixture(autouse=True)
def _orders(orders: Feed) -> None:
    """Have the feed for every test here."""


def _write(number: str) -> bytes:
    return f'{{"data": {{"n": {number}, "deep": [[{number}]]}}}}'.encode()


def _stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT data->>'n', data#>>'{deep,0,0}' FROM aviso.records")
        ((plain, deep),) = cursor.fetchall()
    assert plain == deep
    return str(plain)


@pytest.mark.parametrize(("written", "kept"), NUMBERS.items())
@pytest.mark.parametrize("method", ["POST", "list", "PUT", "PATCH"])
def test_a_number_reaches_the_database_and_every_answer_with_its_digits(
    api: Api, anonymous: Api, method: str, written: str, kept: str
) -> None:
    path, body = PATH, _write(written)
    if method == "list":
        body = b"[" + body + b"]"
    elif method != "POST":
        path = f"{PATH}{api.post(PATH, {'data': {'n': 7}}).body['id']}/"
    reply = api.call("POST" if method == "list" else method, path, body)

    assert reply.status in {200, 201}, reply.content
    assert kept == _stored()
    number_events()
    shown = f'"n": {kept}'.encode()
    assert method == "list" or shown in reply.content
    for read in [PATH, "feeds/orders/events/"]:
        assert shown in anonymous.get(read).content


@pytest.mark.parametrize("number", REFUSED)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_number_that_the_database_can_not_hold_is_refused(
    api: Api, method: str, number: str
) -> None:
    path = PATH
    if method != "POST":
        path = f"{PATH}{api.post(PATH, {'data': {'n': 7}}).body['id']}/"

    problem = api.call(method, path, _write(number)).problem(400)

    assert "digits" in problem["detail"]
    assert len(problem["detail"]) < 300


def test_a_number_that_takes_the_record_over_its_size_is_too_large(api: Api) -> None:
    api.post(PATH, _write("1e70000")).problem(413)


def test_the_same_number_in_other_words_is_the_same_write(api: Api) -> None:
    def write(number: str) -> bytes:
        return f'{{"id": "{KEY}", "data": {{"n": {number}}}}}'.encode()

    first = api.post(PATH, write("120.0"), Idempotency_Key="k1")

    for same in ["120", "1.2e2", "120.000", "12E1"]:
        assert first.body == api.post(PATH, write(same)).body
        again = api.post(PATH, write(same), Idempotency_Key="k1")
        assert first.content == again.content
    api.post(PATH, write("120.00000000000000000001")).problem(409)
    other = write("120.00000000000000000001")
    api.post(PATH, other, Idempotency_Key="k1").problem(422)


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ('{"type": "integer"}', ["1.0", "1e400", "-0.0"], ["1.5", "1e-5"]),
        ('{"type": "number"}', ["1.0", PI], ['"1.0"']),
        ('{"maximum": 1e400}', ["1e400", "1"], ["1.0001e400"]),
        (f'{{"minimum": {PI}}}', [PI], [f"{PI[:-2]}0"]),
        (f'{{"const": {PI}}}', [PI, f"{PI}0"], [PI[:-2]]),
        ('{"enum": [1e400, 2]}', ["1e400", "2.0"], ["1e401", "true"]),
        ('{"multipleOf": 0.1}', ["0.3", "1e400", "7"], ["0.35", "0.1e-400"]),
        ('{"multipleOf": 1e-300}', ["1e400", "3.0"], ["1e-301"]),
        ('{"multipleOf": 7}', ["14.0", "7e1000"], ["1e400"]),
        ('{"uniqueItems": true}', ["[1, 2.0]", f"[{PI}, {PI}1]"], ["[1, 1.0]"]),
    ],
)  # fmt: skip
def test_a_schema_sees_every_digit(
    api: Api, schema: str, right: list[str], wrong: list[str]
) -> None:
    body = f'{{"schema": {{"properties": {{"n": {schema}}}}}}}'
    assert 200 == api.patch("feeds/orders/", body.encode()).status

    for number in right:
        reply = api.post(PATH, f'{{"data": {{"n": {number}}}}}'.encode())
        assert 201 == reply.status, reply.content
    for number in wrong:
        problem = api.post(PATH, f'{{"data": {{"n": {number}}}}}'.encode()).problem(422)
        assert "Decimal" not in problem["detail"]


def test_a_schema_that_names_its_dialect_sees_every_digit_in_its_references(
    api: Api,
) -> None:
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schema = {
        "$schema": dialect,
        "properties": {"child": {"$ref": "#"}},
        "additionalProperties": {"type": "integer"},
    }
    api.patch("feeds/orders/", {"schema": schema})

    assert 201 == api.post(PATH, b'{"data": {"child": {"n": 1.0}}}').status
    api.post(PATH, b'{"data": {"child": {"n": 1.5}}}').problem(422)


def test_a_schema_keeps_the_digits_of_its_own(api: Api, tmp_path: Path) -> None:
    schema = f'{{"maximum": 1e400, "minimum": {PI}}}'
    api.post("feeds/", f'{{"slug": "posted", "schema": {schema}}}'.encode())
    (tmp_path / "schema").write_text(schema)
    call_command("create_feed", "made", schema=str(tmp_path / "schema"))

    for feed in ["posted", "made"]:
        content = api.get(f"feeds/{feed}/").content
        assert PI.encode() in content
        assert b"1" + b"0" * 400 in content


def test_a_filter_finds_a_number_by_its_digits(api: Api) -> None:
    api.post(PATH, _write("1e400"))
    api.post(PATH, _write(PI))

    for number in ["1e400", PI, f"{PI}0"]:
        assert 1 == len(api.get(f"{PATH}?data.n={number}").body["results"])
    for number in [PI[:17], "1e999999999", "1" * 5000]:
        assert [] == api.get(f"{PATH}?data.n={number}").body["results"]


@pytest.mark.parametrize(("written", "kept"), NUMBERS.items())
def test_the_admin_site_writes_and_shows_every_digit(
    client: Client, written: str, kept: str
) -> None:
    client.force_login(User.objects.create_superuser("admin"))
    text = f'{{"n": {written}, "deep": [[{written}]]}}'

    form = {"feed": "orders", "text": text}
    client.post("/admin/aviso/record/add/", form)

    assert kept == _stored()
    record, event = Record.objects.get(), Event.objects.get()
    for page in [f"record/{record.pk}", f"event/{event.pk}"]:
        shown = client.get(f"/admin/aviso/{page}/change/").content.decode()
        assert f"&quot;n&quot;: {kept}" in shown


def test_the_admin_site_refuses_a_number_that_the_database_can_not_hold(
    client: Client,
) -> None:
    client.force_login(User.objects.create_superuser("admin"))

    for number in REFUSED:
        form = {"feed": "orders", "text": f'{{"n": {number}}}'}
        page = client.post("/admin/aviso/record/add/", form)
        assert "digits" in page.content.decode()


def test_a_record_read_and_saved_in_python_keeps_what_was_not_touched(
    api: Api,
) -> None:
    api.post(PATH, _write(PI))

    record = Record.objects.get()
    record.data["more"] = 1
    record.save()

    assert PI == _stored()
    assert {"n": record.data["n"]} == json.loads(
        f'{{"n": {PI}}}', parse_float=type(record.data["n"])
    )
