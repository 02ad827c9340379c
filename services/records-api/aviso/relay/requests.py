"""What the pusher asks of the relay, through the parked exchange.

A message with the header `aviso-request` is no parked event: it says that numbers of a
feed never came, because the broker has lost what it had confirmed. The events are all
in the database, so they travel again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from aviso.feeds.models import is_slug
from aviso.relay.broker import Delivery
from aviso.relay.parked_message import read_sequence

REQUEST_HEADER = "aviso-request"
REPUBLISH = "republish"
# Nothing else may come near the database: it refuses NUL and lone surrogates.
_EPOCH = re.compile(r"[a-z0-9]{4,16}")


@dataclass(frozen=True, slots=True)
class Republish:
    """Publish the events `first` to `last` of a feed's epoch again.

    From 1 on, the feed's opening too; 1 to 0 is the opening alone.
    """

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
    first, last = read_sequence(body.get("first")), _read_last(body.get("last"))
    if not is_slug(feed) or not (isinstance(epoch, str) and _EPOCH.fullmatch(epoch)):
        return None
    if first is None or last is None or (first > last and (first, last) != (1, 0)):
        return None
    return Republish(str(feed), epoch, first, last)


def _read_last(value: object) -> int | None:
    return 0 if value == "0" else read_sequence(value)
