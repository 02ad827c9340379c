"""The message of a batch, held against the contract's examples as XML trees."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import CONTRACTS
from xmpp_pusher.events import Event
from xmpp_pusher.positions import Position
from xmpp_pusher.reading import read_message
from xmpp_pusher.stanzas import (
    MAX_BODY_CHARACTERS,
    describe_batch,
    write_announcement,
    write_batch,
)

STANZAS = CONTRACTS / "examples/stanzas"
ROOM = "orders@feeds.localhost"


def normalise(xml: str) -> list[object]:
    """Flatten a tree: tags, attributes and text, without the layout between them."""
    return [
        (element.tag, sorted(element.attrib.items()), (element.text or "").strip())
        for element in ElementTree.fromstring(xml).iter()
    ]


def load_example(name: str) -> tuple[str, list[Event]]:
    xml = (STANZAS / f"{name}.xml").read_text()
    text = ElementTree.fromstring(xml).findtext("{urn:xmpp:json:0}json") or ""
    return xml, [make_event(event) for event in json.loads(text)]


def make_event(event: dict[str, object]) -> Event:
    body = json.dumps(event, separators=(",", ":")).encode()
    message = read_message(body, "orders", 393_216)
    assert isinstance(message, Event)
    return message


def make_record(**data: object) -> Event:
    path = CONTRACTS / "examples/events/record-created.json"
    event = json.loads(path.read_text())
    event["data"]["data"] = data
    return make_event(event)


@pytest.mark.parametrize("name", ["single", "batch", "unavailable"])
def test_a_batch_is_written_as_in_the_contract(name: str) -> None:
    expected, events = load_example(name)

    assert normalise(expected) == normalise(write_batch(ROOM, events))


def test_a_new_epoch_is_announced_as_in_the_contract() -> None:
    expected = (STANZAS / "new-epoch.xml").read_text()
    announcement = write_announcement(ROOM, "orders", Position("m7q2", 900))

    assert normalise(expected) == normalise(announcement)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=8))
def test_any_data_makes_a_stanza_that_xml_readers_take(
    data: dict[str, object],
) -> None:
    event = make_record(**{f"k{name}": value for name, value in data.items()})

    stanza = write_batch(ROOM, [event])

    tree = ElementTree.fromstring(stanza.encode("utf-8"))
    assert f"[{event.text}]" == tree.findtext("{urn:xmpp:json:0}json")


def test_a_bare_carriage_return_between_members_survives() -> None:
    text = make_record(a=1).text.replace(",", ",\r\n")
    event = read_message(text.encode(), "orders", 393_216)
    assert isinstance(event, Event)

    tree = ElementTree.fromstring(write_batch(ROOM, [event]))

    assert f"[{text}]" == tree.findtext("{urn:xmpp:json:0}json")


@pytest.mark.parametrize(
    "bad", ["\b", "\x00", "\ufffe", "\uffff", "\ud800", "\n", "\x7f"]
)
def test_the_body_is_one_clean_line(bad: str) -> None:
    body = describe_batch([make_record(note=f"a{bad}b")])

    assert "orders: created 7d3c1f5e note=a b" == body


def test_the_body_is_short() -> None:
    data = {f"name-{n}": "x" * 1000 for n in range(100)}

    assert len(describe_batch([make_record(**data)])) <= MAX_BODY_CHARACTERS


def test_the_body_passes_over_nested_values() -> None:
    body = describe_batch([make_record(a={"b": 1}, c=[1], d=None, e=True)])

    assert "orders: created 7d3c1f5e a={…} c=[…] d=null e=true" == body


def test_the_body_of_a_batch_tells_what_is_missing() -> None:
    _, (lost,) = load_example("unavailable")

    body = describe_batch([make_record(), lost, make_record()])

    assert "orders: 3 events (2 created, 1 could not be relayed)" == body


def test_several_lost_events_are_counted() -> None:
    _, (lost,) = load_example("unavailable")

    assert "orders: 2 events could not be relayed" == describe_batch([lost, lost])


def test_the_body_passes_over_who_may_read() -> None:
    record = make_record(a=1)
    granted = replace(record, change="granted", reader="ada@localhost")

    assert "orders: who may read it has changed" == describe_batch([granted])
    assert "orders: created 7d3c1f5e a=1" == describe_batch([granted, record])
    assert "ada" not in write_batch(ROOM, [granted])
