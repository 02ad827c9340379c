"""The pusher as a process, a relay's publisher, and a guest who reads a room.

The guest is plain slixmpp and shares no line with the pusher.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree

import pika
from aviso_native.addresses import find_free_port
from pika.exceptions import AMQPError
from slixmpp import ClientXMPP

from real.servers import Ejabberd, Rabbit
from real.waiting import ALIVE_S, wait_for

SOURCE = Path(__file__).parents[2] / "src"
MAM = "{urn:xmpp:mam:2}"
RSM = "{http://jabber.org/protocol/rsm}"


def make_events(feed: str, first: int, last: int, **more: Any) -> list[dict[str, Any]]:
    """Make the events of a batch, as the contract writes them."""
    events = []
    for sequence in range(first, last + 1):
        record = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{feed}:{sequence}"))
        event = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"event:{feed}:{sequence}")),
            "subject": record,
            "data": {
                "id": record,
                "version": 1,
                "created_at": "2026-11-24T09:30:00.123456Z",
                "updated_at": "2026-11-24T09:30:00.123456Z",
                "data": {"number": sequence, **more},
            },
        }
        events.append(event)
    return events


def make_batch(
    feed: str, first: int, events: list[dict[str, Any]], epoch: str = "e001"
) -> bytes:
    batch = {
        "specversion": "1.0",
        "source": f"/feeds/{feed}",
        "feed": feed,
        "feedepoch": epoch,
        "feedseq": str(first),
        "type": "aviso.record.created.v1",
        "time": "2026-11-24T09:30:00.123456Z",
        "events": events,
    }
    return json.dumps(batch, separators=(",", ":")).encode("ascii")


def make_opening(
    feed: str,
    epoch: str = "e001",
    head: int = 0,
    visibility: str = "public",
    archived: int | None = None,
    **lists: list[str],
) -> bytes:
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": f"/feeds/{feed}",
        "type": "aviso.feed.opened.v1",
        "time": "2026-11-24T09:30:00.123456Z",
        "feed": feed,
        "feedepoch": epoch,
        "data": {
            "head": str(head),
            "archived": str(head if archived is None else archived),
            "visibility": visibility,
            **lists,
        },
    }
    return json.dumps(event, separators=(",", ":")).encode("ascii")


class Publisher:
    """Publishes as the relay does: transient, mandatory, confirmed."""

    def __init__(self, rabbit: Rabbit) -> None:
        parameters = pika.URLParameters(rabbit.url)
        parameters.heartbeat = 0  # nobody would answer them between two calls
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def publish(
        self,
        feed: str,
        body: bytes,
        kind: str = "aviso.batch.v2",
        encoding: str | None = None,
        **headers: str,
    ) -> None:
        properties = pika.BasicProperties(
            type=kind,
            content_type="application/json",
            content_encoding=encoding,
            delivery_mode=1,
            headers={"feed": feed, **headers},
        )
        name = "batch" if kind == "aviso.batch.v2" else "opened"
        self._channel.basic_publish(
            "record-events", f"feed.{feed}.{name}", body, properties, mandatory=True
        )

    def publish_opening(
        self, feed: str, run: str = "r1", epoch: str = "e001", **more: Any
    ) -> str:
        """Publish an opening; returns its id."""
        body = make_opening(feed, epoch, **more)
        kind = "aviso.feed.opened.v1"
        self.publish(feed, body, kind, epoch=epoch, run=run)
        opening_id: str = json.loads(body)["id"]
        return opening_id

    def publish_batch(
        self,
        feed: str,
        first: int,
        last: int,
        run: str = "r1",
        epoch: str = "e001",
        *,
        events: list[dict[str, Any]] | None = None,
        reader: str | None = None,
        **more: Any,
    ) -> None:
        """Publish one batch, deflated from 1 KiB on."""
        events = make_events(feed, first, last, **more) if events is None else events
        body = make_batch(feed, first, events, epoch)
        encoding = None
        if len(body) >= 1024:
            body, encoding = zlib.compress(body), "deflate"
        headers = {} if reader is None else {"reader": reader}
        self.publish(
            feed,
            body,
            encoding=encoding,
            epoch=epoch,
            first=str(first),
            last=str(last),
            run=run,
            **headers,
        )

    def take_reports(self) -> list[dict[str, Any]]:
        """Take what the pusher has reported, oldest first."""
        taken: list[dict[str, Any]] = []
        while True:
            method, _, body = self._channel.basic_get(
                "record-events.reports", auto_ack=True
            )
            if method is None:
                return taken
            taken += json.loads(body)["reports"]

    def count(self, queue: str) -> int:
        answer = self._channel.queue_declare(queue, passive=True)
        count: int = answer.method.message_count
        return count

    def take_parked(self) -> list[tuple[Mapping[str, Any], bytes]]:
        taken: list[tuple[Mapping[str, Any], bytes]] = []
        while True:
            method, properties, body = self._channel.basic_get(
                "record-events.parked", auto_ack=True
            )
            if method is None:
                return taken
            taken.append((properties.headers, body))

    def purge(self, queue: str) -> None:
        self._channel.queue_purge(queue)

    def close(self) -> None:
        # A test may have killed the broker underneath.
        with contextlib.suppress(AMQPError):
            self._connection.close()


class PusherProcess:
    def __init__(
        self, rabbit: Rabbit, ejabberd: Ejabberd, output: Path, **more: str
    ) -> None:
        self.port = find_free_port()
        self.output = output
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SOURCE),
            "AVISO_AMQP_URL": rabbit.pusher_url,
            "AVISO_QUEUES": "2",
            "AVISO_XMPP_HOST": "127.0.0.1",
            "AVISO_XMPP_PORT": str(ejabberd.c2s_port),
            "AVISO_XMPP_JID": f"pusher@{ejabberd.DOMAIN}",
            "AVISO_XMPP_PASSWORD": ejabberd.PASSWORD,
            "AVISO_XMPP_ROOMS_DOMAIN": ejabberd.ROOMS,
            "AVISO_PUSHER_BIND": f"127.0.0.1:{self.port}",
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self.launch()
        wait_for(lambda: self.health()[0] == 200, "the pusher's start")
        return self

    def launch(self) -> None:
        """Start it where it may never be well."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "xmpp_pusher"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.send_signal(number)
        code = self.process.wait(ALIVE_S)
        self.process = None
        return code

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(ALIVE_S)

    def health(self) -> tuple[int, dict[str, Any]]:
        """Ask how it is; 0 and nothing before it listens."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(self.output.read_text()[-3000:])
        try:
            status, body = self._ask("healthz")
        except urllib.error.URLError:
            return 0, {}
        return status, json.loads(body)

    def metric(self, name: str) -> float:
        _, body = self._ask("metrics")
        return sum(
            float(line.rpartition(" ")[2])
            for line in body.decode().splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        )

    def _ask(self, path: str) -> tuple[int, bytes]:
        url = f"http://127.0.0.1:{self.port}/{path}"
        for _ in range(9):
            try:
                with urllib.request.urlopen(url, timeout=ALIVE_S) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read()
            except ConnectionError:
                # It lets go of whoever is with it for too long, as on a machine that
                # stands still; one that has ended is not there the next time.
                continue
        raise ConnectionError(f"the pusher answers nothing at {url}")

    def logs(self) -> list[dict[str, Any]]:
        whole, _, _ = self.output.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]


class Relay:
    """Plays the relay for one feed: few batches out, and back where it is told to.

    ``numbered`` is how many events there are; ``published``, how many of them are
    reported as archived.
    """

    MAX_OUT = 4

    def __init__(
        self, publisher: Publisher, feed: str, numbered: int, size: int = 25
    ) -> None:
        self.numbered = numbered
        self.published = 0
        self.reports: list[dict[str, Any]] = []
        self._publisher = publisher
        self._feed = feed
        self._size = size
        self._runs = 0
        self._sent = 0
        self._out: list[int] = []
        self._heard_s = time.monotonic()
        self._go_back(0)
        publisher.publish_opening(feed, self._run)

    def relay(self) -> None:
        """Take in what was reported, and send what may go."""
        for report in self._publisher.take_reports():
            if report.get("feed") in (self._feed, None):
                self.reports.append(report)
                self._heard_s = time.monotonic()
                self._take(report)
        if self._out and time.monotonic() - self._heard_s > 5:
            self._go_back(self.published)
        while self._sent < self.numbered and len(self._out) < self.MAX_OUT:
            first = self._sent + 1
            self._sent = min(self._sent + self._size, self.numbered)
            self._publisher.publish_batch(
                self._feed, first, self._sent, self._run, text="x" * 100
            )
            self._out.append(self._sent)

    def relay_until(self, published: int, timeout_s: float = 120) -> None:
        def is_there() -> bool:
            self.relay()
            return self.published >= published

        wait_for(is_there, f"the report of {published} of {self._feed}", timeout_s)

    def reconnect(self, publisher: Publisher) -> None:
        """Go on over another connection; what was out may be lost."""
        self._publisher = publisher
        self._go_back(self.published)

    def kinds(self) -> set[str]:
        return {report["kind"] for report in self.reports}

    def _take(self, report: dict[str, Any]) -> None:
        if report["kind"] == "archived":
            self.published = max(self.published, int(report["last"]))
            self._out = [last for last in self._out if last > self.published]
        elif report["kind"] == "behind" and report["run"] == self._run:
            head = int(report["last"]) if report["last"] else 0
            self.published = head
            self._go_back(head)
            if report["last"] is None:
                self._publisher.publish_opening(self._feed, self._run)
        elif report["kind"] == "shut" and report["run"] == self._run:
            time.sleep(0.5)
            self._go_back(self.published)
        elif report["kind"] == "unopened":
            self._publisher.publish_opening(
                self._feed, self._run, archived=self.published
            )

    def _go_back(self, to: int) -> None:
        self._runs += 1
        self._run = f"run-{self._runs}"
        self._sent = to
        self._out = []
        self._heard_s = time.monotonic()


StartPusher = Callable[..., PusherProcess]


class Guest(ClientXMPP):
    """An anonymous subscriber: reads archives, and hears rooms."""

    def __init__(self, ejabberd: Ejabberd, jid: str = "", password: str = "") -> None:
        scram = {"feature_mechanisms": {"unencrypted_scram": True}}
        super().__init__(jid or ejabberd.GUESTS, password, plugin_config=scram)
        self.enable_plaintext = True
        self.enable_starttls = self.enable_direct_tls = False
        self._server = ("127.0.0.1", ejabberd.c2s_port)
        self.heard: list[ElementTree.Element] = []

    def incoming_filter(self, xml: ElementTree.Element) -> ElementTree.Element:
        self.heard.append(xml)
        return xml

    async def __aenter__(self) -> Self:
        self.connect(*self._server)
        await self.wait_until("session_start", ALIVE_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()
        if self._run_out_filters is not None:
            self._run_out_filters.cancel()

    async def wait_heard(self, tag: str, id_: str | None) -> ElementTree.Element:
        async with asyncio.timeout(ALIVE_S):
            while True:
                for xml in self.heard:
                    if xml.tag == tag and xml.get("id") == id_:
                        return xml
                await asyncio.sleep(0.005)

    async def ask(self, to: str, kind: str, payload: str) -> ElementTree.Element:
        id_ = uuid.uuid4().hex
        self.send_raw(f"<iq type='{kind}' id='{id_}' to='{to}'>{payload}</iq>")
        return await self.wait_heard("{jabber:client}iq", id_)

    async def join(self, room: str) -> None:
        nick = uuid.uuid4().hex
        self.send_raw(
            f"<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'>"
            "<history maxstanzas='0'/></x></presence>"
        )
        async with asyncio.timeout(ALIVE_S):
            while not any(x.get("from") == f"{room}/{nick}" for x in self.heard):
                await asyncio.sleep(0.005)

    async def read_archive(self, room: str) -> list[ElementTree.Element]:
        """Return every archived message of the room, oldest first."""
        found: list[ElementTree.Element] = []
        after = ""
        while True:
            self.heard.clear()
            answer = await self.ask(
                room,
                "set",
                "<query xmlns='urn:xmpp:mam:2'><set"
                f" xmlns='http://jabber.org/protocol/rsm'><max>250</max>{after}"
                "</set></query>",
            )
            fin = answer.find(f"{MAM}fin")
            if fin is None:
                return found
            for xml in self.heard:
                found += xml.iterfind(
                    f"{MAM}result/{{urn:xmpp:forward:0}}forwarded/{{jabber:client}}message"
                )
            if fin.get("complete") == "true":
                return found
            after = f"<after>{fin.findtext(f'{RSM}set/{RSM}last')}</after>"


def list_places(messages: Iterable[ElementTree.Element]) -> list[tuple[str, int]]:
    """Return epoch and sequence of each event, in the order of the messages."""
    return [
        (batch["feedepoch"], int(batch["feedseq"]) + n)
        for batch in list_batches(messages)
        for n in range(len(batch["events"]))
    ]


def list_batches(messages: Iterable[ElementTree.Element]) -> list[dict[str, Any]]:
    """Return the batches of the messages, without the empty ones."""
    texts = [read_payload(message) for message in messages]
    return [json.loads(text) for text in texts if text is not None]


def read_payload(message: ElementTree.Element) -> str | None:
    if message.find("{urn:aviso:feed:2}events") is None:
        return None  # no batch: what tells an older client that it is too old
    deflated = message.findtext("{urn:aviso:feed:2}deflated")
    if deflated is not None:
        return zlib.decompress(base64.b64decode(deflated)).decode("ascii")
    return message.findtext("{urn:xmpp:json:0}json")


def wait_for_report(
    publisher: Publisher, feed: str, kind: str, **members: Any
) -> list[dict[str, Any]]:
    """Wait until the pusher has reported this; returns all it said of the feed."""
    heard: list[dict[str, Any]] = []

    def is_there() -> bool:
        heard.extend(r for r in publisher.take_reports() if r.get("feed") == feed)
        expected = {"kind": kind, "feed": feed, **members}.items()
        return any(expected <= report.items() for report in heard)

    wait_for(is_there, f"{kind} of {feed}, {members}")
    return heard


def wait_archived(publisher: Publisher, feed: str, last: int) -> list[dict[str, Any]]:
    """Wait until the pusher has reported this much; returns all it said of the feed."""
    heard: list[dict[str, Any]] = []

    def is_there() -> bool:
        heard.extend(r for r in publisher.take_reports() if r.get("feed") == feed)
        return any(
            report["kind"] == "archived" and int(report["last"]) >= last
            for report in heard
        )

    wait_for(is_there, f"{last} of {feed} archived")
    return heard
