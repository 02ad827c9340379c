"""The message of a batch, held against the contract's examples as XML trees."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from amqp_client.messages import Delivery
from hypothesis import given
from hypothesis import strategies as st

from examples import CONTRACTS, deliver_batch, load
from xmpp_pusher.messages import Batch
from xmpp_pusher.parsing import parse_message
from xmpp_pusher.position import Position
from xmpp_pusher.xmpp.stanzas import write_announcement, write_batch

STANZAS = CONTRACTS / "examples/stanzas"
ROOM = "orders@feeds.localhost"
JSON = "{urn:xmpp:json:0}json"
DEFLATED = "{urn:aviso:feed:2}deflated"


def normalise(xml: str) -> list[object]:
    """Flatten a tree: tags, attributes and text, without the layout between them."""
    return [
        (element.tag, sorted(element.attrib.items()), (element.text or "").strip())
        for element in ElementTree.fromstring(xml).iter()
    ]


def read(delivery: Delivery) -> Batch:
    batch = parse_message(delivery)
    assert isinstance(batch, Batch)
    return batch


def load_example(name: str) -> tuple[str, Batch]:
    """Return the stanza of an example, and its payload as the relay sends it."""
    xml = (STANZAS / f"{name}.xml").read_text()
    message = ElementTree.fromstring(xml)
    deflated = message.findtext(DEFLATED)
    body = base64.b64decode(deflated or "") or (message.findtext(JSON) or "").encode()
    text = zlib.decompress(body) if deflated else body
    delivery = deliver_batch(json.loads(text), deflated=deflated is not None)
    return xml, read(replace(delivery, body=body))


@pytest.mark.parametrize(
    "name", ["single", "batch", "deflated", "unavailable", "rows-and-reset"]
)
def test_a_batch_is_written_as_in_the_contract(name: str) -> None:
    expected, batch = load_example(name)

    assert normalise(expected) == normalise(write_batch(ROOM, batch))


def test_a_new_epoch_is_announced_as_in_the_contract() -> None:
    expected = (STANZAS / "new-epoch.xml").read_text()
    announcement = write_announcement(ROOM, "orders", Position("m7q2", 900))

    assert normalise(expected) == normalise(announcement)


@pytest.mark.parametrize("deflated", [False, True])
@given(
    data=st.dictionaries(
        st.text(st.characters(codec="utf-8")),
        st.text(st.characters(codec="utf-8")) | st.integers() | st.none(),
        max_size=8,
    )
)
def test_any_data_makes_a_stanza_that_xml_readers_take(
    deflated: bool, data: dict[str, object]
) -> None:
    single = load("batches/single.json")
    single["events"][0]["data"]["data"] = data
    batch = read(deliver_batch(single, deflated=deflated))

    tree = ElementTree.fromstring(write_batch(ROOM, batch).encode("utf-8"))

    if deflated:
        found = zlib.decompress(base64.b64decode(tree.findtext(DEFLATED) or ""))
    else:
        found = (tree.findtext(JSON) or "").encode("ascii")
    assert single == json.loads(found)


def test_a_bare_carriage_return_between_members_survives() -> None:
    delivery = deliver_batch(load("batches/single.json"))
    body = delivery.body.replace(b",", b",\r\n")

    tree = ElementTree.fromstring(write_batch(ROOM, read(replace(delivery, body=body))))

    assert body.decode() == tree.findtext(JSON)
