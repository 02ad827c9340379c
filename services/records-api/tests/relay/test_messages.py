"""Rows of the outbox as messages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from aviso.events.rendering import EventRow, Lists, format_time
from aviso.relay.messages import (
    build_event,
    build_opening,
    build_publication,
    build_unavailable,
)
from aviso.relay.outgoing import Opening
from tests.contracts import read_json, validate_event

TIME = datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OPENING = Opening("k3f9", "public")
SUBJECT = "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"
ROW = EventRow(
    id=UUID("0193f2a0-0000-4000-8000-000000000001"),
    feed="orders",
    type="created",
    subject=SUBJECT,
    reader=None,
    data=f'{{"id":"{SUBJECT}","version":1,"created_at":"{format_time(TIME)}",'
    f'"updated_at":"{format_time(TIME)}","data":{{"item": "tea"}}}}',
    time=TIME,
    sequence=1041,
    traceparent=TRACEPARENT,
)

GRANTED = replace(ROW, type="granted", subject=None, reader="ada@localhost", data="{}")
LISTS = Lists(["ada@localhost"], ["u-17@ticket.localhost"])


def with_traceparent(traceparent: str | None) -> EventRow:
    return replace(ROW, traceparent=traceparent)


@pytest.mark.parametrize(
    "message",
    [
        build_event(OPENING, ROW),
        build_opening("orders", Opening("k3f9", "private"), 1040, LISTS),
        build_event(OPENING, GRANTED),
        build_unavailable(build_event(OPENING, ROW), "too-large"),
    ],
    ids=["event", "opening", "granted", "unavailable"],
)
def test_every_message_keeps_the_contract(message: object) -> None:
    publication = build_publication(message)  # type: ignore[arg-type]
    event = json.loads(publication.body)
    routing_keys = read_json("topology.json")["publish"]["routing_keys"]

    validate_event(event)
    assert event["id"] == publication.message_id
    assert event["feed"] == publication.headers["feed"]
    assert routing_keys[event["type"]].format(feed="orders") == publication.routing_key


def test_a_traceparent_goes_into_the_headers() -> None:
    headers = build_publication(build_event(OPENING, ROW)).headers

    assert {"feed": "orders", "traceparent": TRACEPARENT} == headers


@pytest.mark.parametrize("odd", [None, "", "x" * 200_000, TRACEPARENT + "\n", "00-zz"])
def test_what_is_no_traceparent_is_left_out(odd: str | None) -> None:
    headers = build_publication(build_event(OPENING, with_traceparent(odd))).headers

    assert {"feed": "orders"} == headers


def test_whom_an_event_is_about_stands_in_a_header_and_nowhere_else() -> None:
    publication = build_publication(build_event(OPENING, GRANTED))

    assert "ada@localhost" == publication.headers["reader"]
    assert b"ada" not in publication.body


def test_what_keeps_the_place_of_a_readers_event_names_nobody() -> None:
    substitute = build_unavailable(build_event(OPENING, GRANTED), "unroutable")

    assert "reader" not in build_publication(substitute).headers


def test_an_opening_tells_who_may_read_and_who_no_longer_may() -> None:
    body = build_opening("orders", Opening("k3f9", "private"), 7, LISTS).body

    assert {
        "head": "7",
        "visibility": "private",
        "readers": ["ada@localhost"],
        "revoked": ["u-17@ticket.localhost"],
    } == json.loads(body)["data"]


def test_what_keeps_a_place_has_its_sequence_and_always_the_same_id() -> None:
    message = build_event(OPENING, ROW)
    first, second = (build_unavailable(message, "too-large") for _ in range(2))

    assert message.first == first.first
    assert first.event_id == second.event_id
    assert first.event_id != message.event_id
    assert {
        "event_id": message.event_id,
        "type": "aviso.record.created.v1",
        "cause": "too-large",
    } == json.loads(first.body)["data"]
