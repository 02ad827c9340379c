"""Whatever lies in the parked queue becomes a row, and PostgreSQL takes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from amqp_client.messages import Delivery
from hypothesis import given
from hypothesis import strategies as st

from aviso.parked.message import read_parked

EVENT_ID = "0193f2a0-0000-4000-8000-000000000001"
BY_PUSHER = {
    "feed": "orders",
    "aviso-cause": "too-large",
    "aviso-detail": "it has 400000 bytes",
    "aviso-parked-by": "pusher",
}


def deliver(body: bytes, headers: dict[str, Any] | None = None) -> Delivery:
    return Delivery(
        channel=1,
        tag=1,
        routing_key="feed.orders.created",
        message_id=EVENT_ID,
        content_type="application/json",
        headers=headers or {},
        body=body,
    )


def test_what_the_pusher_says_is_kept() -> None:
    body = json.dumps({"id": EVENT_ID, "feed": "orders", "feedseq": "12"}).encode()

    parked = read_parked(deliver(body, BY_PUSHER))

    assert ("too-large", "it has 400000 bytes", "pusher") == (
        parked.cause,
        parked.detail,
        parked.parked_by,
    )
    assert ("orders", UUID(EVENT_ID), 12) == (
        parked.feed,
        parked.event_id,
        parked.sequence,
    )


def test_without_any_header_it_says_that_there_was_no_cause() -> None:
    parked = read_parked(deliver(b"\xff\x00"))

    assert ("invalid", "it came without a cause") == (parked.cause, parked.detail)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 200_000,
        b"9" * 10_000,
        b'"text"',
        b'{"id": 5, "feed": "NOT A SLUG", "feedseq": "0"}',
        b'{"id": "x", "feed": ["orders"], "feedseq": "9999999999999999999"}',
    ],
)
def test_a_body_that_makes_no_sense_has_no_place(body: bytes) -> None:
    parked = read_parked(deliver(body))

    assert (None, None, None) == (parked.feed, parked.event_id, parked.sequence)


def test_the_body_is_known_again_by_its_hash() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert empty == read_parked(deliver(b"")).fingerprint


amqp_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    body=st.binary(),
    headers=st.dictionaries(
        st.text() | st.sampled_from(["feed", "aviso-cause", "aviso-detail"]),
        amqp_values,
    ),
)
def test_no_header_and_no_body_is_too_odd(body: bytes, headers: dict[str, Any]) -> None:
    parked = read_parked(deliver(body, headers))

    text = json.dumps(parked.headers, allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in text
    text.encode("utf-8")
    (parked.cause + parked.detail + parked.parked_by + (parked.feed or "")).encode()


def test_times_and_decimals_become_text() -> None:
    headers = {"at": datetime(2026, 1, 1, tzinfo=UTC), "price": Decimal("1.5")}

    parked = read_parked(deliver(b"", headers))

    assert {"at": "2026-01-01 00:00:00+00:00", "price": "1.5"} == parked.headers


LONGEST = json.dumps("\U0001f511" * 1024)


@pytest.mark.parametrize(
    "subject", ["", '"subject":"a \\" b",', f'"subject":{LONGEST},']
)
def test_an_event_too_deep_to_be_read_is_known_by_its_beginning(subject: str) -> None:
    body = (
        f'{{"specversion":"1.0","id":"{EVENT_ID}","source":"/feeds/orders",'
        f'"type":"aviso.record.created.v1",{subject}"time":"2026-11-24T09:30:00Z",'
        '"feed":"orders","feedepoch":"k3f9","feedseq":"12","data":'
        f"{'[' * 100_000}"
    )

    parked = read_parked(deliver(body.encode()))

    assert ("orders", UUID(EVENT_ID), 12) == (
        parked.feed,
        parked.event_id,
        parked.sequence,
    )
