"""The tables are made in an empty database, in their own schema, and nowhere else.

Django knows each of them, with its columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from tests.relay.drivers import Database, environment_for, manage


@pytest.fixture
def empty() -> Iterator[Database]:
    database = Database(os.environ["AVISO_DATABASE_URL"])
    yield database
    database.drop()


def test_a_database_of_the_older_shape_is_refused_with_a_reason(
    empty: Database,
) -> None:
    empty.run("CREATE TABLE public.feed_heads (feed text)")

    with pytest.raises(RuntimeError, match="made by an older Aviso"):
        manage(environment_for(empty.url, "", 1), "migrate", "--verbosity", "0")

    assert [(None,)] == empty.run("SELECT to_regnamespace('aviso')::text")


def test_every_table_of_ours_stands_in_our_schema(empty: Database) -> None:
    manage(environment_for(empty.url, "", 1), "migrate", "--verbosity", "0")

    public = empty.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    functions = empty.run(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    assert [] == public
    assert [] == functions


@pytest.mark.django_db
def test_models_and_migrations_say_the_same() -> None:
    # Ends with SystemExit where a migration is missing.
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db
def test_every_table_and_view_has_a_model_with_its_columns() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, array_agg(attname::text) FROM pg_class"
            " JOIN pg_attribute ON attrelid = pg_class.oid"
            " WHERE relnamespace = 'aviso'::regnamespace AND relkind IN ('r', 'p', 'v')"
            # What the database works out by itself nobody writes.
            " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
            " GROUP BY relname"
        )
        there = {name: set(columns) for name, columns in cursor.fetchall()}

    known = {
        model._meta.db_table.removeprefix('aviso"."'): {
            field.column for field in model._meta.concrete_fields
        }
        for model in apps.get_app_config("aviso").get_models()
    }

    assert known == there
