"""Django projects that are not the stack's own: their database, commands, servers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aviso_native import postgres  # on the path that running.py sets
from aviso_native.addresses import find_free_port, is_listening
from aviso_native.settings import Settings, load

from .running import REPOSITORY
from .waiting import ALIVE_S, until

_COMMAND_S = 180


@contextmanager
def database_of_its_own(run_dir: Path) -> Iterator[str]:
    """Run a PostgreSQL with a stack's roles and databases, nothing else; its URL."""
    with server_of_its_own(run_dir) as settings:
        yield settings.database_url


@contextmanager
def server_of_its_own(run_dir: Path) -> Iterator[Settings]:
    """The same, for who is the server's superuser."""
    settings = load({"AVISO_RUN_DIR": str(run_dir)})
    server = postgres.make_part(settings)
    postgres.prepare_cluster(settings)
    server.start()
    try:
        server.wait_ready()
        postgres.prepare_databases(settings)
        yield settings
    finally:
        server.stop()


class Project:
    """`manage` are the words before a command's name; they run in `folder`."""

    def __init__(
        self, manage: list[str], folder: Path, python_path: str, **environment: str
    ) -> None:
        self.port = find_free_port()
        self.url = f"http://localhost:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY / python_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        self._manage = manage
        self._folder = folder

    def manage(self, *arguments: str) -> None:
        done = subprocess.run(
            [*self._manage, *arguments],
            cwd=self._folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def running(self, log: Path, *arguments: str) -> Iterator[None]:
        """Have a command run as long as the block; it may not end before."""
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*self._manage, *arguments],
                cwd=self._folder,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
            assert process.poll() is None, log.read_text()
        finally:
            process.terminate()
            process.wait(ALIVE_S)

    @contextmanager
    def serving(self, log: Path) -> Iterator[None]:
        """Have its pages served at `url`."""
        with self.running(log, "runserver", "--noreload", f"localhost:{self.port}"):
            until(lambda: is_listening(self.port), "the shop", ALIVE_S)
            yield
