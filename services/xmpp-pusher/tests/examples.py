"""Where the contract's examples stand, and events made after them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Final

CONTRACTS: Final = Path(__file__).parents[3] / "contracts"


def make_event(
    sequence: int, epoch: str = "e001", feed: str = "orders", **data: object
) -> bytes:
    event = json.loads((CONTRACTS / "examples/events/record-created.json").read_text())
    event |= {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{feed}:{epoch}:{sequence}")),
        "source": f"/feeds/{feed}",
        "feed": feed,
        "feedepoch": epoch,
        "feedseq": str(sequence),
    }
    event["data"]["data"] = {"number": sequence, **data}
    return json.dumps(event, separators=(",", ":")).encode()


def make_poison(sequence: int, epoch: str = "e001", feed: str = "orders") -> bytes:
    """An event that no pusher knows, with a place that can be read."""
    body = make_event(sequence, epoch, feed)
    return body.replace(b"aviso.record.created.v1", b"aviso.record.created.v9")


def make_unavailable(sequence: int, epoch: str = "e001", feed: str = "orders") -> bytes:
    event = json.loads(make_event(sequence, epoch, feed))
    path = CONTRACTS / "examples/events/record-unavailable.json"
    example = json.loads(path.read_text())
    event |= {"type": example["type"], "data": example["data"]}
    return json.dumps(event, separators=(",", ":")).encode()


def make_opening(
    head: int = 0,
    epoch: str = "e001",
    feed: str = "orders",
    visibility: str = "public",
    **lists: list[str],
) -> bytes:
    event = json.loads((CONTRACTS / "examples/events/feed-opened.json").read_text())
    event |= {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{feed}:{epoch}")),
        "source": f"/feeds/{feed}",
        "feed": feed,
        "feedepoch": epoch,
        "data": {"head": str(head), "visibility": visibility, **lists},
    }
    return json.dumps(event, separators=(",", ":")).encode()


def make_reader_event(
    sequence: int, change: str, epoch: str = "e001", feed: str = "orders"
) -> bytes:
    event = json.loads(make_event(sequence, epoch, feed))
    event |= {"type": f"aviso.reader.{change}.v1", "data": {}}
    del event["subject"]
    return json.dumps(event, separators=(",", ":")).encode()
