"""The broker's objects are those of the contract, and the relay may make none."""

from __future__ import annotations

import pika  # type: ignore[import-untyped]  # pika 1.4.4 has types but no py.typed
import pytest
from aviso_native.definitions import FILE, write_template
from pika.exceptions import (  # type: ignore[import-untyped]
    ChannelClosedByBroker,
)

from aviso.broker.topology import relay_topology
from tests.contracts import read_json
from tests.relay.drivers import Broker
from tests.relay.rabbitmq import QUEUES, Node

ACCESS_REFUSED = 403


def test_what_the_relay_works_with_is_in_the_contract() -> None:
    contract = read_json("topology.json")
    topology = relay_topology(QUEUES)

    queues = {
        each["name"].replace("{n}", str(n))
        for each in contract["queues"]
        for n in range(QUEUES)
    }
    assert set(topology.queues) <= queues
    assert set(topology.exchanges) <= {e["name"] for e in contract["exchanges"]}


def test_the_definitions_are_those_of_the_contract() -> None:
    # Else: PYTHONPATH=deploy/native python3 -m aviso_native.definitions
    assert write_template() == FILE.read_text()


@pytest.mark.parametrize("user", ["aviso", "pusher"])
def test_neither_user_deletes_or_makes_a_queue_or_an_exchange(
    user: str, node: Node, broker: Broker
) -> None:
    url = {"aviso": node.url, "pusher": node.pusher_url}[user]
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        for act, name in (
            ("queue_delete", "xmpp-pusher.0"),
            ("queue_delete", "record-events.reports"),
            ("queue_declare", "eavesdropper"),
            ("exchange_delete", "record-events"),
        ):
            with pytest.raises(ChannelClosedByBroker) as refused:
                getattr(connection.channel(), act)(name)
            assert ACCESS_REFUSED == refused.value.reply_code
    finally:
        connection.close()
    assert 0 == broker.depth("xmpp-pusher.0")
