"""The wheels in an environment of their own, with a project that tracks its models."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aviso_native.addresses import find_free_ports

from tests.project.driver import Project
from tests.project.test_tracking import ORDER, TOLD
from tests.relay.drivers import (
    PATIENCE_S,
    SERVICE,
    Database,
    Relay,
    environment_for,
    eventually,
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make those of `make wheel`."""
    folder = tmp_path_factory.mktemp("wheels")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir")
    packages = (str(SERVICE), str(SERVICE.parent / "amqp-client"))
    _run(sys.executable, "-m", "pip", "wheel", *options, str(folder), *packages)
    return folder


def test_the_wheel_holds_the_package_alone(wheels: Path) -> None:
    [wheel] = wheels.glob("django_aviso-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    folders = {name.split("/")[0] for name in names}

    assert {"aviso", f"{wheel.name.split('-py3')[0]}.dist-info"} == folders
    assert "aviso/py.typed" in names
    assert {path.name for path in (SERVICE / "aviso/migrations").glob("0*.py")} == {
        Path(name).name for name in names if name.startswith("aviso/migrations/0")
    }
    for folder in ("templates", "static", "capture/sql"):
        ours = {
            str(path.relative_to(SERVICE))
            for path in (SERVICE / "aviso" / folder).rglob("*")
            if path.is_file()
        }
        assert ours
        assert ours <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_a_project_with_nothing_but_the_wheels(wheels: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv/bin/python"
    _run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    locked = tmp_path / "locked.txt"
    locked.write_text(_without_hashes(SERVICE / "requirements.txt"))
    options = ("--quiet", "--disable-pip-version-check", "--constraint", str(locked))
    install = (str(python), "-m", "pip", "install", *options, "--find-links")
    _run(*install, str(wheels), "django-aviso", "psycopg[binary]")
    folder = tmp_path / "project"
    folder.mkdir()
    database = Database(os.environ["AVISO_DATABASE_URL"])
    try:
        project = Project(folder, database.url, python)
        project.write_models(ORDER)
        project.make_and_migrate()
        project.run('Order.objects.create(status="paid")')

        assert "no issues" in project.manage("check", "--database", "default")
        assert "No changes detected" in project.manage("makemigrations", "--check")
        assert [("created", "1", {"id": 1, "status": "paid", "total": 0})] == (
            database.run(TOLD)
        )
        assert "django-aviso[relay]" in project.manage("aviso_relay", fails=True)

        _run(*install, str(wheels), "django-aviso[relay]")
        with _running_relay(project) as relay:
            relay.wait_for_role("active")
            relay.wait_for_broker("connecting")
            eventually(lambda: 0 == database.unnumbered())
        assert 0 == relay.process.returncode, relay.log

        assert [] == database.run(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename !~ '^(auth|django|shop)_'"
        )
    finally:
        database.drop()


@contextlib.contextmanager
def _running_relay(project: Project) -> Iterator[Relay]:
    """Run the project's worker, on a broker that is not there, and end it."""
    bind, broker = find_free_ports(2)
    url = f"amqp://aviso:secret@127.0.0.1:{broker}/%2F"
    environment = environment_for("", url, bind)
    ours = {name: environment[name] for name in ("AVISO_AMQP_URL", "AVISO_RELAY_BIND")}
    relay = Relay(
        project.environment | ours,
        project.folder / "relay.log",
        [project.python, "manage.py", "aviso_relay"],
        project.folder,
    )
    try:
        yield relay
        relay.process.terminate()
        relay.process.wait(PATIENCE_S)
    finally:
        relay.process.kill()
        relay.process.wait(PATIENCE_S)


def _without_hashes(lock: Path) -> str:
    lines = lock.read_text().splitlines()
    pins = (line.split(";")[0].rstrip(" \\") for line in lines if "==" in line)
    return "\n".join(pin for pin in pins if not pin.lstrip().startswith("#"))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
