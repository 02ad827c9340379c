"""The process: how it starts, how it refuses to, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from real.programs import SOURCE, StartPusher
from real.servers import Ejabberd, Rabbit
from real.waiting import ALIVE_S, wait_for


def run_with(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), **settings}
    command = [sys.executable, "-m", "xmpp_pusher"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=ALIVE_S
    )


def test_without_a_secret_it_does_not_start_and_names_it() -> None:
    finished = run_with(AVISO_AMQP_URL="amqp://guest:guest@127.0.0.1:1/")

    assert 2 == finished.returncode
    assert "AVISO_XMPP_PASSWORD" in finished.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(
    start_pusher: StartPusher, number: signal.Signals
) -> None:
    pusher = start_pusher()

    assert 0 == pusher.stop(number)
    assert "stopped" == pusher.logs()[-1]["outcome"]


def test_it_ends_while_both_servers_are_away(
    start_pusher: StartPusher, rabbit: Rabbit, ejabberd: Ejabberd
) -> None:
    pusher = start_pusher()
    ejabberd.stop(signal.SIGKILL)
    rabbit.stop(signal.SIGKILL)
    wait_for(lambda: pusher.health()[1]["rabbitmq"] == "disconnected", "noticing")

    assert 0 == pusher.stop()
    rabbit.start()
    ejabberd.start()


def test_every_line_of_the_log_is_json(start_pusher: StartPusher) -> None:
    pusher = start_pusher()
    pusher.stop()

    for line in pusher.logs():
        assert {"time", "level", "service", "message"} <= line.keys()
