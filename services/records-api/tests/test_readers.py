"""feeds/{feed}/readers/: who is let in and put out."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from aviso.events.models import Event
from aviso.feeds.models import Feed
from aviso.readers.models import Reader
from tests.api import Api, make_api, number_events
from tests.readers import let_grant_end

pytestmark = pytest.mark.django_db
ADA = "ada@localhost"
HOLDER = "u-17@ticket.localhost"
READERS = "feeds/secrets/readers/"


@pytest.fixture(autouse=True)
def _feed(secrets: Feed) -> None:
    """Let there be a private feed."""


def event_types() -> list[str]:
    return list(
        Event.objects.order_by("changeset", "place").values_list("type", flat=True)
    )


def test_an_account_is_let_in(api: Api) -> None:
    reply = api.post(READERS, {"reader": ADA})

    assert 201 == reply.status
    assert {
        "feed": "secrets",
        "reader": ADA,
        "state": "granted",
        "expires_at": None,
        "revoked_at": None,
    } == {name: at for name, at in reply.body.items() if name != "granted_at"}
    assert reply.body == api.get(f"{READERS}{ADA}/").body
    assert ["granted"] == event_types()


def test_who_is_in_already_gets_another_end_and_no_event(api: Api) -> None:
    api.post(READERS, {"reader": ADA})

    # An offset that PostgreSQL itself would refuse.
    end = "2998-12-31T01:00:00-23:00"

    reply = api.post(READERS, {"reader": ADA, "expires_at": end})

    assert 200 == reply.status
    assert "2999-01-01T00:00:00.000000Z" == reply.body["expires_at"]
    assert ["granted"] == event_types()


def test_an_account_is_put_out_once(api: Api) -> None:
    api.post(READERS, {"reader": ADA})

    assert [204, 204] == [api.delete(f"{READERS}{ADA}/").status for _ in range(2)]

    assert ["granted", "revoked"] == event_types()
    assert "revoked" == api.get(f"{READERS}{ADA}/").body["state"]
    assert 201 == api.post(READERS, {"reader": ADA}).status


def test_a_ticket_holder_is_put_out_unknown_and_let_in_again(api: Api) -> None:
    assert [204, 204] == [api.delete(f"{READERS}{HOLDER}/").status for _ in range(2)]
    assert 201 == api.post(READERS, {"reader": HOLDER}).status

    assert ["revoked", "granted"] == event_types()


def test_a_name_is_compared_as_xmpp_does(api: Api) -> None:
    api.post(READERS, {"reader": "ADA@LocalHost"})

    assert ADA == Reader.objects.get().reader
    assert 204 == api.delete(f"{READERS}Ada@localhost/").status


def test_the_trace_of_the_request_goes_with_the_event(api: Api) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    api.post(READERS, {"reader": ADA}, traceparent=trace)

    assert trace == Event.objects.get().traceparent


def test_who_was_never_let_in_is_not_there(api: Api) -> None:
    api.get(f"{READERS}{ADA}/").problem(404)
    api.delete(f"{READERS}{ADA}/").problem(404)
    for odd in ["nobody", "a@elsewhere.example", "a%00@localhost", "%ff@localhost"]:
        api.delete(f"{READERS}{odd}/").problem(404)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reader"),
        ({"reader": None}, "/reader"),
        ({"reader": "ada"}, "/reader"),
        ({"reader": "ada@elsewhere.example"}, "/reader"),
        ({"reader": "ada@guest.localhost"}, "/reader"),
        ({"reader": "a b@localhost"}, "/reader"),
        ({"reader": "@localhost"}, "/reader"),
        ({"reader": "a" * 65 + "@localhost"}, "/reader"),
        ({"reader": "\ufdfa" * 64 + "@localhost"}, "/reader"),
        ({"reader": "ä@ticket.localhost"}, "/reader"),
        ({"reader": ADA, "expires_at": "soon"}, "/expires_at"),
        ({"reader": ADA, "expires_at": 5}, "/expires_at"),
        ({"reader": ADA, "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"reader": ADA, "expires_at": "9999-12-31T23:59:59-14:00"}, "/expires_at"),
        ({"reader": ADA, "more": 1}, "/more"),
    ],
)
def test_a_wrong_grant_is_explained(
    api: Api, body: dict[str, Any], pointer: str
) -> None:
    assert pointer == api.post(READERS, body).problem(400)["pointer"]
    assert [] == event_types()


def test_readers_come_in_pages(api: Api) -> None:
    names = [f"r{n}@localhost" for n in range(5)]
    for name in names:
        api.post(READERS, {"reader": name})
    api.delete(f"{READERS}{names[1]}/")
    let_grant_end(names[3])

    found, path = [], f"{READERS}?limit=2"
    while path:
        page = api.get(path).body
        found.append([row["reader"] for row in page["results"]])
        path = (page["next"] or "").partition("/api/v1/")[2]

    assert [names[:2], names[2:4], names[4:]] == found
    for state, expected in [("granted", [0, 2, 4]), ("revoked", [1, 3])]:
        rows = api.get(f"{READERS}?state={state}").body["results"]
        assert [names[n] for n in expected] == [row["reader"] for row in rows]
        assert {state} == {row["state"] for row in rows}
    api.get(f"{READERS}?state=odd").problem(400)


def test_a_full_feed_takes_no_more(api: Api) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO aviso.readers (feed, reader) SELECT 'secrets',"
            " 'r' || n || '@localhost' FROM generate_series(1, 10000) AS n"
        )

    assert "10000" in api.post(READERS, {"reader": ADA}).problem(409)["detail"]
    assert 200 == api.post(READERS, {"reader": "r7@localhost"}).status


def test_no_more_ticket_holders_are_put_out_than_an_opening_can_name(api: Api) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO aviso.readers (feed, reader, revoked_at) SELECT 'secrets',"
            " 'u' || n || '@ticket.localhost', now() FROM generate_series(1, 10000) n"
        )

    api.delete(f"{READERS}{HOLDER}/").problem(409)


def test_only_a_key_that_may_grant_does(orders: Feed) -> None:
    body = {"reader": "u-17", "feeds": ["secrets"]}
    others = make_api(all_feeds=True, read=True, write=True, manage=True)
    others.get(READERS).problem(403)
    others.post(READERS, {"reader": ADA}).problem(403)
    others.delete(f"{READERS}{ADA}/").problem(403)
    others.post("tickets/", body).problem(403)
    granter = make_api(feeds=["secrets"], grant=True)
    assert 201 == granter.post(READERS, {"reader": ADA}).status
    assert 201 == granter.post("tickets/", body).status
    granter.get("feeds/secrets/records/").problem(403)
    granter.post("feeds/orders/readers/", {"reader": ADA}).problem(403)
    granter.post("tickets/", {**body, "feeds": ["orders"]}).problem(403)


def test_without_a_key_nobody_grants(anonymous: Api) -> None:
    anonymous.get(READERS).problem(401)
    anonymous.post(READERS, {"reader": ADA}).problem(401)
    anonymous.delete(f"{READERS}{ADA}/").problem(401)
    anonymous.post("tickets/", {"reader": "u", "feeds": ["secrets"]}).problem(401)


def test_events_over_rest_have_readers_without_their_names(api: Api) -> None:
    api.post("feeds/secrets/records/", {"data": {"n": 1}})
    api.post(READERS, {"reader": ADA})
    api.delete(f"{READERS}{ADA}/")
    api.post("feeds/secrets/records/", {"data": {"n": 2}})
    number_events()

    reply = api.get("feeds/secrets/events/?after=1&limit=3")

    assert [
        ("2", "aviso.reader.granted.v1", {}),
        ("3", "aviso.reader.revoked.v1", {}),
    ] == [(e["feedseq"], e["type"], e["data"]) for e in reply.body["events"][:2]]
    assert "4" == reply.body["events"][2]["feedseq"]
    assert b"ada" not in reply.content
