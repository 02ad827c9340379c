"""PostgreSQL: a private cluster with one database for records, one for ejabberd."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from .addresses import is_listening
from .process import Command, Part, run
from .settings import Settings, find_program

_BIN = "/usr/lib/postgresql/*/bin"


def make_part(settings: Settings) -> Part:
    return Part(
        name="postgres",
        command=lambda: _command(settings),
        is_ready=lambda: _is_ready(settings),
        log=settings.log("postgres"),
    )


def prepare_cluster(settings: Settings) -> None:
    """Make the data directory on the first start."""
    data = _data(settings)
    if (data / "PG_VERSION").exists():
        return
    data.mkdir(mode=0o700, exist_ok=True)
    password_file = settings.run_dir / "postgres-password"
    password_file.touch(mode=0o600)
    password_file.write_text(settings.secrets["postgres"])
    if os.geteuid() == 0:
        _give_to_postgres(data)
        _give_to_postgres(password_file)
    try:
        run(
            [
                *_as_postgres(settings),
                _program("initdb"),
                f"--pgdata={data}",
                "--username=postgres",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ],
            _env(settings),
            cwd=Path("/"),
        )
    finally:
        password_file.unlink()


def prepare_databases(settings: Settings) -> None:
    """Make the roles and databases that are missing; set their passwords."""
    for name in ("aviso", "ejabberd"):
        password = settings.secrets[f"{name}_database"]
        exists = query(settings, f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'")
        verb = "ALTER" if exists else "CREATE"
        query(settings, f"{verb} ROLE {name} LOGIN PASSWORD '{password}'")
        if not query(settings, f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            query(settings, f"CREATE DATABASE {name} OWNER {name}")
            query(settings, f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    # Whoever connects to it finds the tables without their schema's name.
    query(
        settings,
        "ALTER ROLE aviso IN DATABASE aviso SET search_path = public, aviso",
    )


def query(
    settings: Settings,
    statement: str,
    *,
    user: str = "postgres",
    database: str = "postgres",
    file: Path | None = None,
) -> str:
    """Run one statement, or a file of them, through psql; return bare values."""
    password = settings.secrets[
        "postgres" if user == "postgres" else f"{user}_database"
    ]
    source = [f"--file={file}"] if file else [f"--command={statement}"]
    return run(
        [
            find_program("psql", "postgresql-client", f"{_BIN}/psql"),
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            "--host=127.0.0.1",
            f"--port={settings.ports['postgres']}",
            f"--username={user}",
            f"--dbname={database}",
            *source,
        ],
        {**_env(settings), "PGPASSWORD": password},
    ).strip()


def _command(settings: Settings) -> Command:
    return Command(
        argv=[
            *_as_postgres(settings),
            _program("postgres"),
            "-D",
            str(_data(settings)),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"port={settings.ports['postgres']}",
            # TCP alone: a socket's path may be no longer than 107 characters.
            "-c",
            "unix_socket_directories=",
            "-c",
            "max_connections=200",
            "-c",
            "log_min_messages=warning",
            # A refused statement and the row in its details hold a record's data.
            "-c",
            "log_min_error_statement=panic",
            "-c",
            "log_error_verbosity=terse",
        ],
        env=_env(settings),
        cwd=Path("/"),
        # "Fast": ends sessions, rolls back and stops. SIGTERM would wait for them.
        stop_signal=signal.SIGINT,
        stop_timeout_s=30,
        death_signal=signal.SIGINT,
    )


def _is_ready(settings: Settings) -> bool:
    if not is_listening(settings.ports["postgres"]):
        return False
    try:
        query(settings, "SELECT 1")
    except Exception:  # still starting up, or recovering after a crash
        return False
    return True


def _as_postgres(settings: Settings) -> list[str]:
    """PostgreSQL refuses to run as root; root lends it the user `postgres`.

    The clone may lie where only root may look (/root), so the server keeps the
    right to pass through directories, where the kernel lets root give it.
    """
    if os.geteuid() != 0:
        return []
    lent = [
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ]
    return [
        find_program("setpriv", "util-linux"),
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
        "--pdeathsig=INT",
        *([] if _is_open_to_all(settings.run_dir) else lent),
    ]


def _is_open_to_all(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in [path, *path.parents])


def _give_to_postgres(path: Path) -> None:
    shutil.chown(path, "postgres", "postgres")


def _data(settings: Settings) -> Path:
    return settings.run_dir / "postgres"


def _program(name: str) -> str:
    return find_program(name, "postgresql", f"{_BIN}/{name}")


def _env(settings: Settings) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
