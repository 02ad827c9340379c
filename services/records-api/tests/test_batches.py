"""Batches are the contract's, and written out they are the events that REST shows."""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aviso.events import batches
from aviso.events.batches import Batch, pruned_place, stand_in, write_batches
from aviso.events.rendering import EventRow, render_event
from aviso.exact_json.times import format_time
from tests.batches import expand
from tests.contracts import read_json, validate_batch, validate_event

EPOCH = "k3f9"
SUBJECT = "7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f"
TIME = datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)


def record(data: str, version: int = 1) -> str:
    return (
        f'{{"id":"{SUBJECT}","version":{version},"created_at":"{format_time(TIME)}",'
        f'"updated_at":"{format_time(TIME)}","data":{data}}}'
    )


def make_event(sequence: int = 1, data: str = "{}", type_: str = "created") -> EventRow:
    return EventRow(
        id=UUID(int=sequence),
        feed="orders",
        type=type_,
        subject=SUBJECT,
        reader=None,
        data=record(data),
        time=TIME,
        sequence=sequence,
    )


def make_reader(sequence: int, type_: str = "granted") -> EventRow:
    event = make_event(sequence, type_=type_)
    return replace(event, subject=None, reader="ada@localhost", data="{}")


def text_of(batch: Batch) -> bytes:
    return zlib.decompress(batch.body) if batch.is_deflated else batch.body


def exactly(text: bytes) -> Any:
    """Read JSON with each number as it is written."""
    return json.loads(text, parse_int=repr, parse_float=repr)


WORDS = ["", "plain", "café 😀", 'a "b" \\ \n', "\u2028\x7f", "<&'>", "\ufffe"]
NUMBERS = ["0", "-1", "1.0", "1e400", "12345678901234567890.120", "-0.0"]
words = st.sampled_from([json.dumps(word, ensure_ascii=False) for word in WORDS])
values = st.recursive(
    words | st.sampled_from([*NUMBERS, "true", "null", "{}"]),
    lambda inner: st.lists(inner, max_size=4).map(lambda each: f"[{', '.join(each)}]"),
    max_leaves=5,
)
datas = st.dictionaries(words, values, max_size=4).map(
    lambda each: "{" + ",".join(f"{k}: {v}" for k, v in each.items()) + "}"
)


@st.composite
def runs(draw: st.DrawFn) -> list[EventRow]:
    first = draw(st.integers(1, 2**62))
    events = []
    for n in range(draw(st.integers(1, 12))):
        if draw(st.integers(0, 5)) == 0:
            kind = draw(st.sampled_from(["granted", "revoked"]))
            event = make_reader(first + n, kind)
        else:
            kind = draw(st.sampled_from(["created", "updated", "deleted"]))
            event = make_event(first + n, draw(datas), kind)
        if draw(st.integers(0, 5)) == 0:
            event = stand_in(event, "refused")
        time = TIME + timedelta(microseconds=draw(st.integers(0, 2)))
        events.append(replace(event, id=draw(st.uuids()), time=time))
    return events


@settings(max_examples=50)
@given(runs())
def test_written_out_a_batch_is_its_events_to_the_digit(events: list[EventRow]) -> None:
    written = list(write_batches(events, EPOCH))

    found = [event for batch in written for event in expand(exactly(text_of(batch)))]
    assert [exactly(render_event(event, EPOCH)) for event in events] == found
    ends = [0, *(batch.last for batch in written)]
    for batch, before in zip(written, ends, strict=False):
        assert before in {0, batch.first - 1}
        validate_batch(json.loads(text_of(batch)))
    for event in events:
        assert (
            sum(batch.first <= event.sequence <= batch.last for batch in written) == 1
        )


@settings(max_examples=50)
@given(runs())
def test_an_event_of_a_reader_begins_its_batch(events: list[EventRow]) -> None:
    about = {event.sequence: event.reader for event in events}

    for batch in write_batches(events, EPOCH):
        assert about[batch.first] == batch.reader
        assert {None} >= {about[n] for n in range(batch.first + 1, batch.last + 1)}


def test_the_contracts_examples_are_what_is_written() -> None:
    for name in ("single", "several", "reader-first", "rows-and-reset"):
        example = read_json(f"examples/batches/{name}.json")
        whole = expand(example)
        for event in whole:
            validate_event(event)
        rows = [
            EventRow(
                id=UUID(event["id"]),
                feed=event["feed"],
                type=event["type"].split(".")[2],
                subject=event.get("subject"),
                reader="ada@localhost" if "reader" in event["type"] else None,
                data=json.dumps(event["data"]),
                time=datetime.fromisoformat(event["time"]),
                sequence=int(event["feedseq"]),
            )
            for event in whole
        ]

        (batch,) = write_batches(rows, example["feedepoch"])

        assert example == json.loads(text_of(batch))


def test_the_limits_are_the_contracts() -> None:
    assert read_json("topology.json")["publish"]["limits"] == {
        "events": batches.MOST_EVENTS,
        "text_bytes": batches.MOST_TEXT_BYTES,
        "event_bytes": batches.MOST_EVENT_BYTES,
        "encoded_bytes": batches.MOST_ENCODED_BYTES,
    }


@pytest.mark.parametrize("characters", [0, 100, 5_000, 40_000, 200_000])
def test_no_batch_of_several_is_larger_than_it_may_be(characters: int) -> None:
    text = json.dumps({"t": "é" * characters}, ensure_ascii=False)
    events = [make_event(n, text) for n in range(1, 601)]
    events = events[: 600 if characters < 5_000 else 20]

    written = list(write_batches(events, EPOCH))

    for batch in written:
        count = batch.last - batch.first + 1
        assert count <= batches.MOST_EVENTS
        assert count == 1 or batch.text_bytes <= batches.MOST_TEXT_BYTES
    assert all(batch.is_full for batch in written[:-1])
    # Nothing could have joined the one before.
    for one, other in itertools.pairwise(written):
        together = one.text_bytes + other.text_bytes
        is_at_its_most = one.last - one.first + 1 == batches.MOST_EVENTS
        assert is_at_its_most or together > batches.MOST_TEXT_BYTES * 0.7


def test_those_that_are_to_go_alone_do() -> None:
    events = [make_event(n) for n in range(1, 7)]

    written = write_batches(events, EPOCH, lambda sequence: sequence in {2, 3})

    assert [(1, 1), (2, 2), (3, 3), (4, 6)] == [(b.first, b.last) for b in written]


def test_from_a_kibibyte_on_it_is_deflated_and_before_it_is_not() -> None:
    (small,) = write_batches([make_event()], EPOCH)
    (large,) = write_batches([make_event(n) for n in range(1, 9)], EPOCH)

    assert (False, True) == (small.is_deflated, large.is_deflated)
    assert small.text_bytes < batches.DEFLATE_FROM_BYTES <= large.text_bytes
    assert len(large.body) < large.text_bytes


def test_what_stands_in_the_stanza_is_measured_as_it_stands_there() -> None:
    (small,) = write_batches([make_event(1, '{"a": "<&>"}')], EPOCH)
    (large,) = write_batches([make_event(n) for n in range(1, 9)], EPOCH)

    escapes = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
    escaped = "".join(escapes.get(c, c) for c in small.body.decode())
    assert len(escaped) == small.encoded_bytes
    assert len(base64.b64encode(large.body)) == large.encoded_bytes


def test_an_event_larger_than_a_room_takes_is_known() -> None:
    long = make_event(1, json.dumps({"t": "x" * 2**20}))
    (batch,) = write_batches([long], EPOCH)
    (allowed,) = write_batches([make_event(1, json.dumps({"t": "x" * 10**6}))], EPOCH)

    assert (True, False) == (batch.is_too_large, allowed.is_too_large)


def test_data_is_never_parsed() -> None:
    deep = '{"a": ' + "[" * 5_000 + "]" * 5_000 + ', "n": 1' + "0" * 6_000 + "}"

    (batch,) = write_batches([make_event(1, deep)], EPOCH)

    assert record(deep).encode() in text_of(batch)


def test_what_keeps_a_place_has_its_sequence_and_always_the_same_id() -> None:
    event = make_event(7)

    assert stand_in(event, "refused") == stand_in(event, "refused")
    assert (7, None) == (stand_in(event, "refused").sequence, event.reader)
    assert event.id != stand_in(event, "refused").id
    assert None is stand_in(make_reader(3), "refused").reader


def test_the_place_of_a_pruned_event_names_nothing() -> None:
    rows = [pruned_place("orders", EPOCH, n, TIME) for n in (1, 2)]

    (batch,) = write_batches(rows, EPOCH)

    for event in expand(json.loads(text_of(batch))):
        validate_event(event)
        assert {"event_id": None, "type": None, "cause": "pruned"} == event["data"]


def test_the_first_trace_there_is_comes_along() -> None:
    events = [make_event(1), replace(make_event(2), traceparent="00-a")]

    (batch,) = write_batches(events, EPOCH)

    assert "00-a" == batch.traceparent
