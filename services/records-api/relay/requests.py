"""What the pusher asks of the relay, through the parked exchange.

A message with the header `aviso-request` is no parked event: it says that numbers of a
feed never came, because the broker has lost what it had confirmed. The events are all
in the database, so they travel again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from feeds.models import is_slug
from relay.broker import Delivery

REQUEST_HEADER = "aviso-request"
REPUBLISH = "republish"
_SEQUENCE = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Republish:
    """Publish the events `first` to `last` of a feed's epoch again."""

    feed: str
    epoch: str
    first: int
    last: int


def read_request(delivery: Delivery) -> Republish | None:
    """Read a request (contracts/topology.json, `requests`); None if it is none.

    What claims to be one and can't be read is None too, and parked like any stranger.
    """
    if delivery.headers.get(REQUEST_HEADER) != REPUBLISH:
        return None
    try:
        body = json.loads(delivery.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    feed, epoch = body.get("feed"), body.get("feedepoch")
    first, last = _read_sequence(body.get("first")), _read_sequence(body.get("last"))
    if not is_slug(feed) or not isinstance(epoch, str) or "\0" in epoch:
        return None
    if first is None or last is None or first > last:
        return None
    return Republish(str(feed), epoch, first, last)


def _read_sequence(value: object) -> int | None:
    is_one = isinstance(value, str) and _SEQUENCE.fullmatch(value)
    return int(value) if is_one and isinstance(value, str) else None
