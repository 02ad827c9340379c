"""From a message to a batch, an opening or a cause, over the contract's examples."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amqp_client.messages import Delivery
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from examples import (
    CONTRACTS,
    deliver_batch,
    load,
    make_batch,
    make_opening,
    make_reader_batch,
    write,
)
from xmpp_pusher.contract import BATCH, CHANGES, MAX_ENCODED_BYTES
from xmpp_pusher.messages import Batch, Opening, Poison, Reader
from xmpp_pusher.parsing import parse_message
from xmpp_pusher.position import Position, Span

EXAMPLES = CONTRACTS / "examples"
GOOD = sorted((EXAMPLES / "batches").glob("*.json"))
BAD = sorted((EXAMPLES / "batches/invalid").glob("*.json"))
OPENINGS = sorted((EXAMPLES / "events").glob("feed-opened*.json"))
SCHEMA = Draft202012Validator(json.loads((CONTRACTS / "batch.schema.json").read_text()))


def deliver(document: dict[str, Any], **more: Any) -> Delivery:
    return deliver_batch(document, reader="ada@localhost", **more)


def read_poison(delivery: Delivery) -> Poison:
    message = parse_message(delivery)
    assert isinstance(message, Poison)
    return message


def read_batch(delivery: Delivery) -> Batch:
    message = parse_message(delivery)
    assert isinstance(message, Batch)
    return message


@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_example_is_taken_as_it_came(path: Path, deflated: bool) -> None:
    document = json.loads(path.read_text())
    delivery = deliver(document, deflated=deflated)

    batch = read_batch(delivery)

    first = int(document["feedseq"])
    last = first + len(document["events"]) - 1
    assert ("orders", Span("k3f9", first, last)) == (batch.feed, batch.span)
    assert (delivery.body, deflated) == (batch.payload, batch.is_deflated)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_invalid_example_is_refused(path: Path) -> None:
    poison = read_poison(deliver(json.loads(path.read_text())))

    assert "invalid" == poison.cause


def test_the_folders_of_examples_are_not_empty() -> None:
    assert len(GOOD) >= 4
    assert len(BAD) >= 8
    assert len(OPENINGS) >= 2


@pytest.mark.parametrize("path", OPENINGS, ids=lambda path: path.stem)
def test_an_opening_is_read(path: Path) -> None:
    document = json.loads(path.read_text())
    headers = {"feed": document["feed"], "run": "r1"}
    body = write(document)

    opening = parse_message(Delivery(1, 1, body, document["type"], headers=headers))

    assert isinstance(opening, Opening)
    head = int(document["data"]["head"])
    assert Position(document["feedepoch"], head) == opening.at
    assert int(document["data"]["archived"]) == opening.archived
    assert document["data"].get("readers") == (
        None if opening.readers is None else list(opening.readers)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("feed", "stock"),
        ("feed", None),
        ("epoch", "other"),
        ("first", "2"),
        ("first", "x"),
        ("last", "4"),
        ("last", "2"),
        ("last", 3),
        ("run", None),
        ("run", "x" * 65),
    ],
)
def test_headers_that_do_not_fit_the_body_are_invalid(name: str, value: object) -> None:
    delivery = make_batch(1, 3)
    headers = {**delivery.headers, name: value}

    assert "invalid" == read_poison(replace(delivery, headers=headers)).cause


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":NaN}', b'{"a":"\x01"}'])
def test_what_is_no_json_is_unreadable_and_keeps_its_headers(body: bytes) -> None:
    poison = read_poison(replace(make_batch(1, 3), body=body))

    assert "unreadable" == poison.cause
    assert ("orders", Span("e001", 1, 3), "r1") == (
        poison.feed,
        poison.span,
        poison.run,
    )


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"\xff", b'"\xc3\xa9"'])
def test_json_that_is_no_object_in_ascii_is_invalid(body: bytes) -> None:
    assert "invalid" == read_poison(replace(make_batch(1, 1), body=body)).cause


def test_deep_nesting_is_too_deep() -> None:
    delivery = make_batch(1, 1)
    deep = delivery.body.replace(b'"count":3', b'"count":' + b"[" * 9999 + b"]" * 9999)

    assert "too-deep" == read_poison(replace(delivery, body=deep)).cause


def test_an_integer_of_thousands_of_digits_is_no_reason_to_refuse() -> None:
    delivery = make_batch(1, 1)
    body = delivery.body.replace(b'"count":3', b'"count":' + b"9" * 10_000)

    assert body == read_batch(replace(delivery, body=body)).payload


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no deflated data",
        zlib.compress(b"{}")[:-1],
        zlib.compress(b"{}") + b"more",
        # A small message that would fill the memory.
        zlib.compress(b" " * 50_000_000),
    ],
)
def test_what_can_not_be_inflated_is_unreadable(body: bytes) -> None:
    delivery = replace(make_batch(1, 1), body=body, content_encoding="deflate")

    assert "unreadable" == read_poison(delivery).cause


def test_an_encoding_that_is_not_known_is_unreadable() -> None:
    delivery = replace(make_batch(1, 1), content_encoding="br")

    assert "unreadable" == read_poison(delivery).cause


def test_size_counts_as_it_stands_in_the_stanza() -> None:
    single = load("batches/single.json")
    single["events"][0]["data"]["data"] = {"x": "&" * (MAX_ENCODED_BYTES // 5)}

    assert "too-large" == read_poison(deliver_batch(single)).cause
    # Deflated the same is small.
    assert read_batch(deliver_batch(single, deflated=True)).is_deflated


@pytest.mark.parametrize("kind", ["aviso.batch.v3", "aviso.record.created.v1", None])
def test_an_unknown_type_is_told_apart_and_names_no_place(kind: str | None) -> None:
    poison = read_poison(replace(make_batch(1, 1), type=kind))

    assert ("unknown-type", None) == (poison.cause, poison.span)


def test_an_unknown_type_of_event_is_told_apart() -> None:
    single = load("batches/single.json")
    single["type"] = "aviso.record.moved.v1"

    poison = read_poison(deliver_batch(single))
    assert "unknown-type" == poison.cause
    assert Span("k3f9", 1041, 1041) == poison.span


def test_whom_a_batch_is_about_stands_in_its_header() -> None:
    batch = read_batch(make_reader_batch(1, "granted", "ada@localhost"))

    assert Reader("ada@localhost", "granted") == batch.reader


@pytest.mark.parametrize("reader", [None, "", "ada", "a@b/c", "\x00@b", "a'@b", 1])
def test_a_reader_that_is_no_bare_jid_is_invalid(reader: object) -> None:
    delivery = make_reader_batch(1, "granted", "ada@localhost")
    headers = {**delivery.headers, "reader": reader}

    assert "invalid" == read_poison(replace(delivery, headers=headers)).cause


@pytest.mark.parametrize("names", [["ada"], ["a@b/c"], ["\x00@b"], "a@b", [1]])
def test_an_opening_with_a_name_that_is_none_is_invalid(names: Any) -> None:
    assert "invalid" == read_poison(make_opening(readers=names)).cause


@pytest.mark.parametrize("name", ["feed", "run"])
def test_an_opening_without_its_headers_is_invalid(name: str) -> None:
    delivery = make_opening()
    headers = {k: v for k, v in delivery.headers.items() if k != name}

    assert "invalid" == read_poison(replace(delivery, headers=headers)).cause


def test_what_stands_in_for_another_is_not_compared() -> None:
    assert read_batch(deliver(load("batches/unavailable.json"))).first_id is None
    expected = load("batches/single.json")["events"][0]["id"]
    assert expected == read_batch(deliver(load("batches/single.json"))).first_id


def test_a_detail_never_holds_the_events_content() -> None:
    single = load("batches/single.json")
    single["events"][0]["data"] = ["secret-word"]
    single["events"][0]["id"] = "secret-word"

    assert "secret-word" not in read_poison(deliver_batch(single)).detail


@given(st.binary(max_size=200), st.sampled_from([None, "deflate"]))
def test_no_bytes_raise(body: bytes, encoding: str | None) -> None:
    parse_message(replace(make_batch(1, 1), body=body, content_encoding=encoding))


_MEMBERS = st.sampled_from(
    ["specversion", "source", "feed", "feedepoch", "feedseq", "type", "time", "other"]
)
_EVENT_MEMBERS = st.sampled_from(
    ["id", "type", "time", "subject", "data", "feed", "feedseq", "specversion"]
)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from(["", "1.0", "x y", "orders", "/feeds/orders", "0", "1", "k3f9"]),
    st.sampled_from(sorted(CHANGES)),
    st.just([]),
    st.just({}),
)


@given(
    path=st.sampled_from(GOOD),
    changes=st.dictionaries(_MEMBERS, _VALUES, max_size=2),
    event_changes=st.dictionaries(_EVENT_MEMBERS, _VALUES, max_size=2),
    missing=st.sets(_MEMBERS, max_size=1),
)
def test_what_is_taken_is_a_batch_of_the_schema(
    path: Path,
    changes: dict[str, Any],
    event_changes: dict[str, Any],
    missing: set[str],
) -> None:
    document = json.loads(path.read_text())
    document["events"][0].update(event_changes)
    document.update(changes)
    for name in missing:
        document.pop(name, None)

    message = parse_message(deliver(document))

    if isinstance(message, Batch):
        SCHEMA.validate(document)
    else:
        assert BATCH == deliver(document).type
