"""The broker's objects are those of the contract, to the letter."""

from __future__ import annotations

from typing import Any

from aviso.broker.topology import EVENTS_EXCHANGE, REPORTS_EXCHANGE, build_topology
from tests.contracts import read_json

QUEUES = 3


def expand(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write `{n}` out for each queue, as the contract's comment says."""
    expanded = []
    for entry in entries:
        is_numbered = any("{n}" in str(value) for value in entry.values())
        for n in range(QUEUES) if is_numbered else [0]:
            expanded.append(
                {
                    key: value.replace("{n}", str(n))
                    if isinstance(value, str)
                    else value
                    for key, value in entry.items()
                }
            )
    return expanded


def test_exchanges_are_those_of_the_contract() -> None:
    ours = [
        {
            "name": e.name,
            "type": e.type,
            "durable": True,
            "arguments": dict(e.arguments),
        }
        for e in build_topology(QUEUES).exchanges
    ]
    assert read_json("topology.json")["exchanges"] == ours


def test_queues_are_those_of_the_contract() -> None:
    ours = [
        {"name": q.name, "durable": True, "arguments": dict(q.arguments)}
        for q in build_topology(QUEUES).queues
    ]
    assert expand(read_json("topology.json")["queues"]) == ours


def test_bindings_are_those_of_the_contract() -> None:
    ours = [
        {
            "source": b.source,
            "destination_type": b.destination_type,
            "destination": b.destination,
            "routing_key": b.routing_key,
        }
        for b in build_topology(QUEUES).bindings
    ]
    assert expand(read_json("topology.json")["bindings"]) == ours


def test_what_is_published_to_and_read_from_is_what_the_contract_names() -> None:
    contract = read_json("topology.json")
    assert contract["exchanges"][0]["name"] == EVENTS_EXCHANGE
    assert contract["reports"]["exchange"] == REPORTS_EXCHANGE
