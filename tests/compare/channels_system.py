"""Django Channels with its Redis layer, as its documentation says to use them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from ..integration.running import find_free_port, is_free
from ..integration.waiting import until
from .system import Break


class Channels:
    name = "Django Channels + Redis"

    def start(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="channels-"))
        self._redis_port, self._port = find_free_port(), find_free_port()
        self._log = (self._directory / "log").open("ab")
        self._redis = self._start_redis()
        self._site = self._start_site()

    def stop(self) -> None:
        for each in (self._site, self._redis):
            each.terminate()
            each.wait(20)
        self._log.close()
        shutil.rmtree(self._directory)

    def begin(self) -> None:
        """A page shows only what comes after it was opened, so nothing is left."""

    def write(self, record: str) -> bool:
        url = f"http://localhost:{self._port}/records/{record}"
        request = urllib.request.Request(url, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return bool(answer.status == 201)
        except OSError:
            return False

    def subscribe(self, tab: Page) -> None:
        tab.goto(f"http://localhost:{self._port}/")
        tab.wait_for_function("() => window.isLive")

    def shown(self, tab: Page) -> list[str]:
        seen: list[str] = tab.evaluate("() => window.seen")
        return seen

    @property
    def breaks(self) -> Mapping[str, Break]:
        return {
            "broker": self._kill_redis,
            "push": self._kill_site,
            "web": self._kill_site,
        }

    @contextmanager
    def _kill_redis(self) -> Iterator[None]:
        _kill(self._redis)
        yield
        self._redis = self._start_redis()

    @contextmanager
    def _kill_site(self) -> Iterator[None]:
        _kill(self._site)
        yield
        self._site = self._start_site()

    def _start_redis(self) -> subprocess.Popen[bytes]:
        program = shutil.which("redis-server")
        assert program, "redis-server is not installed (Debian package redis-server)"
        address = ["--bind", "127.0.0.1", "--port", str(self._redis_port)]
        kept = ["--dir", str(self._directory), "--appendonly", "yes"]
        return self._start([program, *address, *kept], self._redis_port)

    def _start_site(self) -> subprocess.Popen[bytes]:
        site = f"{__package__}.channels_site:application"
        address = ["-b", "127.0.0.1", "-p", str(self._port)]
        return self._start([sys.executable, "-m", "daphne", *address, site], self._port)

    def _start(self, command: list[str], port: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            env=os.environ
            | {
                "PEER_REDIS_PORT": str(self._redis_port),
                "PEER_DATABASE": str(self._directory / "records.sqlite"),
            },
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        until(lambda: process.poll() is not None or not is_free(port), command[0], 30)
        assert process.poll() is None, (self._directory / "log").read_text()
        return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
