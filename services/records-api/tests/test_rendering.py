"""Rendered events are the contract's: valid by its schema, equal to its examples."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import jsonschema
import pytest

from aviso.events.batches import stand_in
from aviso.events.reading import list_events
from aviso.events.rendering import (
    EventRow,
    Lists,
    escape_json,
    render_event,
    render_opened,
)
from aviso.exact_json.times import format_time
from aviso.feeds.models import Feed
from aviso.records.models import Record
from tests.api import number_events
from tests.contracts import FOLDER, read_json, validate_event

EVENT_IN_PLACE = "0193f2a0-0000-4000-8000-00000000000a"
TIME = datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)
ROW = EventRow(
    id=UUID("0193f2a0-0000-4000-8000-000000000001"),
    feed="orders",
    type="created",
    subject="7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f",
    reader=None,
    data='{"id":"7d3c1f5e-2b4a-4c6d-8e9f-0a1b2c3d4e5f","version":1,'
    f'"created_at":"{format_time(TIME)}","updated_at":"{format_time(TIME)}",'
    '"data":{"item": "café 😀", "count": 3, "note": "<script>alert(1)</script>"}}',
    time=TIME,
    sequence=1041,
)


def test_an_event_is_the_contracts_example() -> None:
    rendered = json.loads(render_event(ROW, "k3f9"))

    assert read_json("examples/events/record-created.json") == rendered


@pytest.mark.parametrize("kind", ["created", "updated", "deleted"])
def test_every_type_of_event_meets_the_schema(kind: str) -> None:
    validate_event(json.loads(render_event(replace(ROW, type=kind), "k3f9")))


def test_the_schema_of_these_tests_can_refuse() -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate_event(json.loads(render_event(replace(ROW, sequence=0), "k3f9")))


@pytest.mark.parametrize(
    ("kind", "event_id", "sequence"),
    [
        ("granted", "0193f2a0-0000-4000-8000-000000000006", 1045),
        ("revoked", "0193f2a0-0000-4000-8000-000000000007", 1046),
    ],
)
def test_an_event_of_a_reader_is_the_contracts_example(
    kind: str, event_id: str, sequence: int
) -> None:
    row = EventRow(
        id=UUID(event_id),
        feed="orders",
        type=kind,
        subject=None,
        reader="ada@localhost",
        data="{}",
        time=TIME,
        sequence=sequence,
    )

    example = read_json(f"examples/events/reader-{kind}.json")

    assert example == json.loads(render_event(row, "k3f9"))
    validate_event(example)


def test_an_opened_feed_is_the_contracts_example() -> None:
    rendered = render_opened(
        event_id=UUID("0193f2a0-0000-4000-8000-000000000008"),
        feed="orders",
        epoch="k3f9",
        head=900,
        archived=1046,
        visibility="private",
        lists=Lists(["ada@localhost", "ben@localhost"], ["u-17@ticket.localhost"]),
        time=TIME,
    )

    example = read_json("examples/events/feed-opened-with-readers.json")

    assert example == json.loads(rendered)
    validate_event(example)


def test_an_opened_feed_without_readers_says_so() -> None:
    rendered = render_opened(
        event_id=UUID("0193f2a0-0000-4000-8000-000000000005"),
        feed="orders",
        epoch="k3f9",
        head=0,
        archived=0,
        visibility="public",
        lists=Lists(),
        time=TIME,
    )

    event = json.loads(rendered)

    validate_event(event)
    assert ([], []) == (event["data"].pop("readers"), event["data"].pop("revoked"))
    assert read_json("examples/events/feed-opened.json") == event


def test_an_unavailable_event_is_the_contracts_example() -> None:
    event = replace(ROW, id=UUID(EVENT_IN_PLACE), sequence=1044)

    rendered = json.loads(render_event(stand_in(event, "too-large"), "k3f9"))

    example = read_json("examples/events/record-unavailable.json")
    # The stand-in's own id is made of the event's.
    assert example == rendered | {"id": example["id"]}
    assert rendered["id"] != EVENT_IN_PLACE
    validate_event(rendered)


def test_every_character_comes_through_in_ascii() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000, 97)]))

    escaped = escape_json(json.dumps(text, ensure_ascii=False))

    assert escaped.isascii()
    assert text == json.loads(escaped)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("row-created", "created"),
        ("row-updated-several-columns", "updated"),
        ("row-deleted-longest-key", "deleted"),
        ("row-unavailable", "unavailable"),
        ("feed-reset", "reset"),
    ],
)
def test_an_event_of_a_row_is_the_contracts_example(name: str, kind: str) -> None:
    example = read_json(f"examples/events/{name}.json")
    row = EventRow(
        id=UUID(example["id"]),
        feed="orders",
        type=kind,
        subject=example.get("subject"),
        reader=None,
        data=json.dumps(example["data"], ensure_ascii=False),
        time=TIME,
        sequence=int(example["feedseq"]),
    )

    assert example == json.loads(render_event(row, "k3f9"))
    validate_event(example)


INVALID = sorted((FOLDER / "examples/events/invalid").glob("*.json"))


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_the_contracts_invalid_events_are_invalid(path: Path) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate_event(json.loads(path.read_bytes()))


def test_data_is_not_parsed_on_its_way() -> None:
    deep = '{"a": ' + "[" * 5000 + "]" * 5000 + ', "n": 1' + "0" * 6000 + "}"

    assert deep.encode() in render_event(replace(ROW, data=deep), "k3f9")


def test_times_are_utc_with_six_digits() -> None:
    eastern = timezone(timedelta(hours=-5))

    assert "2026-11-24T05:00:00.000000Z" == format_time(
        datetime(2026, 11, 24, 0, 0, tzinfo=eastern)
    )
    assert "0044-01-02T00:00:00.000000Z" == format_time(datetime(44, 1, 2, tzinfo=UTC))


@pytest.mark.django_db
def test_what_postgresql_stores_comes_through_with_every_character() -> None:
    data = {"café": '😀 \u2028 \x7f \x01\x08\n \ufffe "quoted" \\ </script> 日本語'}
    Feed.objects.create(slug="orders")
    Record.objects.create(feed_id="orders", data=data)
    number_events()
    rendered = render_event(list_events("orders", after=0, head=1, limit=1)[0], "k3f9")

    event = json.loads(rendered)

    assert rendered.isascii()
    assert data == event["data"]["data"]
    validate_event(event)
