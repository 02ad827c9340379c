"""PostgreSQL's two roles: neither looks into the other's database, or rules."""

from __future__ import annotations

import psycopg
import pytest

from .running import Stack

ROLES = ("aviso", "ejabberd")
PAIRS = [("aviso", "ejabberd"), ("ejabberd", "aviso")]


def url(stack: Stack, role: str, database: str) -> str:
    settings = stack.settings
    password = settings.secrets[f"{role}_database"]
    port = settings.ports["postgres"]
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"


@pytest.mark.parametrize(("role", "database"), PAIRS)
def test_a_role_does_not_enter_the_other_ones_database(
    role: str, database: str, stack: Stack
) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(url(stack, role, database))

    assert "permission denied for database" in str(refused.value)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_enters_its_own_database(role: str, stack: Stack) -> None:
    with psycopg.connect(url(stack, role, role)) as connection:
        row = connection.execute("SELECT current_user").fetchone()

    assert row == (role,)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_no_right_over_the_cluster(role: str, stack: Stack) -> None:
    query = (
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,"
        " EXISTS (SELECT 1 FROM pg_auth_members WHERE member = pg_roles.oid)"
        " FROM pg_roles WHERE rolname = %s"
    )
    with psycopg.connect(url(stack, role, role)) as connection:
        row = connection.execute(query, [role]).fetchone()

    assert row == (False,) * 6


@pytest.mark.parametrize(("role", "other"), PAIRS)
def test_a_role_does_not_become_the_other(role: str, other: str, stack: Stack) -> None:
    with (
        psycopg.connect(url(stack, role, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SET ROLE {other}")


def test_without_its_password_no_role_is_let_in(stack: Stack) -> None:
    port = stack.settings.ports["postgres"]

    for role in (*ROLES, "postgres"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://{role}:guessed@127.0.0.1:{port}/{role}")
