"""Migrations that a database gets once, though several Django projects stand on it.

Each project notes in its own `django_migrations` what it has applied: a project that
tracks its models, and the REST service beside it, would both make the tables. What the
database has got stands in the comment of the schema `aviso`, which a dump of data alone
leaves out, as it leaves the tables out.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.db import migrations

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('aviso-migrations', 0))"
_READ = "SELECT obj_description(to_regnamespace('aviso'), 'pg_namespace')"


class SharedMigration(migrations.Migration):
    """Changes the database, unless another project has done so already."""

    def apply(
        self, project_state: Any, schema_editor: Any, collect_sql: bool = False
    ) -> Any:
        """Raises CommandError where the database is not PostgreSQL."""
        if collect_sql:
            return super().apply(project_state, schema_editor, collect_sql)
        _require_postgresql(schema_editor.connection)
        if self.name in _lock_and_read(schema_editor):
            return self.mutate_state(project_state, preserve=False)
        state = super().apply(project_state, schema_editor, collect_sql)
        _write(schema_editor, {*_lock_and_read(schema_editor), self.name})
        return state

    def unapply(
        self, project_state: Any, schema_editor: Any, collect_sql: bool = False
    ) -> Any:
        if collect_sql:
            return super().unapply(project_state, schema_editor, collect_sql)
        applied = _lock_and_read(schema_editor)
        if self.name not in applied:
            return project_state
        _write(schema_editor, applied - {self.name})
        return super().unapply(project_state, schema_editor, collect_sql)


def _require_postgresql(connection: Any) -> None:
    if connection.vendor != "postgresql":
        raise CommandError(
            f"Aviso's tables need PostgreSQL, and the database {connection.alias!r} is"
            f" {connection.settings_dict['ENGINE']!r}: let a database router's"
            " allow_migrate refuse the app 'aviso' there"
        )


def _lock_and_read(schema_editor: Any) -> set[str]:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_LOCK)
        cursor.execute(_READ)
        return set((cursor.fetchone()[0] or "").split())


def _write(schema_editor: Any, applied: set[str]) -> None:
    text = schema_editor.quote_value(" ".join(sorted(applied)))
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON SCHEMA aviso IS {text}")
