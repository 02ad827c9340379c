"""Places: how much of one kind goes on at a time."""

from __future__ import annotations

import json

import pytest

from aviso.feeds.models import Feed
from aviso.limits import large_answers, places
from aviso.limits.places import Places
from aviso.records.models import Record
from tests.api import Api, number_events

RECORDS = "/api/v1/feeds/orders/records/"
EVENTS = "/api/v1/feeds/orders/events/"


def test_each_caller_has_so_many_and_all_together() -> None:
    some = Places(in_all=3, each=2)

    taken = [some.take(caller) for caller in ["a", "a", "a", "b", "b"]]

    assert [True, True, False, True, False] == [each is not None for each in taken]


def test_a_place_is_given_back_once() -> None:
    some = Places(in_all=1, each=1)
    give_back = some.take("a")
    assert give_back is not None

    give_back()
    give_back()

    assert some.take("a") is not None
    assert some.take("b") is None


@pytest.fixture
def no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Places(in_all=0, each=0)
    monkeypatch.setattr(large_answers, "SENDING", nothing)
    monkeypatch.setattr(large_answers, "SENDING_TO_STRANGERS", nothing)


def write(count: int) -> None:
    Record.objects.bulk_create(
        Record(feed_id="orders", data={"n": n, "text": "x" * 30_000})
        for n in range(count)
    )


@pytest.mark.usefixtures("no_place")
@pytest.mark.parametrize("start", ["", "&cursor=before-0"])
def test_a_list_without_a_place_is_read_in_small_pages(
    start: str, orders: Feed, anonymous: Api
) -> None:
    write(12)

    path, found = f"{RECORDS}?limit=1000{start}", []
    while path:
        reply = anonymous.get(path)
        assert len(reply.content) <= large_answers.BUFFERED_BYTES
        found += [each["data"]["n"] for each in reply.body["results"]]
        path = (reply.body["next"] or "").removeprefix("http://localhost:8080")

    assert list(range(11, -1, -1)) == found


@pytest.mark.usefixtures("no_place")
def test_events_without_a_place_are_read_in_small_pages(
    orders: Feed, anonymous: Api
) -> None:
    write(12)
    number_events()

    found: list[int] = []
    while len(found) < 12:
        reply = anonymous.get(f"{EVENTS}?after={len(found)}&limit=1000")
        assert len(reply.content) <= large_answers.BUFFERED_BYTES
        found += [each["data"]["data"]["n"] for each in reply.body["events"]]

    assert list(range(12)) == found


@pytest.mark.usefixtures("no_place")
def test_a_file_without_a_place_is_refused_for_the_moment(
    orders: Feed, anonymous: Api
) -> None:
    reply = anonymous.get(
        "/api/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
    )

    reply.problem(503)
    assert "1" == reply.headers["Retry-After"]


def test_a_place_is_held_until_the_answer_was_sent(
    orders: Feed, anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_answers, "SENDING_TO_STRANGERS", Places(in_all=1, each=1))
    write(12)

    # The test's client closes each answer.
    counts = [
        len(json.loads(anonymous.get(RECORDS).content)["results"]) for _ in range(3)
    ]

    assert [12, 12, 12] == counts


def test_a_second_search_of_a_stranger_waits_for_his_first(
    orders: Feed, anonymous: Api, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_SEARCHES", Places(in_all=0, each=1))

    anonymous.get(f"{RECORDS}?data.n=1").problem(503)

    assert 200 == anonymous.get(RECORDS).status
    assert 200 == api.get(f"{RECORDS}?data.n=1").status


def test_few_passwords_are_tried_at_a_time(
    anonymous: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_LOGINS", Places(in_all=0, each=1))

    reply = anonymous.post("/admin/login/", {"username": "a", "password": "b"})

    assert 503 == reply.status
