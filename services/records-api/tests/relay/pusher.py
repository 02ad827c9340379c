"""A pusher for the relay's tests: takes batches, keeps archives, reports.

It keeps the rule of contracts/README.md (Reports, Archive) over archives in memory, and
does on purpose what may go wrong: it loses reports, shuts rooms, refuses events.
"""

from __future__ import annotations

import contextlib
import json
import threading
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pika  # type: ignore[import-untyped]  # pika 1.4.4 has types but no py.typed
import pika.exceptions  # type: ignore[import-untyped]

from aviso.broker.topology import pusher_queues
from tests.batches import expand

QUEUES = 2


@dataclass
class Archive:
    """A room's archive: its head, and what it has had of the epoch in its order."""

    epoch: str
    last: int
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Taken:
    """An opening that was done, or an event that was archived, as it came."""

    event: dict[str, Any]
    headers: dict[str, str]

    @property
    def sequence(self) -> int | None:
        text = self.event.get("feedseq")
        return None if text is None else int(text)

    @property
    def kind(self) -> str:
        return str(self.event["type"].split(".")[2])


@dataclass
class Pusher:
    """Reads all of the pusher's queues, in a thread of its own."""

    url: str
    archives: dict[str, Archive] = field(default_factory=dict)
    shut: set[str] = field(default_factory=set)
    refused: Callable[[dict[str, Any]], bool] = lambda _: False
    loses: Callable[[dict[str, Any]], bool] = lambda _: False
    """Tells which reports get lost."""
    received: list[tuple[Any, bytes]] = field(default_factory=list)
    """Each batch and opening that came: properties, and the text as it is inflated."""
    reported: list[dict[str, Any]] = field(default_factory=list)
    _taken: deque[Taken] = field(default_factory=deque)
    _told: dict[str, str] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(90)

    def take(self) -> list[Taken]:
        """Give what was opened and archived since this was asked last."""
        # The thread adds to it meanwhile.
        return [self._taken.popleft() for _ in range(len(self._taken))]

    def sequences(self, feed: str) -> list[int]:
        """List what the archive of a feed has, in its order."""
        archive = self.archives.get(feed)
        return [int(e["feedseq"]) for e in archive.events] if archive else []

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(pika.exceptions.AMQPError, OSError):
                self._consume()
            self._stopping.wait(0.1)

    def _consume(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=100)
            # A queue was deleted: begin anew.
            channel.add_on_cancel_callback(lambda _: channel.close())
            for queue in pusher_queues(QUEUES):
                channel.basic_consume(queue, self._on_message)
            while channel.is_open and not self._stopping.is_set():
                connection.process_data_events(0.05)
        finally:
            with contextlib.suppress(pika.exceptions.AMQPError):
                connection.close()

    def _on_message(
        self, channel: Any, method: Any, properties: Any, body: Any
    ) -> None:
        if properties.content_encoding == "deflate":
            body = zlib.decompress(body)
        self.received.append((properties, body))
        reports: list[dict[str, Any]] = []
        if properties.type == "aviso.feed.opened.v1":
            reports = self._open(json.loads(body), properties)
        elif properties.type == "aviso.batch.v2":
            reports = self._push(json.loads(body), properties)
        for report in reports:
            self.reported.append(report)
            if not self.loses(report):
                self.report(channel, report)
        channel.basic_ack(method.delivery_tag)

    def report(self, channel: Any, *reports: dict[str, Any]) -> None:
        channel.basic_publish(
            "record-events.reports",
            "",
            json.dumps({"reports": list(reports)}).encode(),
            pika.BasicProperties(content_type="application/json", delivery_mode=1),
        )

    def _open(self, event: dict[str, Any], properties: Any) -> list[dict[str, Any]]:
        feed, epoch = event["feed"], event["feedepoch"]
        run = properties.headers["run"]
        if feed in self.shut:
            return [{"kind": "shut", "feed": feed, "run": run, "detail": "no entry"}]
        self._taken.append(Taken(event, properties.headers))
        archive = self.archives.get(feed)
        if archive is None or archive.epoch != epoch:
            self.archives[feed] = Archive(epoch, int(event["data"]["head"]))
        return [{"kind": "opened", "feed": feed, "epoch": epoch, "id": event["id"]}]

    def _push(self, batch: dict[str, Any], properties: Any) -> list[dict[str, Any]]:
        feed, epoch = batch["feed"], batch["feedepoch"]
        headers = properties.headers
        run, about = headers["run"], {"feed": feed, "run": headers["run"]}
        first, last = int(headers["first"]), int(headers["last"])
        if feed in self.shut:
            return [{"kind": "shut", **about, "detail": "no entry"}]
        archive = self.archives.get(feed)
        head = (archive.epoch, archive.last) if archive else (None, None)
        if archive is None or head != (epoch, first - 1):
            if head[0] == epoch and archive and last <= archive.last:
                return [_archived(feed, epoch, archive.last)]
            if self._told.get(feed) == run:
                return []
            self._told[feed] = run
            told = None if archive is None else str(archive.last)
            return [{"kind": "behind", **about, "epoch": head[0], "last": told}]
        events = expand(batch)
        if any(self.refused(event) for event in events):
            span = {"epoch": epoch, "first": str(first), "last": str(last)}
            return [{"kind": "refused", **about, **span, "detail": "not acceptable"}]
        self._taken.extend(Taken(event, headers) for event in events)
        archive.events += events
        archive.last = last
        return [_archived(feed, epoch, last)]


def _archived(feed: str, epoch: str, last: int) -> dict[str, Any]:
    return {"kind": "archived", "feed": feed, "epoch": epoch, "last": str(last)}
