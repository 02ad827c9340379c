"""A view that forgets to ask for rights is shut; and none of ours forgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import yaml
from django.urls import URLPattern, URLResolver, get_resolver

from aviso.access.permissions import Closed, Rules, is_stated
from tests import forgetful_urls
from tests.api import Api

METHODS = {"get", "post", "put", "patch", "delete"}
View = Callable[..., Any]


def list_views(
    patterns: Sequence[URLPattern | URLResolver], before: str = ""
) -> Iterator[tuple[str, View]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from list_views(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def list_unruled(view: View) -> set[str]:
    """Return the methods of a REST view that no rule of its own is for."""
    cls = getattr(view, "cls", None)
    handlers = {name.upper() for name in METHODS if hasattr(cls, name)}
    ruled = {
        method
        for permission in getattr(cls, "permission_classes", [])
        if issubclass(permission, Rules) and permission is not Closed
        for method in permission.by_method
    }
    return handlers - ruled


VIEWS = list(list_views(get_resolver().url_patterns))


def test_the_walk_meets_every_kind_of_view() -> None:
    routes = {route for route, _ in VIEWS}

    assert {
        "api/v1/feeds/<feed:feed>/records/",
        "api/schema/",
        "api/docs/",
        "healthz",
        "readyz",
        "metrics",
        "admin/",
        "admin/login/",
        "admin/password_change/",
        "admin/aviso/feed/add/",
        "admin/auth/user/<id>/password/",
    } <= routes


@pytest.mark.parametrize(("route", "view"), VIEWS, ids=[route for route, _ in VIEWS])
def test_every_view_states_who_may_call_it(route: str, view: View) -> None:
    assert is_stated(view)
    assert set() == list_unruled(view)


def test_the_walk_sees_what_is_not_stated() -> None:
    forgetful, half, plain = (
        view for _, view in list_views(forgetful_urls.urlpatterns)
    )

    assert {"GET"} == list_unruled(forgetful)
    assert {"POST"} == list_unruled(half)
    assert not is_stated(plain)


@pytest.mark.django_db
@pytest.mark.urls("tests.forgetful_urls")
class TestForgetful:
    def test_nobody_calls_a_view_without_a_rule(self, api: Api, anonymous: Api) -> None:
        anonymous.get("/forgetful/").problem(401)
        api.get("/forgetful/").problem(403)

    def test_nobody_calls_a_method_without_a_rule(
        self, api: Api, anonymous: Api
    ) -> None:
        assert b"open" == anonymous.get("/half-forgetful/").content
        anonymous.post("/half-forgetful/", {}).problem(401)
        api.post("/half-forgetful/", {}).problem(403)

    def test_a_method_that_is_not_there_is_not_shut_but_missing(self, api: Api) -> None:
        api.delete("/half-forgetful/").problem(405)

    def test_nobody_calls_a_plain_view_without_a_rule(
        self, api: Api, anonymous: Api
    ) -> None:
        anonymous.get("/plain/").problem(403)
        api.get("/plain/").problem(403)


@pytest.mark.django_db
def test_the_document_says_which_calls_need_a_key(anonymous: Api) -> None:
    document = yaml.safe_load(anonymous.get("/api/schema/", Accept="*/*").content)
    free = {
        (path, method)
        for path, item in document["paths"].items()
        for method, call in item.items()
        if method in METHODS and {} in call["security"]
    }

    feed = "/api/v1/feeds/{feed}/"
    assert {
        ("/api/v1/connection/", "get"),
        ("/api/v1/feeds/", "get"),
        ("/api/v1/heads/", "get"),
        (feed, "get"),
        (f"{feed}events/", "get"),
        (f"{feed}records/", "get"),
        (f"{feed}records/{{record_id}}/", "get"),
    } == free
