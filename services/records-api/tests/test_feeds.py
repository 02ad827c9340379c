"""GET and POST feeds/, GET and PATCH feeds/{feed}/."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from aviso.events.models import Place
from aviso.feeds.models import Feed
from aviso.feeds.reading import _SELECT
from tests.api import Api, make_api

pytestmark = pytest.mark.django_db


def test_a_feed_names_its_room_its_epoch_and_its_head(api: Api, orders: Feed) -> None:
    Place.objects.create(feed=orders.slug, first=1, last=1042, changeset=1)

    reply = api.get("feeds/orders/")

    assert 200 == reply.status
    assert {
        "slug": "orders",
        "title": "",
        "visibility": "public",
        "schema": None,
        "room": "orders@feeds.localhost",
        "epoch": orders.epoch,
        "head": 1042,
        "created_at": orders.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "table": None,
    } == reply.body


def test_a_feed_is_created_with_all_it_has(api: Api) -> None:
    body = {
        "slug": "orders",
        "title": "Órdenes",
        "visibility": "private",
        "schema": {"type": "object", "required": ["n"]},
    }

    reply = api.post("feeds/", body)

    assert 201 == reply.status
    assert "http://localhost:8080/api/v1/feeds/orders/" == reply.headers["Location"]
    assert body == {name: reply.body[name] for name in body}
    assert reply.body == api.get("feeds/orders/").body


def test_a_slug_is_all_a_feed_needs(api: Api) -> None:
    reply = api.post("feeds/", {"slug": "a"})

    assert (201, "public", "") == (
        reply.status,
        reply.body["visibility"],
        reply.body["title"],
    )


@pytest.mark.parametrize(
    "slug", ["", "Orders", "a b", "a/b", "a" * 65, "ñ", "a\n", None, 1, ["a"]]
)
def test_a_wrong_slug_is_refused_and_named(api: Api, slug: object) -> None:
    problem = api.post("feeds/", {"slug": slug}).problem(400)

    assert "/slug" == problem["pointer"]
    assert not Feed.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("visibility", "secret"),
        ("visibility", []),
        ("title", 5),
        ("title", "x" * 201),
        ("schema", []),
        ("schema", {"type": "objekt"}),
        ("epoch", "abcd"),
        ("sluge", "typo"),
    ],
)
def test_a_wrong_member_is_refused_and_named(
    api: Api, name: str, value: object
) -> None:
    problem = api.post("feeds/", {"slug": "orders", name: value}).problem(400)

    assert f"/{name}" == problem["pointer"]
    assert not Feed.objects.exists()


@pytest.mark.parametrize("body", [[], "orders", None, 5])
def test_a_feed_that_is_no_object_is_refused(api: Api, body: Any) -> None:
    api.post("feeds/", body).problem(400)


def test_a_feed_that_exists_is_not_made_again(api: Api, orders: Feed) -> None:
    problem = api.post("feeds/", {"slug": "orders", "title": "new"}).problem(409)

    assert "/slug" == problem["pointer"]
    assert "" == Feed.objects.get().title


def test_a_schema_over_64_kib_is_too_large(api: Api) -> None:
    schema = {"description": "x" * 65536}

    problem = api.post("feeds/", {"slug": "orders", "schema": schema}).problem(413)

    assert "/schema" == problem["pointer"]


def test_a_patch_changes_what_it_names_and_nothing_else(api: Api) -> None:
    before = api.post("feeds/", {"slug": "orders", "title": "Old"}).body

    reply = api.patch("feeds/orders/", {"schema": {"required": ["n"]}})

    assert 200 == reply.status
    assert {**before, "schema": {"required": ["n"]}} == reply.body


def test_a_schema_is_taken_away_with_null(api: Api) -> None:
    api.post("feeds/", {"slug": "orders", "schema": {"required": ["n"]}})

    reply = api.patch("feeds/orders/", {"schema": None})

    assert reply.body["schema"] is None


def test_an_empty_patch_changes_nothing(api: Api, orders: Feed) -> None:
    assert api.get("feeds/orders/").body == api.patch("feeds/orders/", {}).body


def test_a_new_visibility_is_to_be_announced(api: Api, orders: Feed) -> None:
    Feed.objects.update(announced_at=orders.created_at)

    api.patch("feeds/orders/", {"visibility": "private"})

    assert Feed.objects.get().announced_at is None


@pytest.mark.parametrize("name", ["slug", "epoch", "head", "created_at"])
def test_what_a_feed_keeps_cannot_be_patched(api: Api, orders: Feed, name: str) -> None:
    problem = api.patch("feeds/orders/", {name: "other"}).problem(400)

    assert f"/{name}" == problem["pointer"]


def test_a_list_shows_the_feeds_by_name_in_pages(api: Api) -> None:
    for slug in ["c", "a", "e", "b", "d"]:
        Feed.objects.create(slug=slug)

    first = api.get("feeds/?limit=2").body
    second = api.get(_path(first["next"])).body
    third = api.get(_path(second["next"])).body

    assert ["a", "b"] == [feed["slug"] for feed in first["results"]]
    assert ["c", "d"] == [feed["slug"] for feed in second["results"]]
    assert ["e"] == [feed["slug"] for feed in third["results"]]
    assert (None, None) == (first["previous"], third["next"])
    assert second["results"] == api.get(_path(third["previous"])).body["results"]
    assert first["results"] == api.get(_path(second["previous"])).body["results"]


def test_links_start_with_the_public_url(api: Api) -> None:
    for slug in ["a", "b"]:
        Feed.objects.create(slug=slug)

    url = api.get("feeds/?limit=1").body["next"]

    assert url.startswith("http://localhost:8080/api/v1/feeds/?")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=after-A", "cursor"),
        ("page=2", "page"),
    ],
)
def test_a_wrong_parameter_is_refused_and_named(
    anonymous: Api, query: str, field: str
) -> None:
    assert field == anonymous.get(f"feeds/?{query}").problem(400)["field"]


def test_no_feeds_are_an_empty_list(anonymous: Api) -> None:
    assert {"results": [], "next": None, "previous": None} == anonymous.get(
        "feeds/"
    ).body


def test_a_list_shows_only_what_is_open_to_the_caller(
    orders: Feed, secrets: Feed, anonymous: Api
) -> None:
    Feed.objects.create(slug="hidden", visibility="private")
    reader = make_api(feeds=["secrets"], read=True)

    def slugs(caller: Api) -> list[str]:
        return [feed["slug"] for feed in caller.get("feeds/").body["results"]]

    assert ["orders"] == slugs(anonymous)
    assert ["orders", "secrets"] == slugs(reader)
    assert ["hidden", "orders", "secrets"] == slugs(make_api())


def _path(url: str) -> str:
    return url.removeprefix("http://localhost:8080")


@pytest.fixture
def _named() -> None:
    for slug in ("or", "order", "orders", "orders-2", "organ", "stock-or", "o"):
        Feed.objects.create(slug=slug)
    Feed.objects.create(slug="f-1", title="Órdenes de “España”, 2026")
    Feed.objects.create(slug="orders-secret", visibility="private")


@pytest.mark.usefixtures("_named")
@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("order", ["order", "orders", "orders-2"]),
        ("orders-2", ["orders-2"]),
        ("2 ORD", ["f-1", "orders-2"]),
        ("or", ["f-1", "or", "order", "orders", "orders-2", "organ", "stock-or"]),
        ("zzz", []),
        ("rders", []),
        ("ordenes espana", ["f-1"]),
        ("Órd", ["f-1", "order", "orders", "orders-2"]),
        ("espa\\':*|&!", ["f-1"]),
        ("²", []),
    ],
)
def test_feeds_are_found_by_how_words_of_their_names_begin(
    anonymous: Api, q: str, expected: list[str]
) -> None:
    reply = anonymous.get(f"feeds/?q={quote(q)}")

    assert expected == [feed["slug"] for feed in reply.body["results"]]


@pytest.mark.usefixtures("_named")
def test_what_was_found_is_read_on_page_by_page(anonymous: Api) -> None:
    first = anonymous.get("feeds/?q=order&limit=2").body
    second = anonymous.get(first["next"].removeprefix("http://localhost:8080")).body
    back = anonymous.get(second["previous"].removeprefix("http://localhost:8080")).body

    assert ["order", "orders"] == [feed["slug"] for feed in first["results"]]
    assert ["orders-2"] == [feed["slug"] for feed in second["results"]]
    assert second["next"] is None
    assert first["results"] == back["results"]


@pytest.mark.usefixtures("_named")
def test_a_feed_is_found_by_its_new_title(api: Api, anonymous: Api) -> None:
    api.patch("feeds/stock-or/", {"title": "Warehouse"})

    found = anonymous.get("feeds/?q=ware").body["results"]

    assert ["stock-or"] == [feed["slug"] for feed in found]


@pytest.mark.parametrize("q", ["", "-", "%20", "a%00", "a" * 101, "a+b+c+d+e+f+g+h+i"])
def test_what_has_no_words_or_too_many_is_refused(anonymous: Api, q: str) -> None:
    assert "q" == anonymous.get(f"feeds/?q={q}").problem(400)["field"]


def test_few_feeds_among_thousands_are_found_by_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO aviso.feeds (slug, title) SELECT 'many-' || n, 'Shop ' || n"
            " FROM generate_series(1, 3000) AS n"
        )
        # What autovacuum learned of one that other tests had left nearly empty lasts.
        cursor.execute("ANALYZE aviso.feeds, aviso.feed_progress, aviso.places")
        cursor.execute(
            f"EXPLAIN {_SELECT} WHERE f.words @@ aviso.words_beginning('shop 2987')"
            " ORDER BY f.slug LIMIT 101"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Bitmap Index Scan on feeds_words" in plan
