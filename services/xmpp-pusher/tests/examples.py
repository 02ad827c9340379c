"""Where the contract's examples stand, and messages made after them."""

from __future__ import annotations

import json
import uuid
import zlib
from itertools import count
from pathlib import Path
from typing import Any, Final

from amqp_client.messages import Delivery

from xmpp_pusher.contract import BATCH, OPENING

CONTRACTS: Final = Path(__file__).parents[3] / "contracts"
_TAGS: Final = count(1)


def load(path: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CONTRACTS / "examples" / path).read_text())
    return document


def write(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def make_batch(
    first: int,
    last: int,
    run: str = "r1",
    epoch: str = "e001",
    feed: str = "orders",
    **more: Any,
) -> Delivery:
    """Make a batch as the relay publishes it; ``more`` goes to ``deliver_batch``."""
    batch = load("batches/single.json")
    batch |= {"source": f"/feeds/{feed}", "feed": feed}
    batch |= {"feedepoch": epoch, "feedseq": str(first)}
    (event,) = batch["events"]
    batch["events"] = [
        {**event, "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{feed}:{epoch}:{n}"))}
        for n in range(first, last + 1)
    ]
    return deliver_batch(batch, run=run, **more)


def make_reader_batch(at: int, change: str, reader: str, run: str = "r1") -> Delivery:
    batch = load("batches/reader-first.json")
    batch |= {"feedepoch": "e001", "feedseq": str(at)}
    batch["type"] = f"aviso.reader.{change}.v1"
    del batch["events"][1:]
    return deliver_batch(batch, run=run, reader=reader)


def deliver_batch(
    batch: dict[str, Any],
    *,
    run: object = "r1",
    reader: object = None,
    deflated: bool = False,
    **headers: object,
) -> Delivery:
    body = write(batch)
    first = int(batch["feedseq"]) if str(batch.get("feedseq", "")).isdecimal() else 1
    named: dict[str, object] = {
        "feed": batch.get("feed"),
        "epoch": batch.get("feedepoch"),
        "first": str(first),
        "last": str(first + len(batch["events"]) - 1),
        "run": run,
    }
    if reader is not None:
        named["reader"] = reader
    return Delivery(
        channel=1,
        tag=next(_TAGS),
        body=zlib.compress(body) if deflated else body,
        type=BATCH,
        content_encoding="deflate" if deflated else None,
        headers=named | headers,
    )


def make_opening(
    head: int = 0,
    epoch: str = "e001",
    run: str = "r1",
    archived: int | None = None,
    visibility: str = "public",
    feed: str = "orders",
    **lists: list[str],
) -> Delivery:
    opening = load("events/feed-opened.json")
    opening |= {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{feed}:{epoch}:{head}:{run}")),
        "source": f"/feeds/{feed}",
        "feed": feed,
        "feedepoch": epoch,
        "data": {
            "head": str(head),
            "archived": str(head if archived is None else archived),
            "visibility": visibility,
            **lists,
        },
    }
    headers = {"feed": feed, "epoch": epoch, "run": run}
    return Delivery(1, next(_TAGS), write(opening), OPENING, headers=headers)
