from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.driver import Project
from tests.relay.drivers import Database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database in which a project has made Aviso's tables, and Django's own."""
    database = Database(os.environ["AVISO_DATABASE_URL"])
    project = Project(tmp_path_factory.mktemp("template"), database.url)
    project.manage("makemigrations", "shop")
    for app in ("aviso", "auth", "sessions"):
        project.manage("migrate", app, "--verbosity=0")
    yield database.name
    database.drop()


@pytest.fixture
def database(template: str) -> Iterator[Database]:
    database = Database(os.environ["AVISO_DATABASE_URL"], template)
    yield database
    database.drop()


@pytest.fixture
def project(tmp_path: Path, database: Database) -> Project:
    return Project(tmp_path, database.url)
