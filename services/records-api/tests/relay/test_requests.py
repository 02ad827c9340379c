"""The pusher lacks events: what it asks for travels again."""

from __future__ import annotations

import json

import pytest

from aviso.relay.broker import Delivery
from aviso.relay.requests import Republish, read_request
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually

HEADERS: dict[str, object] = {"aviso-request": "republish"}


def make_delivery(body: object, headers: dict[str, object] = HEADERS) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(1, False, "", None, None, headers, raw)


def make_request(**fields: object) -> dict[str, object]:
    request = {"feed": "orders", "feedepoch": "abcd", "first": "1", "last": "9"}
    return request | fields


def test_a_request_is_read() -> None:
    assert Republish("orders", "abcd", 1, 9) == read_request(
        make_delivery(make_request())
    )


def test_without_the_header_it_is_a_parked_message() -> None:
    assert read_request(make_delivery(make_request(), {})) is None


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        [],
        make_request(feed="No Slug"),
        make_request(feedepoch=7),
        make_request(feedepoch="abc\0"),
        make_request(feedepoch="abc\ud800"),
        make_request(feedepoch="NoEpoch"),
        make_request(first="0"),
        make_request(first=1),
        make_request(first="9", last="1"),
        make_request(last="9" * 19),
    ],
)
def test_what_can_not_be_read_is_no_request(body: object) -> None:
    assert read_request(make_delivery(body)) is None


def ask(broker: Broker, **fields: object) -> None:
    body = json.dumps(make_request(**fields)).encode()
    broker.park(body, headers=HEADERS)


def test_what_is_asked_for_travels_again_and_nothing_is_parked(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 9)
    database.wait_until_published()
    before = [message.sequence for message in broker.take_all()]
    epoch = database.value("SELECT epoch FROM aviso.feeds WHERE slug = 'orders'")

    ask(broker, feedepoch=epoch, first="4", last="6")
    again = eventually(lambda: [m.sequence for m in broker.take_all()])

    assert [None, *range(1, 10)] == before
    assert [4, 5, 6] == again
    assert 0 == database.value("SELECT count(*) FROM aviso.parked_events")


def test_from_the_first_on_the_opening_travels_again_too(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 2)
    database.wait_until_published()
    broker.take_all()
    epoch = database.value("SELECT epoch FROM aviso.feeds WHERE slug = 'orders'")

    ask(broker, feedepoch=epoch, first="1", last="2")
    again = eventually(lambda: [m.sequence for m in broker.take_all()])

    assert [None, 1, 2] == again


def test_a_request_of_another_epoch_moves_nothing(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.add_records("orders", 2)
    database.wait_until_published()
    broker.take_all()

    ask(broker, feedepoch="another", first="1", last="2")
    eventually(lambda: relay.lines("republished"))

    assert [] == broker.take_all()
