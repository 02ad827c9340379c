"""A private PostgreSQL for the tests, in a temporary directory on a free port.

Its programs are those in the folder that AVISO_TEST_POSTGRESQL names; else those on the
PATH, else Debian's newest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from aviso_native.addresses import find_free_port

_START_S = 240
_DEBIAN = Path("/usr/lib/postgresql")
# Read at import: the tests' own settings are not the service's, and are taken away.
_PROGRAMS = os.environ.get("AVISO_TEST_POSTGRESQL")


@contextlib.contextmanager
def private_postgresql(**settings: str) -> Iterator[str]:
    """Start a server with these settings, yield its database's URL, and stop it.

    PostgreSQL refuses to run as root: then it runs as the user `postgres`.
    """
    # Not `aviso`: a role finds the schema of its own name without being told.
    options = ["-U", "somebody", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    with _server(["initdb", *options, "--no-sync"], settings) as url:
        yield url


@contextlib.contextmanager
def standby_of(url: str) -> Iterator[str]:
    """Start a hot standby of such a server, yield its URL, and stop it."""
    copy = ["pg_basebackup", "-d", url, "-R", "-c", "fast", "--no-sync"]
    with _server(copy, {}) as standby_url:
        yield standby_url


@contextlib.contextmanager
def _server(fill: list[str], settings: dict[str, str]) -> Iterator[str]:
    """Have `fill` make a data directory, and run a server with `settings` in it."""
    folder = Path(tempfile.mkdtemp(prefix="aviso-test-pg-"))
    as_server = _server_user(folder)
    process = None
    try:
        program, *options = fill
        subprocess.run(
            [*as_server, server_program(program), "-D", str(folder / "data"), *options],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        port = find_free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*as_server, *_postgres(folder, port, settings)], stdout=log, stderr=log
            )
        url = f"postgresql://somebody@127.0.0.1:{port}/postgres"
        _wait_until_ready(process, url, folder / "log")
        yield url
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _server_user(folder: Path) -> list[str]:
    """Return what goes before the server's command, the folder made its user's.

    The server gets a signal when the tests' process dies without a word.
    """
    if os.geteuid() != 0:
        return ["setpriv", "--pdeathsig", "TERM"]
    shutil.chown(folder, "postgres", "postgres")
    change = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return ["setpriv", *change, "--pdeathsig", "TERM"]


def _postgres(folder: Path, port: int, further: dict[str, str]) -> list[str]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "max_connections": "60",
        "timezone": "UTC",
        **further,
    }
    options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
    return [server_program("postgres"), "-D", str(folder / "data"), *options]


def server_program(name: str) -> str:
    """Find a server program, where the module says. Raises RuntimeError."""
    if _PROGRAMS:
        return _find_named(Path(_PROGRAMS) / name)
    found = shutil.which(name)
    if found:
        return found
    versions = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3]))
    if not versions:
        raise RuntimeError(
            f"no PostgreSQL server program {name!r} found: install postgresql,"
            " or name a server in AVISO_TEST_DATABASE_URL"
        )
    return str(versions[-1])


def has_programs(*names: str) -> bool:
    """Whether these are there; servers from elsewhere come without clients."""
    try:
        return all(server_program(name) for name in names)
    except RuntimeError:
        return False


def _find_named(program: Path) -> str:
    if not os.access(program, os.X_OK):
        raise RuntimeError(
            f"AVISO_TEST_POSTGRESQL is {_PROGRAMS!r}, expected a folder that has the"
            f" program {program.name}"
        )
    return str(program)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
