"""The commands that look at the pipeline or change what travels, on real servers."""

from __future__ import annotations

import json

import pytest

from aviso.broker.topology import PARKED_QUEUE
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually, manage
from tests.relay.pusher import Pusher
from tests.relay.rabbitmq import Node


def test_pipeline_tells_what_stands_where(
    database: Database,
    broker: Broker,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    database.add_feed("orders")
    database.add_records("orders", 3)
    relay = start_relay()
    relay.wait_for_broker()
    database.wait_until_published()
    # It reads what is parked a moment after it has the broker.
    eventually(lambda: broker.readers(PARKED_QUEUE) == 1)

    pipeline = json.loads(manage(environment, "pipeline", "--json"))

    assert {"unpublished": 0, "unnumbered": 0, "oldest_age_s": 0.0} == pipeline[
        "outbox"
    ]
    assert ("orders", 3) == (
        pipeline["last_published"]["feed"],
        pipeline["last_published"]["sequence"],
    )
    depths = {name: state["depth"] for name, state in pipeline["queues"].items()}
    assert {0} == set(depths.values())
    assert 1 == pipeline["queues"][PARKED_QUEUE]["consumers"]


def test_pipeline_says_that_the_broker_is_away_and_tells_the_rest(
    database: Database, node: Node, environment: dict[str, str]
) -> None:
    database.add_feed("orders")
    database.add_records("orders", 3)
    node.stop()
    try:
        text = manage(environment, "pipeline")
    finally:
        node.start()

    assert "3 unpublished" in text
    assert "3 of them without a sequence" in text
    assert "broker          unreachable: " in text


def test_pipeline_on_an_empty_broker_says_which_queues_are_missing(
    broker: Broker,
    environment: dict[str, str],
) -> None:
    broker.delete()

    assert 4 == manage(environment, "pipeline").count("does not exist")


def test_republished_events_are_offered_again_and_an_emptied_archive_filled(
    database: Database,
    pusher: Pusher,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    database.add_feed("orders")
    database.add_records("orders", 10)
    start_relay()
    database.wait_until_published()
    del pusher.archives["orders"]

    said = manage(environment, "republish", "orders", "--from", "3")
    eventually(lambda: pusher.sequences("orders")[-1:] == [10])
    database.wait_until_published()

    assert "8 events travel again\n" == said
    assert list(range(1, 11)) == pusher.sequences("orders")


def test_a_new_epoch_is_announced_and_goes_on_with_the_next_sequence(
    database: Database,
    pusher: Pusher,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    database.add_feed("orders")
    database.add_records("orders", 2)
    start_relay()
    database.wait_until_published()
    old = pusher.take()[0].event["feedepoch"]

    manage(environment, "new_epoch", "--all")
    database.add_records("orders", 1)
    database.wait_until_published()

    opened, event = pusher.take()
    assert "2" == opened.event["data"]["head"]
    assert 3 == event.sequence
    assert opened.event["feedepoch"] == event.event["feedepoch"] != old


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["republish", "nobody", "--from", "1"], "there is no feed nobody"),
        (["republish", "orders", "--from", "0"], "expected 1 or more"),
        (["new_epoch"], "name feeds, or say --all"),
        (["new_epoch", "nobody"], "there is no feed nobody"),
        (
            ["parked", "send", "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"],
            "there is no parked event",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(
    database: Database, environment: dict[str, str], arguments: list[str], words: str
) -> None:
    database.add_feed("orders")

    with pytest.raises(RuntimeError, match=words):
        manage(environment, *arguments)


@pytest.mark.parametrize("name", ["AVISO_AMQP_URL", "AVISO_QUEUES", "AVISO_RELAY_BIND"])
def test_the_relay_does_not_start_on_a_wrong_variable_and_names_it(
    environment: dict[str, str], name: str
) -> None:
    with pytest.raises(RuntimeError, match=name):
        manage({**environment, name: "nonsense"}, "aviso_relay")
