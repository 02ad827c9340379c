"""The REST service and a project on one database: Aviso's tables are made once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.project.driver import Project
from tests.project.test_tracking import ORDER, TOLD
from tests.relay.drivers import Database, environment_for, manage

TABLES = (
    "SELECT schemaname FROM pg_tables WHERE tablename = 'auth_permission'"
    " ORDER BY schemaname"
)


@pytest.mark.parametrize("is_service_first", [True, False])
def test_both_migrate_in_either_order(is_service_first: bool, tmp_path: Path) -> None:
    database = Database(os.environ["AVISO_DATABASE_URL"])
    try:
        service = environment_for(database.url, "", 1)
        project = Project(tmp_path, database.url)
        project.write_models(ORDER)
        if is_service_first:
            manage(service, "migrate", "--verbosity", "0")
        project.make_and_migrate()
        manage(service, "migrate", "--verbosity", "0")
        project.make_and_migrate()

        project.run('Order.objects.create(status="paid")')
        assert [("created", "1", {"id": 1, "status": "paid", "total": 0})] == (
            database.run(TOLD)
        )
        assert [("aviso_site",), ("public",)] == database.run(TABLES)
    finally:
        database.drop()
