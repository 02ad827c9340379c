"""Pushers beside the stack's own, which a test may start, watch and break at will.

The stack brings its pusher back by itself, ever more slowly, and always with the
same settings; these come back when the test says so, and reach ejabberd through
whatever the test puts between.
"""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

from aviso_native import services
from aviso_native.addresses import find_free_port
from aviso_native.process import Command, Part
from aviso_native.settings import Settings

from ..running import Stack
from ..waiting import ALIVE_S, until, until_equal
from .queues import TRAVELLING

_STOP_S = 60.0


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

    @property
    def queues(self) -> list[str]:
        """The queues that it has; another pusher has the others."""
        with self._open("healthz") as answer:
            told: list[str] = json.load(answer)["queues"]
        return told

    @property
    def problems(self) -> dict[str, str]:
        """What /healthz tells of feeds that want a person."""
        with self._open("healthz") as answer:
            told: dict[str, str] = json.load(answer)["problems"]
        return told

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
            f"http://127.0.0.1:{self._port}/{page}", timeout=ALIVE_S
        )


def wait_until_shared(*pushers: Pusher) -> None:
    """Wait until each of them has one of the queues."""
    until_equal(
        sorted(TRAVELLING),
        lambda: sorted(
            queue
            for queues in (pusher.queues for pusher in pushers)
            for queue in queues
            if len(queues) == len(TRAVELLING) // len(pushers)
        ),
        "each pusher to have its share",
    )


def tell_apart(pushers: list[Pusher], before: list[float]) -> tuple[Pusher, Pusher]:
    """The one that has relayed since, as soon as one has, and the one that has not.

    `before` is what `count_relayed` told.
    """

    def look() -> list[bool]:
        now = count_relayed(pushers)
        return [each > then for each, then in zip(now, before, strict=True)]

    # What the archive has had already the pusher hears a little later.
    is_active = until(lambda: any(seen := look()) and seen, "a pusher to relay")
    assert sorted(is_active) == [False, True], "one of them has the feed's queue"
    active = is_active.index(True)
    return pushers[active], pushers[1 - active]


def count_relayed(pushers: list[Pusher]) -> list[float]:
    """How many events each of them has relayed since its start."""
    return [pusher.metric("aviso_pusher_relayed_total") for pusher in pushers]


def list_speakers(stack: Stack, feed: str) -> list[str]:
    """The addresses with which the pusher's account sits in the feed's room."""
    settings = stack.settings
    room = {"name": feed, "service": settings.rooms_domain}
    occupants = stack.ask_ejabberd("get_room_occupants", room)
    account = f"pusher@{settings.domain}/"
    return [each["jid"] for each in occupants if each["jid"].startswith(account)]


def demand_no_detour(pusher: Pusher) -> None:
    """All came to it from the queue, in order: nothing that did not follow.

    The relay has everything still, and would heal what was acknowledged too early.
    """
    assert pusher.metric("aviso_pusher_behind_total") == 0


def memory_mib(pid: int) -> float:
    """The most that a process has had in memory since its start."""
    status = Path(f"/proc/{pid}/status").read_text()
    [kib] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.M)
    return int(kib) / 1024
