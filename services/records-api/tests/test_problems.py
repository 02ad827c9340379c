"""Every error is a problem, also where no view is reached, and 500 and 503 too."""

from __future__ import annotations

import logging

import pytest
from django.db import OperationalError, connection
from django.test import Client

import aviso.feeds.views
from aviso.feeds.models import Feed
from tests.api import Api

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/api/", "/api/v1/", "/api/v2/feeds/", "/api/v1/feeds/A/"]
)
def test_an_unknown_address_is_a_problem(anonymous: Api, path: str) -> None:
    problem = anonymous.get(path).problem(404)

    assert path in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "feeds/"),
        ("POST", "feeds/orders/"),
        ("PUT", "feeds/orders/"),
        ("DELETE", "feeds/orders/records/"),
        ("POST", "feeds/orders/events/"),
        ("POST", "connection/"),
        ("OPTIONS", "feeds/"),
    ],
)
def test_a_method_that_is_not_there_is_a_problem_and_names_those_that_are(
    api: Api, orders: Feed, method: str, path: str
) -> None:
    reply = api.call(method, path, {})

    assert method in reply.problem(405)["detail"]
    assert "GET" in reply.headers["Allow"]


def test_an_answer_that_is_no_json_is_not_to_be_had(anonymous: Api) -> None:
    problem = anonymous.get("feeds/", Accept="text/html").problem(406)

    assert "text/html" in problem["detail"]


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, */*;q=0.8"])
def test_a_browser_and_curl_get_json(anonymous: Api, accept: str) -> None:
    assert 200 == anonymous.get("feeds/", Accept=accept).status


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_missing_slash_is_added_with_method_and_body(api: Api, method: str) -> None:
    reply = api.call(method, "/api/v1/feeds?limit=1", {"slug": "orders"})

    assert 308 == reply.status
    assert "/api/v1/feeds/?limit=1" == reply.headers["Location"]


def test_an_unknown_host_is_told_which_address_to_use(anonymous: Api) -> None:
    problem = anonymous.get("feeds/", Host="evil.example").problem(421)

    assert "http://localhost:8080" == problem["address"]
    assert problem["address"] in problem["detail"]


def test_a_person_at_an_unknown_host_is_told_so_too(client: Client) -> None:
    response = client.get("/admin/", headers={"Host": "evil.example"})

    assert 421 == response.status_code
    assert b"http://localhost:8080" in response.content


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "[::1]:8080", "localhost:1"])
def test_this_machine_is_a_known_host_at_every_port(anonymous: Api, host: str) -> None:
    assert 200 == anonymous.get("feeds/", Host=host).status


def test_a_bug_is_a_problem_that_tells_nothing_of_itself(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("inner matters")

    monkeypatch.setattr(aviso.feeds.views, "list_feeds", fail)

    with caplog.at_level(logging.ERROR):
        problem = anonymous.get("feeds/").problem(500)

    assert "inner" not in str(problem)
    assert "inner matters" in caplog.text


def test_a_database_that_is_away_is_a_problem_that_says_try_again(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(aviso.feeds.views, "list_feeds", fail)

    reply = anonymous.get("feeds/")

    assert "server closed" not in reply.problem(503)["detail"]
    assert "5" == reply.headers["Retry-After"]


def test_the_admin_site_answers_people_with_pages(client: Client) -> None:
    response = client.get("/admin/nope/", follow=True)

    assert response["Content-Type"].startswith("text/html")


def test_a_body_that_is_too_long_is_refused_unread(api: Api, orders: Feed) -> None:
    body = b'{"data": {}}' + b" " * (8 * 1024 * 1024)

    problem = api.post("feeds/orders/records/", body).problem(413)

    assert "8 MiB" in problem["detail"]


def test_other_origins_may_call_only_if_they_are_named(
    anonymous: Api, settings: object
) -> None:
    def allowed(origin: str) -> bool:
        reply = anonymous.get("feeds/", Origin=origin)
        return "access-control-allow-origin" in {name.lower() for name in reply.headers}

    assert not allowed("https://elsewhere.example")
    settings.CORS_ALLOWED_ORIGINS = ["https://elsewhere.example"]  # type: ignore[attr-defined]
    assert allowed("https://elsewhere.example")


def test_nothing_is_left_open_in_the_database_after_an_error(
    api: Api, orders: Feed
) -> None:
    api.post("feeds/orders/records/", {"data": {"a": "x" * 70_000}}).problem(413)

    assert connection.is_usable()
