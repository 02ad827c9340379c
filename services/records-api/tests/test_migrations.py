"""The tables are made in an empty database, in their own schema, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

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
