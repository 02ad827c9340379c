"""The limits of keys and addresses, and whose word on an address counts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from django.test import RequestFactory
from pytest_django import Settings

from aviso.access.addresses import address_of
from aviso.access.quotas import Quotas
from aviso.feeds.models import Feed
from tests.api import Api, make_api
from tests.serving import serving

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]
ONE = {"data": {"n": 1}}
RECORDS = "feeds/orders/records/"


def _address(peer: str, told: str | None = None) -> str:
    headers = {} if told is None else {"X-Forwarded-For": told}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)
    return address_of(request)


def test_a_key_over_its_limit_is_told_when_to_come_again(
    orders: Feed, settings: Settings
) -> None:
    settings.AVISO_THROTTLE_KEY = 3
    writer = make_api(all_feeds=True, write=True)
    assert [201] * 3 == [writer.post(RECORDS, ONE).status for _ in range(3)]

    reply = writer.post(RECORDS, ONE)

    problem = reply.problem(429)
    assert "urn:aviso:problem:too-many-requests" == problem["type"]
    assert 1 <= int(reply.headers["Retry-After"]) <= 60


def test_another_key_has_its_own_limit(orders: Feed, settings: Settings) -> None:
    settings.AVISO_THROTTLE_KEY = 1
    first, second = (make_api(all_feeds=True, write=True) for _ in range(2))
    first.post(RECORDS, ONE)
    first.post(RECORDS, ONE).problem(429)

    assert 201 == second.post(RECORDS, ONE).status


def test_an_address_without_a_key_is_limited(
    orders: Feed, anonymous: Api, settings: Settings
) -> None:
    settings.AVISO_THROTTLE_ADDRESS = 2
    here = {"X-Forwarded-For": "203.0.113.1"}
    there = {"X-Forwarded-For": "203.0.113.2"}
    for _ in range(2):
        assert 200 == anonymous.get(RECORDS, **here).status

    anonymous.get(RECORDS, **here).problem(429)
    assert 200 == anonymous.get(RECORDS, **there).status


def test_wrong_keys_are_limited_and_do_not_keep_a_right_one_out(
    orders: Feed, settings: Settings
) -> None:
    settings.AVISO_THROTTLE_ADDRESS = 2
    writer = make_api(all_feeds=True, write=True)
    here = {"X-Forwarded-For": "203.0.113.3"}
    wrong = [Api("aviso_wrong").post(RECORDS, ONE, **here).status for _ in range(3)]

    assert [401, 401, 429] == wrong
    assert 201 == writer.post(RECORDS, ONE, **here).status


def test_a_forged_address_does_not_dodge_the_limit(
    orders: Feed, anonymous: Api, settings: Settings
) -> None:
    settings.AVISO_THROTTLE_ADDRESS = 2
    # As a web server leaves it that adds to what the client sent.
    told = [f"198.51.100.{n}, 203.0.113.4" for n in range(3)]

    statuses = [
        anonymous.get(RECORDS, **{"X-Forwarded-For": each}).status for each in told
    ]

    assert [200, 200, 429] == statuses


def test_a_limit_of_0_is_none(orders: Feed, settings: Settings) -> None:
    settings.AVISO_THROTTLE_KEY = 0
    writer = make_api(all_feeds=True, write=True)

    with connection.cursor() as cursor:
        # No model stands for the table, so what tests have committed stays in it.
        cursor.execute("DELETE FROM aviso.request_counts")
        writer.post(RECORDS, ONE)
        cursor.execute(
            "SELECT count(*) FROM aviso.request_counts WHERE caller LIKE 'key:%'"
        )
        assert (0,) == cursor.fetchone()


def test_processes_together_give_what_the_limit_says() -> None:
    one, two = Quotas(lambda: 90), Quotas(lambda: 90)

    given = [
        process.take("key:shared", 300) == 0
        for _ in range(300)
        for process in (one, two)
    ]

    assert 300 == sum(given)


def test_a_clock_that_was_set_back_gives_a_minute_its_own_quota() -> None:
    now = [3_000.0]
    quotas = Quotas(lambda: now[0])
    assert [0, 0, 60] == [quotas.take("key:clock", 2) for _ in range(3)]

    now[0] = 2_400.0

    assert [0, 0, 60] == [quotas.take("key:clock", 2) for _ in range(3)]


def test_counts_of_past_minutes_are_removed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO aviso.request_counts VALUES ('key:old', 1, 1)")
        Quotas().take("key:new", 5)
        cursor.execute(
            "SELECT caller FROM aviso.request_counts WHERE caller ~ 'old|new'"
        )
        assert [("key:new",)] == cursor.fetchall()


@pytest.mark.parametrize(
    ("peer", "told", "expected"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # no proxy of ours
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("172.18.0.5", "10.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("", None, ""),
    ],
)
def test_an_address_is_the_last_that_a_trusted_proxy_tells(
    peer: str, told: str | None, expected: str
) -> None:
    assert expected == _address(peer, told)


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_over_gunicorns_workers(
    orders: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVISO_THROTTLE_ADDRESS", "50")
    with serving(tmp_path) as server, ThreadPoolExecutor(8) as threads:
        path = f"/api/v1/{RECORDS}"

        def call_from(address: str) -> list[int]:
            here = {"X-Forwarded-For": address}
            asked = [here] * 120
            return list(threads.map(lambda h: server.call("GET", path, **h)[0], asked))

        for number in range(9):
            minute = time.time() // 60
            statuses = call_from(f"203.0.113.{50 + number}")
            if minute == time.time() // 60:
                break

    assert (50, 70) == (statuses.count(200), statuses.count(429))
