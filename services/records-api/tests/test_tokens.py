"""Bearer tokens: what they open, and which are none."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import Settings

from aviso.feeds.models import Feed
from aviso.readers.models import Reader
from tests.api import Api
from tests.readers import let_grant_end
from tests.tokens import account, account_claims, sign, ticket

pytestmark = pytest.mark.django_db
ADA = "ada@localhost"
HOLDER = "u-17@ticket.localhost"
READING = ["", "records/", "events/"]


def statuses(caller: Api, feed: str = "secrets") -> list[int]:
    return [caller.get(f"feeds/{feed}/{path}").status for path in READING]


def test_a_ticket_reads_the_feeds_that_it_names(secrets: Feed, orders: Feed) -> None:
    Feed.objects.create(slug="others", visibility="private")
    holder = ticket("secrets")

    assert [200] * 3 == statuses(holder)
    assert [200] * 3 == statuses(holder, "orders")
    assert [404] * 3 == statuses(holder, "others")


def test_an_account_reads_what_it_was_granted(secrets: Feed, orders: Feed) -> None:
    assert [404] * 3 == statuses(account())

    Reader.objects.create(feed=secrets, reader=ADA)

    assert [200] * 3 == statuses(account())
    assert [200] * 3 == statuses(account(), "orders")
    assert [404] * 3 == statuses(account("eve@localhost"))


def test_what_an_accounts_token_says_of_feeds_opens_nothing(secrets: Feed) -> None:
    assert [404] * 3 == statuses(Api(sign(account_claims(feeds=["secrets"]))))


def test_a_revoked_account_reads_no_more(secrets: Feed) -> None:
    Reader.objects.create(feed=secrets, reader=ADA)
    Reader.objects.update(revoked_at=timezone.now())

    assert [404] * 3 == statuses(account())


def test_a_grant_is_over_when_its_time_has_come_with_nobody_to_say_so(
    secrets: Feed,
) -> None:
    later = timezone.now() + timedelta(hours=1)
    Reader.objects.create(feed=secrets, reader=ADA, expires_at=later)
    assert [200] * 3 == statuses(account())

    let_grant_end(ADA)

    assert [404] * 3 == statuses(account())
    assert Reader.objects.get().revoked_at is None


def test_every_ticket_of_a_revoked_holder_is_refused_until_he_is_let_in_again(
    secrets: Feed,
) -> None:
    Reader.objects.create(feed=secrets, reader=HOLDER, revoked_at=timezone.now())
    assert [404] * 3 == statuses(ticket("secrets"))
    assert [200] * 3 == statuses(ticket("secrets", holder="u-18"))

    Reader.objects.update(revoked_at=None)

    assert [200] * 3 == statuses(ticket("secrets"))


def test_a_feed_made_private_is_closed_to_who_was_not_let_in(orders: Feed) -> None:
    assert [200] * 3 == statuses(account(), "orders")

    Feed.objects.update(visibility="private")

    assert [404] * 3 == statuses(account(), "orders")
    assert [404] * 3 == statuses(ticket("others"), "orders")


def test_the_list_of_feeds_has_the_private_ones_that_are_open_to_a_token(
    secrets: Feed, orders: Feed
) -> None:
    Feed.objects.create(slug="others", visibility="private")
    Reader.objects.create(feed=secrets, reader=ADA)

    for caller, expected in [
        (account(), ["orders", "secrets"]),
        (ticket("others"), ["orders", "others"]),
        (account("eve@localhost"), ["orders"]),
    ]:
        assert expected == [f["slug"] for f in caller.get("feeds/").body["results"]]


@pytest.mark.parametrize("feed", ["orders", "secrets"])
def test_a_token_writes_nothing(secrets: Feed, orders: Feed, feed: str) -> None:
    Reader.objects.create(feed=secrets, reader=ADA)
    record = "records/00000000-0000-4000-8000-000000000001/"
    for caller in [account(), ticket("secrets")]:
        caller.post(f"feeds/{feed}/records/", {"data": {}}).problem(403)
        caller.put(f"feeds/{feed}/{record}", {"data": {}}).problem(403)
        caller.patch(f"feeds/{feed}/{record}", {"data": {}}).problem(403)
        caller.delete(f"feeds/{feed}/{record}").problem(403)
        caller.patch(f"feeds/{feed}/", {"title": "x"}).problem(403)
        caller.get(f"feeds/{feed}/readers/").problem(403)
        caller.post(f"feeds/{feed}/readers/", {"reader": ADA}).problem(403)
        caller.delete(f"feeds/{feed}/readers/{ADA}/").problem(403)
    caller.post("feeds/", {"slug": "mine"}).problem(403)
    problem = caller.post("tickets/", {"reader": "x", "feeds": [feed]}).problem(403)
    assert problem["detail"].startswith("This token may not")


def _rewrite(token: str, part: int, value: object) -> str:
    parts = token.split(".")
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    parts[part] = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    return ".".join(parts)


def wrong_tokens() -> dict[str, str]:
    good = sign(account_claims())
    no_end = account_claims()
    del no_end["exp"]
    no_name = account_claims()
    del no_name["sub"]
    return {
        "expired": sign(account_claims(exp=int(time.time()) - 1)),
        "expiring now": sign(account_claims(exp=int(time.time()))),
        "no end": sign(no_end),
        "an end in words": sign(account_claims(exp="9999999999")),
        "a true end": sign(account_claims(exp=True)),
        "no name": sign(no_name),
        "another secret": sign(account_claims(), key="x" * 64),
        "unsigned": sign(account_claims(), key="", algorithm="none"),
        "without signature": good.rpartition(".")[0] + ".",
        "another algorithm": sign(account_claims(), algorithm="HS512"),
        "a forged name": _rewrite(good, 1, account_claims("root@localhost")),
        "a deep header": _rewrite(good, 0, b"[" * 2500),
        "no text": _rewrite(good, 0, b"\xff\xfe"),
        "no object": _rewrite(good, 1, [1]),
        "huge": sign(account_claims(x="x" * 5000)),
        "another host": sign(account_claims("ada@elsewhere.example")),
        "a guest": sign(account_claims("ada@guest.localhost")),
        "cut short": good[:-3],
        "with a resource": sign(account_claims("ada@localhost/home")),
        "a ticket without feeds": sign(account_claims(HOLDER)),
        "a ticket of no feeds": sign(account_claims(HOLDER, feeds="secrets")),
        "a ticket of a number": sign(account_claims(HOLDER, feeds=[1])),
        "dots": "..",
        "text": "x.y.z",
    }


@pytest.mark.parametrize("kind", sorted(wrong_tokens()))
def test_what_is_no_valid_token_is_refused_in_the_same_words(
    orders: Feed, kind: str
) -> None:
    caller = Api(wrong_tokens()[kind])

    problem = caller.get("feeds/orders/").problem(401)

    assert "Authorization" == problem["field"]
    assert (
        "The key or token in Authorization is not valid: it is mistyped, revoked or"
        " expired"
    ) == problem["detail"]


def test_the_tokens_of_these_tests_can_be_taken(orders: Feed) -> None:
    assert 200 == Api(sign(account_claims())).get("feeds/orders/").status


@pytest.mark.usefixtures("one_minute")
def test_each_reader_has_a_limit_of_his_own(orders: Feed, settings: Settings) -> None:
    settings.AVISO_THROTTLE_ADDRESS = 2
    first, second = account("throttled@localhost"), account("another@localhost")
    for _ in range(2):
        assert 200 == first.get("feeds/orders/").status

    problem = first.get("feeds/orders/").problem(429)

    assert problem["detail"].startswith("This reader")
    assert 200 == second.get("feeds/orders/").status


@pytest.mark.usefixtures("one_minute")
def test_wrong_tokens_are_counted_by_address(orders: Feed, settings: Settings) -> None:
    settings.AVISO_THROTTLE_ADDRESS = 1
    here: Any = {"X-Forwarded-For": "203.0.113.77"}
    Api("a.b.c").get("feeds/orders/", **here).problem(401)

    Api("a.b.c").get("feeds/orders/", **here).problem(429)


def test_a_ticket_is_what_the_contract_says(api: Api, secrets: Feed) -> None:
    before = int(time.time())
    reply = api.post("tickets/", {"reader": "u-17", "feeds": ["secrets"]})

    assert 201 == reply.status
    assert "no-store" == reply.headers["Cache-Control"]
    body = reply.body
    assert (HOLDER, ["secrets"]) == (body["reader"], body["feeds"])
    claims = jwt.decode(
        body["ticket"], settings.AVISO_TICKET_SECRET, algorithms=["HS256"]
    )
    assert {"sub", "feeds", "iat", "exp", "jti"} == set(claims)
    assert (HOLDER, ["secrets"]) == (claims["sub"], claims["feeds"])
    assert before <= claims["iat"] <= int(time.time())
    assert 600 == claims["exp"] - claims["iat"]
    assert [200] * 3 == statuses(Api(body["ticket"]))


def test_a_ticket_of_the_most_feeds_is_taken(api: Api) -> None:
    slugs = [f"{n:064}" for n in range(32)]
    Feed.objects.bulk_create(Feed(slug=slug, visibility="private") for slug in slugs)
    body = {"reader": "a" * 64, "feeds": slugs, "expires_in": 3600}

    text = api.post("tickets/", body).body["ticket"]

    assert [200] * 3 == statuses(Api(text), slugs[-1])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"reader": "U-17"}, "/reader"),
        ({"reader": ""}, "/reader"),
        ({"reader": "a@b"}, "/reader"),
        ({"reader": "a" * 65}, "/reader"),
        ({"reader": None}, "/reader"),
        ({"feeds": []}, "/feeds"),
        ({"feeds": "orders"}, "/feeds"),
        ({"feeds": ["orders"] * 33}, "/feeds"),
        ({"feeds": ["No Slug"]}, "/feeds/0"),
        ({"feeds": [None]}, "/feeds/0"),
        ({"expires_in": 59}, "/expires_in"),
        ({"expires_in": 3601}, "/expires_in"),
        ({"expires_in": 600.5}, "/expires_in"),
        ({"expires_in": True}, "/expires_in"),
        ({"expires_in": 10**400}, "/expires_in"),
        ({"more": 1}, "/more"),
    ],
)
def test_a_wrong_wish_is_explained(
    api: Api, orders: Feed, change: dict[str, Any], pointer: str
) -> None:
    body = {"reader": "u-17", "feeds": ["orders"], **change}

    assert pointer == api.post("tickets/", body).problem(400)["pointer"]
