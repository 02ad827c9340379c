"""A private feed and none at all: the same answer, by the same statements."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aviso.feeds.models import Feed
from aviso.readers.models import Reader
from aviso.records.models import Record
from tests.api import Api, Reply, make_api
from tests.tokens import account, ticket

pytestmark = pytest.mark.django_db
RECORD = "records/00000000-0000-4000-8000-000000000001/"
CALLS: list[tuple[str, str, object]] = [
    ("GET", "feeds/{}/", None),
    ("PATCH", "feeds/{}/", {"title": "x"}),
    ("GET", "feeds/{}/records/", None),
    ("GET", "feeds/{}/records/?nonsense=1", None),
    ("POST", "feeds/{}/records/", {"data": {}}),
    ("POST", "feeds/{}/records/", {"nonsense": 1}),
    ("POST", "feeds/{}/records/", b"no json"),
    ("GET", f"feeds/{{}}/{RECORD}", None),
    ("PUT", f"feeds/{{}}/{RECORD}", {"data": {}}),
    ("PATCH", f"feeds/{{}}/{RECORD}", {"data": {}}),
    ("DELETE", f"feeds/{{}}/{RECORD}", None),
    ("GET", "feeds/{}/events/", None),
    ("GET", "feeds/{}/readers/", None),
    ("POST", "feeds/{}/readers/", {"reader": "ada@localhost"}),
    ("GET", "feeds/{}/readers/ada@localhost/", None),
    ("DELETE", "feeds/{}/readers/ada@localhost/", None),
    ("POST", "tickets/", {"reader": "u-17", "feeds": ["{}"]}),
    ("POST", "feeds/", {"slug": "{}"}),
    ("POST", "feeds/", {"slug": "{}", "schema": {"type": 1}}),
]
CALLERS = ["anonymous", "key", "key without rights", "account", "ticket"]


@pytest.fixture
def _feeds() -> None:
    schema = {"type": "object", "description": "x" * 60_000}
    hidden = Feed.objects.create(slug="hidden", visibility="private", schema=schema)
    Record.objects.create(feed=hidden, data={})
    Reader.objects.create(feed=hidden, reader="ben@localhost")
    Feed.objects.create(slug="other", visibility="private")
    Reader.objects.create(feed_id="other", reader="ada@localhost")


def make_caller(name: str) -> Api:
    rights = {"read": True, "write": True, "manage": True, "grant": True}
    match name:
        case "key":
            return make_api(feeds=["other"], **rights)
        case "key without rights":
            return make_api(all_feeds=True)
        case "account":
            return account()
        case "ticket":
            return ticket("other")
        case _:
            return Api()


def fill(value: object, slug: str) -> object:
    match value:
        case str():
            return value.replace("{}", slug)
        case dict():
            return {name: fill(inner, slug) for name, inner in value.items()}
        case list():
            return [fill(inner, slug) for inner in value]
        case _:
            return value


def ask(caller: Api, call: tuple[str, str, object], slug: str) -> tuple[Reply, str]:
    """Return the answer, and all that it made the database do."""
    method, path, body = call
    with CaptureQueriesContext(connection) as captured:
        filled = fill(body, slug)
        reply = caller.call(
            method, path.replace("{}", slug), b"" if filled is None else filled
        )
    done = "\n".join(query["sql"] for query in captured.captured_queries)
    return reply, done.replace(slug, "<slug>")


@pytest.mark.usefixtures("_feeds", "no_limits")
@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
@pytest.mark.parametrize("name", CALLERS)
def test_a_hidden_feed_is_like_none(name: str, call: tuple[str, str, object]) -> None:
    caller = make_caller(name)
    ask(caller, call, "absent")  # a key's first use is noted

    absent, done_for_none = ask(caller, call, "absent")
    hidden, done = ask(caller, call, "hidden")

    assert 400 <= hidden.status < 500
    assert absent.status == hidden.status
    assert absent.content.replace(b"absent", b"hidden") == hidden.content
    assert absent.headers == hidden.headers
    assert done_for_none == done
    assert not Feed.objects.filter(slug="absent").exists()


@pytest.mark.usefixtures("_feeds")
def test_the_list_of_feeds_has_no_hidden_one() -> None:
    for name in CALLERS:
        listed = make_caller(name).get("feeds/").body["results"]
        assert "hidden" not in [feed["slug"] for feed in listed]
