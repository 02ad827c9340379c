"""The contract's limits and alphabets, as the pusher has them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from examples import CONTRACTS
from xmpp_pusher import contract


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CONTRACTS / name).read_text())
    return document


def test_the_limits_are_the_contracts() -> None:
    topology = load("topology.json")

    limits = topology["publish"]["limits"]
    assert (limits["events"], limits["event_bytes"], limits["encoded_bytes"]) == (
        contract.MAX_EVENTS,
        contract.MAX_EVENT_BYTES,
        contract.MAX_ENCODED_BYTES,
    )
    assert (
        f"at most {contract.MAX_REPORTS} objects"
        in topology["reports"]["body"]["reports"]
    )


def test_a_key_is_as_long_as_the_contracts_let_it_be() -> None:
    event = load("batch.schema.json")["properties"]["events"]["items"]["properties"]
    subject = load("event.schema.json")["$defs"]["subject"]

    for schema in (event["subject"], subject):
        lengths = (schema["minLength"], schema["maxLength"])
        assert (1, contract.MAX_SUBJECT_CHARACTERS) == lengths


@pytest.mark.parametrize(
    ("member", "pattern"),
    [
        ("feed", contract.FEED),
        ("source", contract.SOURCE),
        ("feedepoch", contract.EPOCH),
        ("feedseq", contract.SEQUENCE),
    ],
)
def test_the_alphabets_are_the_contracts(member: str, pattern: str) -> None:
    expected = load("batch.schema.json")["properties"][member]["pattern"]

    # \Z where the schema says $: Python's $ lets a line break pass.
    assert expected == pattern.replace(r"\Z", "$")


def test_the_types_of_events_are_the_contracts() -> None:
    known = load("event.schema.json")["properties"]["type"]["enum"]

    assert set(known) == {*contract.CHANGES, contract.OPENING}
    assert re.search(contract.BATCH, json.dumps(load("topology.json")))
