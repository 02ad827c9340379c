"""Small drivers for the relay's tests: what waits has a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, LiteralString, Self, TypeVar

import pika  # type: ignore[import-untyped]  # pika 1.4.4 has types but no py.typed
import pika.exceptions  # type: ignore[import-untyped]
import psycopg
from psycopg import conninfo, sql

from aviso.broker.topology import PARKED_QUEUE
from aviso.outbox.queue import Numbered, Queue, Taken
from aviso.outbox.sleep import Sleep
from tests.relay.rabbitmq import QUEUES, Node

SERVICE = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within_s: float = PATIENCE_S) -> T:
    """Look until the answer is true, and return it; fail after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {seen!r}")
        time.sleep(0.02)


class Database:
    """A database of its own for one test, on the server the tests run against.

    What a thread runs, it runs in a session that is kept: to connect costs the server
    more than nearly any question does.
    """

    def __init__(self, server_url: str, template: str | None = None) -> None:
        self.server_url = server_url
        self._kept = threading.local()
        self._sessions: list[psycopg.Connection[tuple[Any, ...]]] = []
        self.name = f"relay_{uuid.uuid4().hex[:12]}"
        with self._server() as server:
            create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name))
            if template:
                create += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
            server.execute(create)
        parts = conninfo.conninfo_to_dict(server_url)
        password = f":{parts['password']}" if parts.get("password") else ""
        self.url = (
            f"postgresql://{parts['user']}{password}"
            f"@{parts['host']}:{parts.get('port', 5432)}/{self.name}"
        )

    def drop(self) -> None:
        for session in self._sessions:
            session.close()
        with self._server() as server:
            server.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(
                    sql.Identifier(self.name)
                )
            )

    @contextlib.contextmanager
    def connect(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            yield connection

    def run(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        session = self._session()
        try:
            cursor = session.execute(query, parameters)
        except psycopg.OperationalError:
            if not session.broken:
                raise
            # It was ended while it was idle, as tests do.
            cursor = self._session().execute(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def value(self, query: LiteralString, *parameters: object) -> Any:
        return self.run(query, *parameters)[0][0]

    def version(self) -> int:
        """PostgreSQL's, its first number."""
        return int(self.value("SHOW server_version_num")) // 10_000

    def add_feed(self, slug: str) -> None:
        self.run("INSERT INTO aviso.feeds (slug) VALUES (%s)", slug)

    def add_records(self, feed: str, count: int) -> None:
        self.run(
            "INSERT INTO aviso.records (feed, data)"
            " SELECT %s, jsonb_build_object('n', n) FROM generate_series(1, %s) AS n",
            feed,
            count,
        )

    def unpublished(self) -> int:
        """Count the events without a sequence, and those without a confirm."""
        return int(
            self.value(
                "SELECT coalesce(sum(sequence - published), 0)"
                " + (SELECT coalesce(sum(size), 0) FROM aviso.queue)"
                " FROM aviso.feed_heads"
            )
        )

    def number(self) -> None:
        """Number everything in the queue, as a relay does."""
        with Looking(self) as looking:
            looking.take_all()

    def unnumbered(self) -> int:
        """Count the changesets that the relay has not taken."""
        return int(self.value("SELECT count(*) FROM aviso.queue"))

    def is_all_published(self) -> bool:
        opened = self.value(
            "SELECT count(*) FROM aviso.feeds WHERE announced_at IS NULL"
        )
        return 0 == self.unpublished() + self.unnumbered() + int(opened)

    def wait_until_published(self) -> None:
        eventually(self.is_all_published)

    def terminate(self, application_name: str) -> int:
        """End the sessions of that name, as an operator would."""
        return len(
            self.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = %s",
                application_name,
            )
        )

    def _session(self) -> psycopg.Connection[tuple[Any, ...]]:
        """This thread's, which sees tables change: it prepares no statements."""
        session = getattr(self._kept, "session", None)
        if session is None or session.closed:
            session = psycopg.connect(self.url, autocommit=True, prepare_threshold=None)
            self._kept.session = session
            self._sessions.append(session)
        return session

    def _server(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.server_url, autocommit=True)


class Looking:
    """The relay's looks into the queue, without the relay."""

    def __init__(self, database: Database, page: int = 2_000) -> None:
        self._database = database
        self._page = page
        self._loop = asyncio.new_event_loop()
        self.clock_s = 0.0

    def __enter__(self) -> Self:
        self.connection = self.run(
            psycopg.AsyncConnection.connect(self._database.url, autocommit=True)
        )
        self.queue = Queue(self.connection, self._page)
        self.sleep = Sleep(self.connection, lambda: self.clock_s)
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.connection.close())
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def take(self, inline: int = 0, busy: Sequence[str] = ()) -> Taken:
        return self.run(self.queue.take(inline, busy))

    def take_all(self) -> list[Numbered]:
        """Finish the pass under way, and do another one."""
        numbered: list[Numbered] = []
        for _ in range(2):
            while True:
                taken = self.take()
                numbered += taken.numbered
                if taken.is_all:
                    break
        return numbered


class Broker:
    """A person with a pika connection: looks into queues, puts things into them."""

    def __init__(self, node: Node) -> None:
        self._definitions = node.definitions
        self.url = node.operator_url

    @contextlib.contextmanager
    def channel(self) -> Iterator[Any]:
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            with contextlib.suppress(pika.exceptions.AMQPError):
                connection.close()

    def clear(self) -> None:
        """Make everything that the definitions name anew."""
        self.delete()
        self.load()

    def delete(self) -> None:
        """Delete everything that the definitions name."""
        with self.channel() as channel:
            for queue in self._definitions["queues"]:
                channel.queue_delete(queue["name"])
            for exchange in self._definitions["exchanges"]:
                channel.exchange_delete(exchange["name"])

    def load(self) -> None:
        """Make what is missing, as loading the definitions does, but quicker."""
        with self.channel() as channel:
            for exchange in self._definitions["exchanges"]:
                channel.exchange_declare(
                    exchange["name"],
                    exchange["type"],
                    durable=True,
                    arguments=exchange["arguments"],
                )
            for queue in self._definitions["queues"]:
                channel.queue_declare(
                    queue["name"], durable=True, arguments=queue["arguments"]
                )
            for each in self._definitions["bindings"]:
                is_queue = each["destination_type"] == "queue"
                bind = channel.queue_bind if is_queue else channel.exchange_bind
                bind(each["destination"], each["source"], each["routing_key"])

    def peek(self, queue: str) -> list[pika.BasicProperties]:
        """Tell what a queue holds, in its order; it stays there."""
        depth = self.depth(queue)
        with self.channel() as channel:
            # A queue with a single active consumer does not answer basic.get.
            coming = channel.consume(queue, inactivity_timeout=PATIENCE_S)
            return [properties for _, properties, _ in itertools.islice(coming, depth)]

    def park(self, body: bytes, routing_key: str = "", **properties: Any) -> None:
        with self.channel() as channel:
            channel.confirm_delivery()
            channel.basic_publish(
                "record-events.parked",
                routing_key,
                body,
                pika.BasicProperties(delivery_mode=2, **properties),
                mandatory=True,
            )

    def readers(self, queue: str) -> int:
        """Count who consumes a queue."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.consumer_count)

    def depth(self, queue: str = PARKED_QUEUE) -> int:
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)


class Relay:
    """A `manage.py aviso_relay` process, of the service or of another project."""

    def __init__(
        self,
        environment: dict[str, str],
        log: Path,
        command: Sequence[str] = (sys.executable, "manage.py", "aviso_relay"),
        folder: Path = SERVICE,
    ) -> None:
        self._environment = environment
        self._log = log
        self.address = environment["AVISO_RELAY_BIND"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=output
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def lines(self, outcome: str) -> list[dict[str, Any]]:
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                fact = json.loads(line)
                if isinstance(fact, dict) and fact.get("outcome") == outcome:
                    found.append(fact)
        return found

    def health(self) -> dict[str, Any]:
        """Answer what /healthz says, with its status; empty before it listens."""
        try:
            code, text = self._ask("healthz")
        except urllib.error.URLError:
            return {}
        return {"code": code, **json.loads(text)}

    def metrics(self) -> str:
        return self._ask("metrics")[1]

    def _ask(self, path: str) -> tuple[int, str]:
        url = f"http://{self.address}/{path}"
        for _ in range(9):
            try:
                with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as exc:
                return exc.code, exc.read().decode()
            except ConnectionError:
                # It lets go of whoever is with it for too long, as on a machine that
                # stands still; one that has ended is not there the next time.
                continue
        raise ConnectionError(f"the relay answers nothing at {url}")

    def wait_for_role(self, role: str) -> None:
        eventually(lambda: self.health().get("role") == role)

    def wait_for_broker(self, state: str = "connected") -> None:
        eventually(lambda: self.health().get("broker") == state)

    def wait_until_it_published(self) -> None:
        eventually(lambda: len(self.lines("published")) > 1)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        return self.process.wait(PATIENCE_S)


def environment_for(database_url: str, amqp_url: str, port: int) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("AVISO_")},
        "AVISO_DATABASE_URL": database_url,
        "AVISO_PUBLIC_URL": "http://localhost:8080",
        "AVISO_SECRET_KEY": "only-for-tests-" * 4,
        "AVISO_TICKET_SECRET": "only-for-tickets-" * 4,
        "AVISO_AMQP_URL": amqp_url,
        "AVISO_QUEUES": str(QUEUES),
        "AVISO_RELAY_BIND": f"127.0.0.1:{port}",
    }


def manage(environment: dict[str, str], *arguments: str, words: bool = False) -> str:
    """Run a management command; raise with its words if it fails.

    Return what it wrote to stdout; with `words` what it wrote to stderr instead.
    """
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=SERVICE,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
    return done.stderr if words else done.stdout
