"""From bytes to an event or a cause, over the contract's examples and beyond."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from examples import CONTRACTS
from xmpp_pusher.contract import CHANGES, OPENED, NotInContract, check
from xmpp_pusher.events import Event, Opening, Poison
from xmpp_pusher.reading import MAX_DEPTH, read_message

MAX_BYTES = 393_216
GOOD = sorted((CONTRACTS / "examples/events").glob("*.json"))
BAD = sorted((CONTRACTS / "examples/events/invalid").glob("*.json"))
SCHEMA = Draft202012Validator(json.loads((CONTRACTS / "event.schema.json").read_text()))


def read(body: bytes, feed: str | None = "orders") -> Event | Opening | Poison:
    return read_message(body, feed, MAX_BYTES, "ada@localhost")


def change(**members: Any) -> bytes:
    event = json.loads((CONTRACTS / "examples/events/record-created.json").read_text())
    event.update(members)
    return json.dumps(event, separators=(",", ":")).encode()


def nest(levels: int) -> bytes:
    deep = b"[" * levels + b"]" * levels
    return change().replace(b'"count":3', b'"count":' + deep)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_example_is_taken(path: Path) -> None:
    message = read_message(path.read_bytes(), "orders", MAX_BYTES, "ada@localhost")

    assert not isinstance(message, Poison)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_invalid_example_is_refused(path: Path) -> None:
    message = read(path.read_bytes())

    assert isinstance(message, Poison)
    expected = "unknown-type" if path.stem == "unknown-type" else "invalid"
    assert expected == message.cause


def test_the_folders_of_examples_are_not_empty() -> None:
    assert len(GOOD) >= 6
    assert len(BAD) >= 7


def test_an_event_is_read_with_its_text_unchanged() -> None:
    body = change()

    event = read(body)

    assert isinstance(event, Event)
    assert body.decode() == event.text
    assert ("orders", "k3f9", 1041) == (event.feed, event.epoch, event.sequence)
    assert "created" == event.change


def test_an_opening_is_read() -> None:
    opening = read((CONTRACTS / "examples/events/feed-opened.json").read_bytes())

    assert isinstance(opening, Opening)
    assert (0, "public") == (opening.head, opening.visibility)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a":NaN}',
        b'{"a":"\x01"}',
        b'"\xed\xa0\x80"',
        b"{} {}",
    ],
)
def test_what_is_no_json_is_unreadable_and_has_no_place(body: bytes) -> None:
    message = read(body)

    assert isinstance(message, Poison)
    assert ("unreadable", None) == (message.cause, message.stand_in)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"'])
def test_json_that_is_no_object_is_invalid(body: bytes) -> None:
    message = read(body)

    assert isinstance(message, Poison)
    assert "invalid" == message.cause


@pytest.mark.parametrize("levels", [MAX_DEPTH, 5_000, 100_000])
def test_deep_nesting_is_too_deep_and_keeps_its_place(levels: int) -> None:
    message = read(nest(levels))

    assert isinstance(message, Poison)
    assert "too-deep" == message.cause
    assert message.stand_in is not None
    assert 1041 == message.stand_in.sequence


def test_many_brackets_that_are_not_nested_are_fine() -> None:
    flat = b"[" + b"[]," * 2000 + b"0]"

    assert isinstance(read(change().replace(b'"count":3', b'"count":' + flat)), Event)


def test_brackets_in_a_string_are_not_nesting() -> None:
    assert isinstance(read(change(source="/feeds/orders", later="[{" * 3000)), Event)


def test_an_integer_of_thousands_of_digits_is_no_reason_to_refuse() -> None:
    body = change().replace(b'"count":3', b'"count":' + b"9" * 10_000)

    assert isinstance(read(body), Event)


def test_an_event_that_no_stanza_may_hold_is_too_large_and_keeps_its_place() -> None:
    message = read(change(later="x" * MAX_BYTES))

    assert isinstance(message, Poison)
    assert "too-large" == message.cause
    assert message.stand_in is not None


def test_size_counts_as_xml() -> None:
    # Each & is five bytes in the stanza.
    message = read(change(later="&" * (MAX_BYTES // 4)))

    assert isinstance(message, Poison)
    assert "too-large" == message.cause


def test_64_kib_of_the_worst_data_is_not_too_large() -> None:
    assert isinstance(read(change(later="&" * 65_536)), Event)


def test_what_is_beyond_ascii_becomes_escapes() -> None:
    body = change(later="é😀").decode()
    raw = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":"))

    event = read(raw.encode())

    assert isinstance(event, Event)
    assert event.text.isascii()
    assert json.loads(raw) == json.loads(event.text)


@pytest.mark.parametrize("header", [None, "stock"])
def test_a_header_that_is_not_the_events_feed_is_invalid_without_a_place(
    header: str | None,
) -> None:
    message = read(change(), header)

    assert isinstance(message, Poison)
    assert ("invalid", None) == (message.cause, message.stand_in)


@pytest.mark.parametrize(
    "kind", ["aviso.record.created.v2", "aviso.feed.closed.v1", ""]
)
def test_an_unknown_type_is_told_apart(kind: str) -> None:
    message = read(change(type=kind))

    assert isinstance(message, Poison)
    assert "unknown-type" == message.cause


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_stand_in_is_an_event_of_the_contract(path: Path) -> None:
    message = read(path.read_bytes())

    assert isinstance(message, Poison)
    if message.stand_in is not None:
        SCHEMA.validate(json.loads(message.stand_in.text))
        assert isinstance(read(message.stand_in.text.encode()), Event)


def test_the_same_poison_gives_the_same_stand_in() -> None:
    body = change(data=[1])

    assert read(body) == read(body)


def test_a_stand_in_tells_the_event_it_stands_for() -> None:
    message = read(change(data=[1]))

    assert isinstance(message, Poison)
    assert message.stand_in is not None
    expected = {
        "event_id": "0193f2a0-0000-4000-8000-000000000001",
        "type": "aviso.record.created.v1",
        "cause": "invalid",
    }
    assert expected == json.loads(message.stand_in.text)["data"]


def test_a_detail_never_holds_the_events_content() -> None:
    message = read(change(data={"secret-word": 1}))

    assert isinstance(message, Poison)
    assert "secret-word" not in message.detail


_MEMBERS = st.sampled_from(
    [
        *("specversion", "id", "source", "type", "subject", "time", "feed"),
        *("feedepoch", "feedseq", "data", "datacontenttype", "other"),
    ]
)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from(["", "1.0", "x y", "orders", "0", "1", "application/json", OPENED]),
    st.sampled_from(sorted(CHANGES)),
    st.just([]),
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "head": st.sampled_from(["0", "00", "5", 5]),
            "visibility": st.sampled_from(["public", "secret", None]),
            "cause": st.sampled_from(["too-large", "Too large", 1]),
            "event_id": st.sampled_from([None, "x", 1]),
            "type": st.sampled_from([None, "x", 1]),
            "version": st.sampled_from([0, 1, 1.0, 1.5, True, "1"]),
            "data": st.sampled_from([{}, [], None]),
        },
    ),
)


@given(
    path=st.sampled_from(GOOD),
    changes=st.dictionaries(_MEMBERS, _VALUES, max_size=3),
    data_changes=st.dictionaries(
        st.sampled_from(["version", "data", "cause", "head", "visibility", "event_id"]),
        _VALUES,
        max_size=2,
    ),
    missing=st.sets(_MEMBERS, max_size=1),
)
def test_the_hand_written_checks_and_the_schema_agree(
    path: Path,
    changes: dict[str, Any],
    data_changes: dict[str, Any],
    missing: set[str],
) -> None:
    event = json.loads(path.read_text())
    event["data"].update(data_changes)
    event.update(changes)
    for name in missing:
        event.pop(name, None)

    try:
        check(event)
        is_good = True
    except NotInContract:
        is_good = False

    # Formats the schema only names; the pusher checks them too.
    has_format = all(
        len(event.get(name, "x" * 36)) == 36
        for name in ("id", "subject")
        if isinstance(event.get(name, ""), str)
    ) and "T" in str(event.get("time", "T"))
    assert (SCHEMA.is_valid(event) and has_format) == is_good


@pytest.mark.parametrize("value", [[], {}, None, 1, True])
def test_a_type_that_is_no_string_is_invalid(value: object) -> None:
    message = read(change(type=value))

    assert isinstance(message, Poison)
    assert "invalid" == message.cause


@given(st.binary(max_size=200))
def test_no_bytes_raise(body: bytes) -> None:
    read(body)


def test_a_readers_name_is_the_headers_and_not_in_the_text() -> None:
    body = change(type="aviso.reader.granted.v1", data={})
    body = body.replace(b'"subject"', b'"unknown-member"')

    event = read(body)

    assert isinstance(event, Event)
    assert ("granted", "ada@localhost") == (event.change, event.reader)
    assert body.decode() == event.text


@pytest.mark.parametrize("names", [["ada"], ["a@b/c"], ["\x00@b"], "a@b", [1]])
def test_an_opening_with_a_name_that_is_none_is_invalid(names: object) -> None:
    opening = json.loads((CONTRACTS / "examples/events/feed-opened.json").read_text())
    opening["data"]["readers"] = names

    message = read(json.dumps(opening).encode())

    assert isinstance(message, Poison)
    assert "invalid" == message.cause
