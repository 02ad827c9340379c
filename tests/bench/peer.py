"""Aviso beside what a Django developer would write instead, in turns, by one client.

The peer is Channels with its Redis layer, as its documentation says: writes by gunicorn
with as many processes and threads as Aviso's, WebSockets by Daphne. It stores into the
same PostgreSQL. It keeps nothing for who was away, and numbers and archives nothing.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol

import psycopg

from ..integration.batches import read_payload
from ..integration.running import REPOSITORY, find_free_port, is_free
from ..integration.waiting import until
from ..integration.xmpp_socket import Closed, WebSocket, XmppSocket
from .bench import Bench, tell
from .goals import Goal

_WRITERS = 16
_ROUNDS = 3
_LAST_S = 60.0
_START_S = 60.0
# What Nchan has of the write alone, by a measurement beside it (docs/performance.md).
_NCHAN_SHARE = 0.56


class System(Protocol):
    """What is written to and read from. A record's data has `t`, its `monotonic()`."""

    is_pushed: bool
    """Whether anybody is told; else a record is stored, and that is all."""

    def write(self, connection: Any, data: list[Any]) -> None:
        """Write these, together if there are more than one. Raises unless they are."""

    def connect(self) -> Any:
        """Return what one writer writes over, with a `close`."""

    def subscribe(self) -> WebSocket:
        """Return a socket that is told of everything from here on."""

    def read(self, message: str) -> list[float]:
        """Return the `t` of each record in a message."""


class Aviso:
    is_pushed = True
    feed = "beside"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._bench.stack.port)

    def write(self, connection: http.client.HTTPConnection, data: list[Any]) -> None:
        records = [{"data": each} for each in data]
        path = f"/api/v1/feeds/{self.feed}/records/"
        _post(connection, path, records, f"Bearer {self._bench.key}")

    def subscribe(self) -> WebSocket:
        settings = self._bench.settings
        socket = XmppSocket(self._bench.stack.port, settings.guest_domain)
        socket.log_in()
        room = f"{self.feed}@{settings.rooms_domain}"
        answer = socket.join(room, f"bench-{os.getpid()}-{id(socket)}")
        if answer.get("type") == "error":
            raise RuntimeError(ET.tostring(answer, encoding="unicode"))
        return socket

    def read(self, message: str) -> list[float]:
        if not message.startswith("<message") or "<archived" not in message:
            return []
        events = read_payload(ET.fromstring(message))  # noqa: S314 # our own server
        return [each["data"]["data"]["t"] for each in events]


class AvisoBySql(Aviso):
    """Written to as by psql: one INSERT in a transaction of its own."""

    def connect(self) -> psycopg.Connection[Any]:
        url = str(self._bench.stack.facts["database_url"])
        return psycopg.connect(url, autocommit=True, prepare_threshold=None)

    def write(self, connection: psycopg.Connection[Any], data: list[Any]) -> None:
        insert = "INSERT INTO records (feed, data) VALUES (%s, %s)"
        for each in data:
            connection.execute(insert, (self.feed, json.dumps(each)))


class Peer:
    """The peer's servers, while `run` lasts; without `push` the write alone."""

    def __init__(self, bench: Bench, *, push: bool) -> None:
        self._write_port, self._push_port = find_free_port(), find_free_port()
        self._environment = os.environ | {
            "PEER_DATABASE_URL": str(bench.stack.facts["database_url"]),
            "PEER_PUSH": "channels" if push else "none",
            "PEER_REDIS_PORT": str(find_free_port()),
        }
        self.is_pushed = push

    @contextmanager
    def run(self) -> Iterator[Peer]:
        site = f"{__package__}.peer_site"
        with ExitStack() as running:
            if self.is_pushed:
                running.enter_context(self._redis())
                options = f"-v 0 -b 127.0.0.1 -p {self._push_port}".split()
                daphne = ("-m", "daphne", *options, f"{site}:subscribe")
                command = [sys.executable, *daphne]
                running.enter_context(self._process(command, self._push_port))
            gunicorn = ("gunicorn", f"--bind=127.0.0.1:{self._write_port}")
            threads = ("--workers=2", "--worker-class=gthread", "--threads=12")
            command = [sys.executable, "-m", *gunicorn, *threads, "--keep-alive=125"]
            command.append("--log-level=warning")
            running.enter_context(
                self._process([*command, f"{site}:write"], self._write_port)
            )
            yield self

    def make_table(self) -> None:
        subprocess.run(
            [sys.executable, "-m", f"{__package__}.peer_site"],
            cwd=REPOSITORY,
            env=self._environment,
            check=True,
            timeout=_START_S,
        )

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._write_port)

    def write(self, connection: http.client.HTTPConnection, data: list[Any]) -> None:
        records = [{"feed": "beside", "data": each} for each in data]
        _post(connection, "/records/", records)

    def subscribe(self) -> WebSocket:
        socket = WebSocket(self._push_port, path="/feed")
        assert socket.receive() == "live"
        return socket

    def read(self, message: str) -> list[float]:
        return [each["data"]["t"] for each in json.loads(message)]

    @contextmanager
    def _redis(self) -> Iterator[None]:
        program = shutil.which("redis-server")
        assert program, "redis-server is not installed (Debian package redis-server)"
        port = self._environment["PEER_REDIS_PORT"]
        memory_only = ("--save", "", "--appendonly", "no")
        command = [program, "--bind", "127.0.0.1", "--port", port, *memory_only]
        with self._process(command, int(port)):
            yield

    @contextmanager
    def _process(self, command: list[str], port: int) -> Iterator[None]:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            name = f"{command[0]} on port {port}"
            until(lambda: process.poll() is not None or not is_free(port), name, 30)
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}")
            yield
        finally:
            process.terminate()
            process.wait(30)


class Arrivals:
    """Reads a subscription in a thread: what came when, parsed when it is asked for."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._socket = system.subscribe()
        self._came: list[tuple[float, str]] = []
        self._waits: list[float] = []
        self._read = 0
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def wait_for(self, count: int) -> list[float]:
        """Return how long each took, in seconds, in the order of their arrival.

        Raises RuntimeError where not all have come a minute later.
        """
        deadline = time.monotonic() + _LAST_S
        while len(self.waits()) < count:
            if time.monotonic() > deadline:
                name = type(self._system).__name__
                raise RuntimeError(
                    f"{name}: {len(self.waits())} of {count} records arrived"
                )
            time.sleep(0.02)
        return self.waits()

    def waits(self) -> list[float]:
        while self._read < len(self._came):
            at, message = self._came[self._read]
            self._waits += [at - sent for sent in self._system.read(message)]
            self._read += 1
        return self._waits

    @property
    def last_at(self) -> float:
        return self._came[-1][0]

    def close(self) -> None:
        with suppress(OSError):  # the other end may have closed it
            self._socket.tcp.shutdown(2)
        self._thread.join(10)
        self._socket.close()

    def _receive(self) -> None:
        while True:
            try:
                message = self._socket.receive(600)
            except (Closed, TimeoutError):
                return
            self._came.append((time.monotonic(), message))


def beside_channels(bench: Bench) -> None:
    """Latency, single POSTs and lists: Aviso, Channels, and the write alone."""
    bench.api.create_feed(Aviso.feed)
    aviso, by_sql = Aviso(bench), AvisoBySql(bench)
    alone, peer = Peer(bench, push=False), Peer(bench, push=True)
    peer.make_table()
    with peer.run(), alone.run():
        time.sleep(2)
        _warm_up(aviso, peer, alone)
        ours, sql, theirs = _in_turns(
            lambda system: _latency_ms(system, bench.seconds), aviso, by_sql, peer
        )
        for name, waits in (
            ("Aviso", ours),
            ("Aviso by SQL", sql),
            ("Channels", theirs),
        ):
            for each, ms in waits.items():
                bench.note(f"{name}, insert to subscriber at 20/s, {each} (ms)", ms)
        bench.goals += [
            Goal(
                f"{each} at 20/s, Aviso to Channels", ours[each] / theirs[each], must=1
            )
            for each in ("p50", "p99")
        ]
        for size, what in ((1, "single POSTs"), (100, "lists of 100")):
            held = _in_turns(
                lambda system, size=size: {"rate": _rate(system, bench.seconds, size)},
                *(aviso, peer, alone),
            )
            ours_rate, theirs_rate, alone_rate = (each["rate"] for each in held)
            named = zip(("Aviso", "Channels", "write alone"), held, strict=True)
            for name, figures in named:
                bench.note(f"{name}, {what} (records/s)", figures["rate"])
            if size == 1:
                bench.goals.append(
                    Goal("single POSTs, Aviso to the write alone",
                         ours_rate / alone_rate, must=_NCHAN_SHARE, aim=0.8,
                         at_least=True)
                )  # fmt: skip
            else:
                bench.goals.append(
                    Goal("lists of 100, Aviso to Channels", ours_rate / theirs_rate,
                         must=1, at_least=True)
                )  # fmt: skip


def _in_turns(
    measure: Callable[[System], dict[str, float]], *systems: System
) -> list[dict[str, float]]:
    """Measure each, one after the other, and again; return the medians of each."""
    found: list[list[dict[str, float]]] = [[] for _ in systems]
    for number in range(_ROUNDS):
        for system, figures in zip(systems, found, strict=True):
            figures.append(measure(system))
        tell(f"  round {number + 1} of {_ROUNDS} …")
    return [
        {name: statistics.median(each[name] for each in figures) for name in figures[0]}
        for figures in found
    ]


def _warm_up(*systems: System) -> None:
    for system in systems:
        connections = [system.connect() for _ in range(_WRITERS)]
        for connection in connections * 4:
            system.write(connection, [_data()])
        for connection in connections:
            connection.close()
    time.sleep(1)


def _latency_ms(system: System, seconds: float, rate: float = 20) -> dict[str, float]:
    """From the moment before a record is written until it is with the subscriber."""
    arrivals, connection = Arrivals(system), system.connect()
    start = time.monotonic()
    count = int(rate * seconds)
    try:
        for number in range(count):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            system.write(connection, [_data()])
        waits = sorted(arrivals.wait_for(count))
    finally:
        connection.close()
        arrivals.close()
    return {"p50": 1000 * waits[count // 2], "p99": 1000 * waits[count * 99 // 100]}


def _rate(system: System, seconds: float, size: int) -> float:
    """Records/s from the first POST until the last has arrived, or is stored."""
    is_alone = not system.is_pushed
    arrivals = None if is_alone else Arrivals(system)
    lock, numbers = threading.Lock(), itertools.count()
    start = time.monotonic()

    def write() -> None:
        connection = system.connect()
        while time.monotonic() < start + seconds:
            with lock:
                next(numbers)
            system.write(connection, [_data() for _ in range(size)])
        connection.close()

    with ThreadPoolExecutor(_WRITERS) as pool:
        for done in [pool.submit(write) for _ in range(_WRITERS)]:
            done.result()
    ended, count = time.monotonic(), next(numbers) * size
    if arrivals is not None:
        try:
            arrivals.wait_for(count)
            ended = arrivals.last_at
        finally:
            arrivals.close()
    return count / (ended - start)


def _data() -> dict[str, Any]:
    return {"t": time.monotonic(), "text": "x" * 120, "price": 12.5, "open": True}


def _post(
    connection: http.client.HTTPConnection,
    path: str,
    records: list[Any],
    authorization: str | None = None,
) -> None:
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    body = json.dumps(records if len(records) > 1 else records[0])
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"{path}: {answer.status} {text[:300]!r}")
