"""A batch as it travels, and the whole events that it stands for.

Pure, and with no line of the product's: what it does stands in contracts/README.md and
contracts/batch.schema.json.
"""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Sequence
from typing import Any, Self

Json = dict[str, Any]

_JSON = "{urn:xmpp:json:0}json"
_DEFLATED = "{urn:aviso:feed:2}deflated"
_SHARED = ("specversion", "source", "feed", "feedepoch")
_COMMON = ("type", "time")


class WrittenFloat(float):
    """A number that still has its digits: of 43.50 the `text` is that."""

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def write_out(batch: Json) -> list[Json]:
    """Every event of a batch, whole, as a subscriber's code and REST have it."""
    shared = {name: batch[name] for name in (*_SHARED, *_COMMON)}
    return [
        shared | {"feedseq": str(sequence)} | event
        for sequence, event in enumerate(batch["events"], int(batch["feedseq"]))
    ]


def draw_together(events: Sequence[Json]) -> Json:
    """The batch that a run of whole events makes: the opposite of `write_out`."""
    first = events[0]
    said = (*_SHARED, "feedseq")
    return {
        **{name: first[name] for name in (*said, *_COMMON)},
        "events": [
            {
                name: value
                for name, value in event.items()
                if name not in said and not (name in _COMMON and value == first[name])
            }
            for event in events
        ],
    }


def read_payload(message: ET.Element) -> list[Json]:
    """The events that a groupchat message carries; none where it only announces."""
    plain, deflated = message.findall(_JSON), message.findall(_DEFLATED)
    if not plain and not deflated:
        return []
    [payload] = plain + deflated
    text = payload.text or ""
    plain_text = inflate(text) if deflated else text
    return write_out(json.loads(plain_text, parse_float=WrittenFloat))


def read_body(body: bytes, content_encoding: str | None) -> list[Json]:
    """The events that a message of the broker carries."""
    return write_out(json.loads(zlib.decompress(body) if content_encoding else body))


def inflate(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text, validate=True))


def deflate(text: bytes) -> str:
    return base64.b64encode(zlib.compress(text)).decode()
