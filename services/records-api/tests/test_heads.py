"""GET heads/: how far many feeds have come, in one call."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aviso.events.models import Place
from aviso.feeds.models import Feed
from aviso.feeds.reading import MAX_HEADS
from aviso.readers.models import Reader
from tests.api import Api, make_api
from tests.tokens import account, ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def _feeds() -> None:
    for slug in ("b", "a", "heads"):
        Feed.objects.create(slug=slug)
    Feed.objects.create(slug="secret", visibility="private")
    Reader.objects.create(feed_id="secret", reader="ada@localhost")
    Place.objects.create(feed="b", first=1, last=1042, changeset=1)


def slugs(api: Api, feeds: str) -> list[str]:
    return [head["slug"] for head in api.get(f"heads/?feeds={feeds}").body["results"]]


@pytest.mark.usefixtures("_feeds")
def test_it_gives_epoch_and_head_of_each_feed_by_name(anonymous: Api) -> None:
    reply = anonymous.get("heads/?feeds=b,a")

    epochs = dict(Feed.objects.values_list("slug", "epoch"))
    assert 200 == reply.status
    assert {
        "results": [
            {"slug": "a", "epoch": epochs["a"], "head": 0},
            {"slug": "b", "epoch": epochs["b"], "head": 1042},
        ]
    } == reply.body


@pytest.mark.usefixtures("_feeds")
def test_its_address_is_taken_from_no_feed(anonymous: Api) -> None:
    assert "heads" == anonymous.get("feeds/heads/").body["slug"]
    assert ["heads"] == slugs(anonymous, "heads")


@pytest.mark.usefixtures("_feeds")
@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ("anonymous", ["a"]),
        ("everything", ["a", "secret"]),
        ("key of another feed", ["a"]),
        ("key that only writes", ["a"]),
        ("key without rights", ["a"]),
        ("granted account", ["a", "secret"]),
        ("other account", ["a"]),
        ("ticket", ["a", "secret"]),
        ("other ticket", ["a"]),
    ],
)
def test_it_gives_what_the_caller_may_read(caller: str, expected: list[str]) -> None:
    callers: dict[str, Callable[[], Api]] = {
        "anonymous": Api,
        "everything": make_api,
        "key of another feed": lambda: make_api(feeds=["a"], read=True),
        "key that only writes": lambda: make_api(feeds=["secret"], write=True),
        "key without rights": lambda: make_api(all_feeds=True),
        "granted account": account,
        "other account": lambda: account("ben@localhost"),
        "ticket": lambda: ticket("secret"),
        "other ticket": lambda: ticket("a"),
    }

    assert expected == slugs(callers[caller](), "a,secret,no-such-feed")


@pytest.mark.usefixtures("_feeds", "no_limits")
@pytest.mark.parametrize("name", ["anonymous", "key", "account", "ticket"])
def test_a_hidden_feed_is_like_none(name: str) -> None:
    callers: dict[str, Callable[[], Api]] = {
        "anonymous": Api,
        "key": lambda: make_api(feeds=["a"], read=True),
        "account": lambda: account("ben@localhost"),
        "ticket": lambda: ticket("a"),
    }
    api = callers[name]()
    api.get("heads/?feeds=absent")  # a key's first use is noted
    done, answers = [], []

    for slug in ("absent", "secret"):
        with CaptureQueriesContext(connection) as captured:
            answers.append(api.get(f"heads/?feeds={slug},a"))
        sql = "\n".join(query["sql"] for query in captured.captured_queries)
        done.append(sql.replace(slug, "<slug>"))

    absent, hidden = answers
    assert (200, absent.content, absent.headers) == (
        hidden.status,
        hidden.content,
        hidden.headers,
    )
    assert done[0] == done[1]


@pytest.mark.usefixtures("_feeds")
def test_all_are_had_by_one_statement(anonymous: Api) -> None:
    anonymous.get("heads/?feeds=a")
    with CaptureQueriesContext(connection) as captured:
        anonymous.get("heads/?feeds=a,b,heads,secret")

    assert 1 == sum("feed_heads" in query["sql"] for query in captured.captured_queries)


@pytest.mark.parametrize(
    "feeds", ["", ",", "a,", "Orders", "a b", "a/b", "a" * 65, "%C3%B1", "a%00", "a%0A"]
)
def test_what_is_no_list_of_slugs_is_refused(anonymous: Api, feeds: str) -> None:
    problem = anonymous.get(f"heads/?feeds={feeds}").problem(400)

    assert "feeds" == problem["field"]


def test_feeds_must_be_named(anonymous: Api) -> None:
    assert "feeds" == anonymous.get("heads/").problem(400)["field"]


def test_nothing_else_is_asked_for(anonymous: Api) -> None:
    assert "limit" == anonymous.get("heads/?feeds=a&limit=1").problem(400)["field"]


@pytest.mark.usefixtures("_feeds")
def test_it_takes_so_many_feeds_and_no_more(anonymous: Api) -> None:
    many = ["a", *(f"x{n}" for n in range(MAX_HEADS - 1))]

    assert ["a"] == slugs(anonymous, ",".join(many))
    problem = anonymous.get(f"heads/?feeds={','.join([*many, 'b'])}").problem(400)
    assert f"{MAX_HEADS + 1} feeds" in problem["detail"]


@pytest.mark.usefixtures("_feeds")
def test_a_feed_that_is_named_twice_is_given_once(anonymous: Api) -> None:
    assert ["a"] == slugs(anonymous, "a,a")
