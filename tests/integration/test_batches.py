"""What the tests read out of a batch is what the contracts say of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from .archive import check_spans, read_batch
from .batches import draw_together, inflate, read_body, read_payload, write_out
from .running import REPOSITORY

_CONTRACTS = REPOSITORY / "contracts"
_EVENT = Draft202012Validator(
    json.loads((_CONTRACTS / "event.schema.json").read_text())
)
_BATCHES = sorted((_CONTRACTS / "examples/batches").glob("*.json"))
_STANZAS = sorted((_CONTRACTS / "examples/stanzas").glob("*.xml"))


def read(file: Path) -> dict[str, Any]:
    batch: dict[str, Any] = json.loads(file.read_text())
    return batch


def name(file: Path) -> str:
    return file.stem


def stanza(file: str) -> ET.Element:
    return ET.fromstring((_CONTRACTS / "examples/stanzas" / file).read_text())  # noqa: S314 # our own


@pytest.mark.parametrize("file", _BATCHES, ids=name)
def test_a_batch_written_out_is_whole_events(file: Path) -> None:
    batch = read(file)

    events = write_out(batch)

    assert [_EVENT.is_valid(event) for event in events] == [True] * len(events)
    first = int(batch["feedseq"])
    assert [int(event["feedseq"]) for event in events] == list(
        range(first, first + len(batch["events"]))
    )


@pytest.mark.parametrize("file", _BATCHES, ids=name)
def test_whole_events_drawn_together_are_the_batch_again(file: Path) -> None:
    assert draw_together(write_out(read(file))) == read(file)


def test_an_events_own_type_and_time_win() -> None:
    events = write_out(read(_CONTRACTS / "examples/batches/several.json"))

    assert [event["type"].split(".")[2] for event in events] == [
        "created",
        "updated",
        "deleted",
    ]
    assert len({event["time"] for event in events}) == 3


@pytest.mark.parametrize("file", _STANZAS, ids=name)
def test_a_stanza_holds_what_its_header_says(file: Path) -> None:
    batch = read_batch(stanza(file.name))

    assert batch is not None
    check_spans([batch])


def test_a_deflated_payload_is_read_like_a_plain_one() -> None:
    assert read_payload(stanza("deflated.xml")) == read_payload(stanza("batch.xml"))
    assert inflate(stanza("deflated.xml")[2].text or "").isascii()


def test_a_message_of_the_broker_is_read_deflated_and_plain() -> None:
    body = (_CONTRACTS / "examples/batches/several.json").read_bytes()

    assert read_body(body, None) == write_out(json.loads(body))
    assert read_body(zlib.compress(body), "deflate") == write_out(json.loads(body))


def test_an_announcement_carries_nothing() -> None:
    batch = read_batch(stanza("new-epoch.xml"))

    assert batch is not None
    assert (batch.first, batch.last, batch.events) == (901, 900, [])
