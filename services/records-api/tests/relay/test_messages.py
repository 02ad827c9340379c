"""Batches and openings as messages, to the letter of contracts/topology.json."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
from amqp_client.messages import Publication

from aviso.events.rendering import Lists
from aviso.outbox.states import Opening
from aviso.relay.messages import publish_batch, publish_opening
from tests.contracts import read_json, validate_event
from tests.relay.lanes import make_batch, make_state

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OPENING_ID = UUID("0193f2a0-0000-4000-8000-000000000001")
LISTS = Lists(["ada@localhost"], ["u-17@ticket.localhost"])
CONTRACT = read_json("topology.json")["publish"]


def opening() -> Publication:
    state = replace(
        make_state(head=9, published=8),
        opening=Opening("k3f9", "private"),
        pruned=4,
        begun=6,
    )
    return publish_opening(state, LISTS, OPENING_ID, "run-1", archived=8)


def test_a_batch_is_named_by_what_it_holds() -> None:
    publication = publish_batch(make_batch(3, 5, epoch="k3f9"), "run-1")

    assert CONTRACT["routing_keys"]["batch"].format(feed="orders") == (
        publication.routing_key
    )
    assert (
        CONTRACT["properties"]["message_id"]
        .split(";")[0]
        .removeprefix("a batch: ")
        .format(feed="orders", epoch="k3f9", first=3, last=5)
        == publication.message_id
    )
    assert ("aviso.batch.v2", "application/json", None) == (
        publication.type,
        publication.content_type,
        publication.content_encoding,
    )
    told = {"feed": "orders", "epoch": "k3f9", "first": "3", "last": "5"}
    assert told | {"run": "run-1"} == publication.headers


def test_a_batch_says_that_it_is_deflated_and_whom_it_is_about() -> None:
    batch = replace(
        make_batch(1, 1),
        is_deflated=True,
        reader="ada@localhost",
        traceparent=TRACEPARENT,
    )

    publication = publish_batch(batch, "run-1")

    assert "deflate" == publication.content_encoding
    assert "ada@localhost" == publication.headers["reader"]
    assert TRACEPARENT == publication.headers["traceparent"]
    assert set(CONTRACT["properties"]["headers"]) == set(publication.headers)


def test_nothing_of_it_is_for_the_brokers_disk() -> None:
    # AMQP's delivery mode 1, which is not persistent.
    assert 1 == CONTRACT["properties"]["delivery_mode"]
    assert not publish_batch(make_batch(1, 1), "run-1").is_persistent
    assert not opening().is_persistent


@pytest.mark.parametrize("odd", [None, "", "x" * 200_000, TRACEPARENT + "\n", "00-zz"])
def test_what_is_no_traceparent_is_left_out(odd: str | None) -> None:
    batch = replace(make_batch(1, 1), traceparent=odd)

    assert "traceparent" not in publish_batch(batch, "run-1").headers


def test_an_opening_tells_where_the_epoch_begins_and_who_may_read() -> None:
    event = json.loads(opening().body)

    validate_event(event)
    assert {
        "head": "6",
        "archived": "8",
        "visibility": "private",
        "readers": ["ada@localhost"],
        "revoked": ["u-17@ticket.localhost"],
    } == event["data"]


def test_an_opening_is_named_by_its_id() -> None:
    publication = opening()

    assert CONTRACT["routing_keys"]["opening"].format(feed="orders") == (
        publication.routing_key
    )
    assert ("aviso.feed.opened.v1", str(OPENING_ID)) == (
        publication.type,
        publication.message_id,
    )
    assert {"feed": "orders", "epoch": "k3f9", "run": "run-1"} == publication.headers
