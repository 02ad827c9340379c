"""Pushers beside the stack's own, which a test may start, watch and break at will.

The stack brings its pusher back by itself, ever more slowly, and always with the
same settings; these come back when the test says so, and reach ejabberd through
whatever the test puts between.
"""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from aviso_native import services
from aviso_native.addresses import find_free_port
from aviso_native.process import Command, Part
from aviso_native.settings import Settings

from ..waiting import until

_STOP_S = 30.0


class Pusher:
    """One pusher process; `start` may be called again after its end."""

    def __init__(self, settings: Settings, name: str, **environ: str) -> None:
        self._port = find_free_port()
        like = services.make_pusher(settings).command()
        env = {**like.env, "AVISO_PUSHER_BIND": f"127.0.0.1:{self._port}", **environ}
        self._part = Part(
            name=name,
            command=lambda: Command(like.argv, env, like.cwd),
            is_ready=lambda: self.is_well,
            log=settings.log(name),
        )

    def start(self) -> None:
        self._part.start()

    def wait_ready(self) -> None:
        """Wait until both of its connections are up."""
        self._part.wait_ready()

    @property
    def pid(self) -> int:
        assert self._part.pid is not None
        return self._part.pid

    @property
    def is_well(self) -> bool:
        return services.answers(f"http://127.0.0.1:{self._port}/healthz")

    def kill(self) -> None:
        process = self._part.process
        assert process is not None and process.poll() is None
        process.kill()
        process.wait()

    def terminate(self) -> int:
        """Send SIGTERM, wait for its end, and return the exit code."""
        process = self._part.process
        assert process is not None and process.poll() is None
        process.send_signal(signal.SIGTERM)
        return process.wait(_STOP_S)

    def close(self) -> None:
        self._part.stop()

    def feed(self, slug: str) -> dict[str, Any]:
        """What /healthz tells of a feed; empty when it knows none, or is not there."""
        try:
            with self._open("healthz") as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:  # 503: a connection is down
            body = error.read()
        except OSError:
            return {}
        state: dict[str, Any] = json.loads(body)["feeds"].get(slug, {})
        return state

    def sequence(self, slug: str) -> int:
        """How far it knows the feed's room to be; 0 while it does not know."""
        return self.feed(slug).get("sequence") or 0

    def metric(self, name: str) -> float:
        """The sum of a metric's samples. `name` is as /metrics has it."""
        with self._open("metrics") as answer:
            text = answer.read().decode()
        values = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        # One with labels has no sample before the first of them.
        assert values or f"# TYPE {name} " in text, f"no metric {name}"
        return sum(map(float, values))

    def _open(self, page: str) -> Any:
        return urllib.request.urlopen(
            f"http://127.0.0.1:{self._port}/{page}", timeout=5
        )


def demand_no_detour(pusher: Pusher) -> None:
    """All came to it from the queue, in order: no hole that had to be asked for, and
    none that events had to make way for.

    The relay has everything still, and would heal what was acknowledged too early.
    """
    for name in ("asked", "let_go", "sent_back", "guessed_starts"):
        assert pusher.metric(f"aviso_pusher_{name}_total") == 0, name


def wait_until_holding(pusher: Pusher, slug: str, count: int) -> None:
    """Wait until it has taken so many events of the feed and acked none."""
    until(
        lambda: pusher.feed(slug).get("waiting") == count,
        f"{count} unacknowledged events of {slug}",
        30,
    )


def wait_until_beyond(sequence: int, pusher: Pusher, slug: str) -> None:
    """Wait until the pusher knows the feed's room to be further than this."""
    until(lambda: pusher.sequence(slug) > sequence, f"{slug} to pass {sequence}", 90)


def memory_mib(pid: int) -> float:
    """The most that a process has had in memory since its start."""
    status = Path(f"/proc/{pid}/status").read_text()
    [kib] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)
    return int(kib) / 1024
