"""The pusher as a process, a relay's publisher, and a guest who reads a room.

The guest is plain slixmpp and shares no line with the pusher.
"""

from __future__ import annotations

import asyncio
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
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree

import pika
from aviso_native.addresses import find_free_port
from pika.exceptions import AMQPError
from slixmpp import ClientXMPP

from real.servers import Ejabberd, Rabbit
from real.waiting import wait_for
from xmpp_pusher import topology

SOURCE = Path(__file__).parents[2] / "src"
MAM = "{urn:xmpp:mam:2}"
RSM = "{http://jabber.org/protocol/rsm}"


def make_event(
    feed: str, sequence: int, epoch: str = "e001", change: str = "created", **more: Any
) -> bytes:
    record = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{feed}:{sequence}"))
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{feed}:{epoch}:{sequence}")),
        "source": f"/feeds/{feed}",
        "type": f"aviso.record.{change}.v1",
        "subject": record,
        "time": "2026-11-24T09:30:00.123456Z",
        "feed": feed,
        "feedepoch": epoch,
        "feedseq": str(sequence),
        "data": {
            "id": record,
            "version": 1,
            "created_at": "2026-11-24T09:30:00.123456Z",
            "updated_at": "2026-11-24T09:30:00.123456Z",
            "data": {"number": sequence, **more},
        },
    }
    return json.dumps(event, separators=(",", ":")).encode("ascii")


def make_opening(
    feed: str,
    epoch: str = "e001",
    head: int = 0,
    visibility: str = "public",
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
        "data": {"head": str(head), "visibility": visibility, **lists},
    }
    return json.dumps(event, separators=(",", ":")).encode("ascii")


def make_reader_event(feed: str, sequence: int, change: str) -> bytes:
    event = json.loads(make_event(feed, sequence))
    del event["subject"]
    event |= {"type": f"aviso.reader.{change}.v1", "data": {}}
    return json.dumps(event, separators=(",", ":")).encode("ascii")


class Publisher:
    """Publishes as the relay does: persistent, mandatory, confirmed."""

    def __init__(self, rabbit: Rabbit) -> None:
        parameters = pika.URLParameters(rabbit.url)
        parameters.heartbeat = 0  # nobody would answer them between two calls
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._declare()
        self._channel.confirm_delivery()

    def _declare(self) -> None:
        for exchange in topology.EXCHANGES:
            self._channel.exchange_declare(
                exchange.name,
                exchange.type,
                durable=True,
                arguments=exchange.arguments,
            )
        for queue in topology.list_queues(2):
            self._channel.queue_declare(
                queue.name, durable=True, arguments=queue.arguments
            )
        for b in topology.list_bindings(2):
            if b.destination_type == "queue":
                self._channel.queue_bind(b.destination, b.source, b.routing_key)
            else:
                self._channel.exchange_bind(b.destination, b.source, b.routing_key)

    def publish(self, feed: str, body: bytes, **headers: str) -> None:
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json",
            delivery_mode=2,
            headers={"feed": feed, **headers},
        )
        self._channel.basic_publish(
            "record-events", f"feed.{feed}.created", body, properties, mandatory=True
        )

    def publish_range(self, feed: str, first: int, last: int, **more: Any) -> None:
        for sequence in range(first, last + 1):
            self.publish(feed, make_event(feed, sequence, **more))

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
            "AVISO_AMQP_URL": rabbit.url,
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

    def start(self, timeout_s: float = 30) -> Self:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "xmpp_pusher"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_for(lambda: self.health()[0] == 200, "the pusher's start", timeout_s)
        return self

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def health(self) -> tuple[int, dict[str, Any]]:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(self.output.read_text()[-3000:])
        url = f"http://127.0.0.1:{self.port}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except (urllib.error.URLError, ConnectionError):
            return 0, {}

    def metric(self, name: str) -> float:
        url = f"http://127.0.0.1:{self.port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith((f"{name} ", f"{name}{{"))
        )

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]


class Relay:
    """Answers what a pusher asks for, from memory, and notes it."""

    def __init__(self, publisher: Publisher, feed: str, last: int) -> None:
        self.asked: list[tuple[int, int]] = []
        self._publisher = publisher
        self._feed = feed
        self._last = last

    def answer(self) -> None:
        for headers, body in self._publisher.take_parked():
            request = json.loads(body)
            if "aviso-request" not in headers or request["feed"] != self._feed:
                continue
            first, last = int(request["first"]), int(request["last"])
            self.asked.append((first, last))
            self._publisher.publish_range(self._feed, first, min(last, self._last))

    def answer_until(self, pusher: PusherProcess, sequence: int) -> None:
        def is_there() -> bool:
            self.answer()
            state = pusher.health()[1]["feeds"][self._feed]
            return state["sequence"] == sequence and state["waiting"] == 0

        wait_for(is_there, f"sequence {sequence}", 60)


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
        await self.wait_until("session_start", 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()
        if self._run_out_filters is not None:
            self._run_out_filters.cancel()

    async def wait_heard(self, tag: str, id_: str | None) -> ElementTree.Element:
        async with asyncio.timeout(20):
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
        async with asyncio.timeout(20):
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
    return [(e["feedepoch"], int(e["feedseq"])) for e in list_events(messages)]


def list_events(messages: Iterable[ElementTree.Element]) -> list[dict[str, Any]]:
    return [
        event
        for message in messages
        for event in json.loads(message.findtext("{urn:xmpp:json:0}json") or "[]")
    ]


def wait_until_sequence(
    pusher: PusherProcess, feed: str, sequence: int, timeout_s: float = 60
) -> None:
    def is_there() -> bool:
        state = pusher.health()[1].get("feeds", {}).get(feed, {})
        return (state.get("sequence") or 0) >= sequence and state["waiting"] == 0

    wait_for(is_there, f"sequence {sequence} of {feed}", timeout_s)


def now_s() -> float:
    return time.monotonic()
