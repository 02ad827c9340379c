"""A private PostgreSQL for ejabberd: its archive is where the module keeps the rule."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aviso_native.addresses import find_free_port, is_listening

from real.waiting import ALIVE_S, START_S, wait_for

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
SCHEMA = Path("/usr/share/ejabberd/sql/pg.new.sql")


def is_there() -> bool:
    return bool(_BINARIES) and SCHEMA.exists() and shutil.which("psql") is not None


class Postgres:
    """One cluster, trusted on loopback; the database `ejabberd` has the tables."""

    def __init__(self, directory: Path) -> None:
        self.port = find_free_port()
        self._binaries = _BINARIES[-1]
        self._data = directory / "postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self._data, "postgres", "postgres")
        self._run(
            *(str(self._binaries / "initdb"), f"--pgdata={self._data}"),
            *("--username=postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale=C.UTF-8", "--no-sync"),
        )

    def start(self) -> None:
        command = [
            *self._as_postgres(),
            *(str(self._binaries / "postgres"), "-D", str(self._data)),
            *("-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"),
            *("-c", "unix_socket_directories=", "-c", "fsync=off"),
        ]
        with (self._data.parent / "postgres.log").open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        wait_for(self._is_up, "PostgreSQL's start", START_S)

    def make_database(self) -> None:
        self.query("CREATE DATABASE ejabberd", database="postgres")
        self._psql("ejabberd", f"--file={SCHEMA}")

    def query(self, statement: str, database: str = "ejabberd") -> list[list[str]]:
        """Run a statement of its own transaction; rows of text, null as ''."""
        output = self._psql(database, f"--command={statement}")
        return [line.split("|") for line in output.splitlines()]

    @contextmanager
    def holding_snapshot(self, database: str = "ejabberd") -> Iterator[None]:
        """Have a session see everything as it is now, while the block lasts."""
        session = subprocess.Popen(
            ["psql", *self._options(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert session.stdin is not None
            assert session.stdout is not None
            session.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;\n")
            session.stdin.flush()
            assert session.stdout.readline() == "1\n"
            yield
        finally:
            session.communicate(timeout=ALIVE_S)

    def close(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(ALIVE_S)
            self._process = None

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self._data.parent / "postgres.log").read_text()[-3000:])
        if not is_listening(self.port):
            return False
        try:
            self.query("SELECT 1", database="postgres")
        except RuntimeError:
            return False
        return True

    def _psql(self, database: str, *arguments: str) -> str:
        done = subprocess.run(
            ["psql", *self._options(database), *arguments],
            capture_output=True,
            text=True,
            timeout=ALIVE_S,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def _options(self, database: str) -> list[str]:
        return [
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
            *("--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--username=postgres"),
            *(f"--port={self.port}", f"--dbname={database}"),
        ]

    def _run(self, *command: str) -> None:
        subprocess.run(
            [*self._as_postgres(), *command], cwd="/", check=True, capture_output=True
        )

    @staticmethod
    def _as_postgres() -> list[str]:
        """PostgreSQL refuses to run as root; its data may lie where only root looks."""
        if os.geteuid() != 0:
            return []
        identity = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        capability = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return ["setpriv", *identity, *capability]
