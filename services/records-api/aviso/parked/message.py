"""A message from the parked queue as a row of `parked_events`.

It may be anything: what the pusher put aside, or what some program published to the
exchange. Nothing in here may raise over a message's content,
and nothing may come out that PostgreSQL refuses (NUL, lone surrogates, NaN).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from amqp_client.messages import Delivery

MOST_DETAIL_CHARS = 500
MOST_TEXT_CHARS = 1_000
MOST_DEPTH = 16
_SLUG = re.compile(r"[a-z0-9-]{1,64}")
_CAUSE = re.compile(r"[a-z0-9-]{1,64}")
_SEQUENCE = re.compile(r"[1-9][0-9]{0,18}")
# An event up to its data, as events/rendering.py writes it. A subject's character takes
# at most two escapes of five.
_HEAD = re.compile(
    rb'\{"specversion":"1\.0","id":"(?P<id>[0-9a-f-]{36})","source":"[^"]{0,99}",'
    rb'"type":"[^"]{0,99}",(?:"subject":"(?:[^"\\]|\\.){0,10240}",)?"time":"[^"]{0,99}",'
    rb'"feed":"(?P<feed>[a-z0-9-]{1,64})","feedepoch":"[a-z0-9]{4,16}",'
    rb'"feedseq":"(?P<feedseq>[0-9]{1,19})","data":'
)
_LARGEST_SEQUENCE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """What is kept of a parked message."""

    feed: str | None
    event_id: UUID | None
    sequence: int | None
    cause: str
    detail: str
    parked_by: str
    body: bytes = field(repr=False)
    headers: dict[str, Any]
    routing_key: str
    message_id: str | None
    content_type: str | None

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def read_parked(delivery: Delivery) -> ParkedMessage:
    """Read what can be read of a parked message; what can't is None."""
    event = _read_event(delivery.body)
    headers = _clean_headers(delivery.headers)
    cause, detail, parked_by = _read_cause(headers)
    return ParkedMessage(
        feed=_match(_SLUG, headers.get("feed")) or _match(_SLUG, event.get("feed")),
        event_id=read_id(event.get("id")),
        sequence=read_sequence(event.get("feedseq")),
        cause=cause,
        detail=detail[:MOST_DETAIL_CHARS],
        parked_by=parked_by[:64],
        body=delivery.body,
        headers=headers,
        routing_key=_clean_text(delivery.routing_key),
        message_id=_clean_optional(delivery.message_id),
        content_type=_clean_optional(delivery.content_type),
    )


def _read_event(body: bytes) -> dict[str, object]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return _read_head(body)
    return event if isinstance(event, dict) else {}


def _read_head(body: bytes) -> dict[str, object]:
    """Read where an event of ours belongs, though its data is too deep to be read."""
    found = _HEAD.match(body)
    if found is None:
        return {}
    return {name: text.decode("ascii") for name, text in found.groupdict().items()}


def _read_cause(headers: dict[str, Any]) -> tuple[str, str, str]:
    cause = _match(_CAUSE, headers.get("aviso-cause"))
    if cause is None:
        return "invalid", "it came without a cause", "unknown"
    detail = str(headers.get("aviso-detail", ""))
    return cause, detail, str(headers.get("aviso-parked-by", ""))


def read_id(value: object) -> UUID | None:
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def read_sequence(value: object) -> int | None:
    text = _match(_SEQUENCE, value)
    if text is None or int(text) > _LARGEST_SEQUENCE:
        return None
    return int(text)


def _match(pattern: re.Pattern[str], value: object) -> str | None:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    return None


def _clean_headers(headers: Mapping[str, object]) -> dict[str, Any]:
    cleaned = _clean(headers, MOST_DEPTH)
    return cleaned if isinstance(cleaned, dict) else {}


def _clean(value: object, depth: int) -> object:
    """Rewrite an AMQP value as one that jsonb takes."""
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {_clean_text(str(k)): _clean(v, depth - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, bytes):
        return _clean_text(value.decode("utf-8", "backslashreplace"))
    return _clean_text(str(value))


def _clean_optional(text: str | None) -> str | None:
    return None if text is None else _clean_text(text)


def _clean_text(text: str) -> str:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    harmless = text.replace("\0", "\N{SYMBOL FOR NULL}")
    return harmless.encode("utf-8", "backslashreplace").decode()[:MOST_TEXT_CHARS]
