"""The line for people in chat clients."""

from __future__ import annotations

import json

import msgspec
import pytest

from examples import deliver_batch, load
from xmpp_pusher.contract import Change
from xmpp_pusher.messages import Batch
from xmpp_pusher.parsing import parse_message
from xmpp_pusher.summary import MAX_CHARACTERS, describe


def make_data(**values: object) -> dict[str, msgspec.Raw]:
    record = {"id": "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f", "data": values}
    return {
        name: msgspec.Raw(json.dumps(value).encode()) for name, value in record.items()
    }


@pytest.mark.parametrize("bad", ["\b", "\x00", "\ufffe", "\uffff", "\n", "\x7f"])
def test_it_is_one_clean_line(bad: str) -> None:
    line = describe("orders", ["created"], make_data(note=f"a{bad}b"))

    assert "orders: created 7d3c1f5e note=a b" == line


def test_it_is_short() -> None:
    data = make_data(**{f"name-{n}": "x" * 1000 for n in range(100)})

    assert len(describe("orders", ["created"], data)) <= MAX_CHARACTERS


def test_it_passes_over_nested_values() -> None:
    data = make_data(a={"b": 1}, c=[1], d=None, e=True)

    line = describe("orders", ["created"], data)
    assert "orders: created 7d3c1f5e a={…} c=[…] d=null e=true" == line


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("42", "42"),
        ('["7","de"]', '["7","de"]'),
        ("a/b #? 'c'", "a/b #? 'c'"),
        ("x" * 1024, "x" * 59 + "…"),
        ("\u202eabc\u2069", " abc "),
    ],
)
def test_it_names_a_record_by_whatever_its_key_is(key: str, shown: str) -> None:
    data = make_data(a=1) | {"id": msgspec.Raw(json.dumps(key).encode())}

    assert f"orders: created {shown} a=1" == describe("orders", ["created"], data)


def test_it_says_why_a_feed_was_emptied() -> None:
    data = {"cause": msgspec.Raw(b'"truncated"')}

    assert "orders: emptied (truncated)" == describe("orders", ["reset"], data)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["created", "updated"], "orders: 2 events (1 created, 1 updated)"),
        (
            ["created", "unavailable", "created"],
            "orders: 3 events (2 created, 1 could not be relayed)",
        ),
        (["unavailable", "unavailable"], "orders: 2 events could not be relayed"),
        (["granted"], "orders: who may read it has changed"),
        (["granted", "created"], "orders: 1 event (1 created)"),
        (["revoked", "unavailable"], "orders: 1 event could not be relayed"),
        (["reset", "reset"], "orders: emptied"),
        (["reset", "created"], "orders: 2 events (1 created, emptied)"),
        (
            ["deleted", "reset", "reset"],
            "orders: 3 events (1 deleted, emptied 2 times)",
        ),
    ],
)
def test_it_counts_and_passes_over_who_may_read(
    changes: list[Change], expected: str
) -> None:
    assert expected == describe("orders", changes, make_data(a=1))


def test_what_is_read_of_a_batch_never_says_who_may_read() -> None:
    delivery = deliver_batch(load("batches/reader-first.json"), reader="ada@localhost")

    batch = parse_message(delivery)

    assert isinstance(batch, Batch)
    assert "ada" not in batch.description
