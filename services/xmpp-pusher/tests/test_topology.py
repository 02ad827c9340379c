from __future__ import annotations

import json
from typing import Any

import pytest

from examples import CONTRACTS
from xmpp_pusher.amqp import topology


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CONTRACTS / "topology.json").read_text())
    return document


def expand(entries: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Write out the entries that stand for one per queue."""
    expanded = []
    for entry in entries:
        text = json.dumps(entry)
        numbers = range(count) if "{n}" in text else range(1)
        expanded += [json.loads(text.replace("{n}", str(n))) for n in numbers]
    return expanded


def test_the_exchanges_are_those_of_the_contract(contract: dict[str, Any]) -> None:
    ours = [
        {"name": e.name, "type": e.type, "durable": True, "arguments": e.arguments}
        for e in topology.EXCHANGES
    ]

    assert contract["exchanges"] == ours


@pytest.mark.parametrize("count", [1, 3])
def test_the_queues_are_those_of_the_contract(
    contract: dict[str, Any], count: int
) -> None:
    ours = [
        {"name": q.name, "durable": True, "arguments": q.arguments}
        for q in topology.list_queues(count)
    ]

    assert expand(contract["queues"], count) == ours


@pytest.mark.parametrize("count", [1, 3])
def test_the_bindings_are_those_of_the_contract(
    contract: dict[str, Any], count: int
) -> None:
    ours = [
        {
            "source": b.source,
            "destination_type": b.destination_type,
            "destination": b.destination,
            "routing_key": b.routing_key,
        }
        for b in topology.list_bindings(count)
    ]

    assert expand(contract["bindings"], count) == ours
