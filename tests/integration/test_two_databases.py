"""Another database's relay on a stack's broker: it is refused, and harms nothing."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .api import Api
from .archive import archived_batches, events_of
from .chat import Chat
from .database import Database
from .projects import database_of_its_own
from .running import PYTHON, REPOSITORY, Stack
from .waiting import ALIVE_S, until

from aviso_native import services  # isort: skip # found on the path that .running sets
from aviso_native.addresses import find_free_port  # isort: skip # likewise


class OtherSource:
    """A database of its own with a relay of its own, and the stack's broker."""

    def __init__(self, stack: Stack, database_url: str, log: Path) -> None:
        self.database = Database(database_url)
        self._stack = stack
        self._log = log
        self._address = f"127.0.0.1:{find_free_port()}"
        self._environ = {
            "AVISO_DATABASE_URL": database_url,
            "AVISO_RELAY_BIND": self._address,
            "AVISO_TAKE_BROKER": "no",
        }
        self.manage("migrate", "--no-input", "--verbosity=0")

    def manage(self, *arguments: str) -> str:
        return self._stack.manage(*arguments, **self._environ)

    @contextmanager
    def relaying(self) -> Iterator[None]:
        with self._log.open("ab") as out:
            process = subprocess.Popen(
                [str(PYTHON), "manage.py", "aviso_relay"],
                cwd=REPOSITORY / "services/records-api",
                env=services.api_env(self._stack.settings) | self._environ,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
            assert process.poll() is None, self._log.read_text()
        finally:
            process.terminate()
            process.wait(ALIVE_S)

    def health(self) -> dict[str, Any]:
        """What its relay says of itself; empty before it listens."""
        try:
            with urllib.request.urlopen(
                f"http://{self._address}/healthz", timeout=5
            ) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except OSError:
            return {}

    def write(self, feed: str, count: int) -> None:
        self.database.execute(
            "INSERT INTO aviso.records (feed, data) SELECT %s,"
            " jsonb_build_object('of', 'another') FROM generate_series(1, %s)",
            [feed, count],
        )


@pytest.fixture
def other(
    stack: Stack, run_dirs: Callable[[], Path], tmp_path: Path
) -> Iterator[OtherSource]:
    with database_of_its_own(run_dirs()) as url:
        yield OtherSource(stack, url, tmp_path / "relay.log")


def test_a_feed_of_another_database_never_reaches_the_room(
    stack: Stack,
    api: Api,
    database: Database,
    feed: str,
    room: str,
    other: OtherSource,
    observer: Chat,
) -> None:
    other.manage("create_feed", feed)
    other.write(feed, 5)

    with other.relaying():
        refusal = until(
            lambda: other.health().get("refusal"), "the other relay to be refused"
        )
        for n in range(2, 12):
            api.write(feed, {"n": n})
        head = api.get(f"feeds/{feed}/")["head"]
        until(lambda: _published(database, feed) == 11, "the records to be archived")
        assert refusal == other.health()["refusal"]

    assert "belongs to the database 'aviso' at 127.0.0.1:" in refusal
    assert stack.settings.database_url.rpartition("@")[2].partition("/")[0] in refusal
    assert head is not None
    events = events_of(archived_batches(observer, room))
    assert list(range(1, 12)) == [event["data"]["data"]["n"] for event in events]
    assert _published(other.database, feed) == 0


def _published(database: Database, feed: str) -> int:
    published: int = database.value(
        "SELECT published FROM aviso.feed_progress WHERE feed = %s", [feed]
    )
    return published
