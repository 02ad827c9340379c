"""Settings: what is wrong or missing stops the start and names its variable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aviso.environment import Environment, SettingError
from records_api.database import parse_database_url

SERVICE = Path(__file__).resolve().parents[1]


def check_settings(**changes: str | None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    for name, value in changes.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=SERVICE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AVISO_SECRET_KEY", None),
        ("AVISO_SECRET_KEY", "short"),
        ("AVISO_DATABASE_URL", None),
        ("AVISO_DATABASE_URL", "mysql://u:secret-word@h/d"),
        ("AVISO_PUBLIC_URL", None),
        ("AVISO_PUBLIC_URL", "localhost:8080"),
        ("AVISO_CORS_ORIGINS", "elsewhere.example"),
        ("AVISO_XMPP_DOMAIN", "no domain"),
        ("AVISO_XMPP_TICKET_DOMAIN", "no domain"),
        ("AVISO_REGISTRATION", "maybe"),
        ("AVISO_TICKET_SECRET", None),
        ("AVISO_TICKET_SECRET", "secret-word"),
    ],
)
def test_a_wrong_or_missing_variable_is_named(name: str, value: str | None) -> None:
    result = check_settings(**{name: value})

    assert 0 != result.returncode
    last = result.stderr.strip().splitlines()[-1]
    assert name in last
    assert "secret-word" not in result.stderr


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file-" * 4 + "\n")

    result = check_settings(AVISO_SECRET_KEY=None, AVISO_SECRET_KEY_FILE=str(secret))

    assert 0 == result.returncode, result.stderr


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    result = check_settings(AVISO_SECRET_KEY_FILE=str(tmp_path))

    assert "AVISO_SECRET_KEY_FILE" in result.stderr


def test_a_deployment_behind_https_has_nothing_to_complain_of() -> None:
    environment = {
        **os.environ,
        "AVISO_PUBLIC_URL": "https://aviso.example",
        "AVISO_SECRET_KEY": "pR7kQ2vX9mZ4bN8cT1wY6hJ3dF5gL0sA-qWeRtYuIoPaSdFgHjKlZx",
    }
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=SERVICE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == result.returncode, result.stderr


@pytest.mark.parametrize("value", ["x", "0", "65", "-1", "1.5", "", "\uff19"])
def test_an_integer_has_its_limits(value: str) -> None:
    environment = Environment({"AVISO_WORKERS": value})

    if value == "":
        assert 2 == environment.integer("AVISO_WORKERS", 2, low=1, high=64)
        return
    with pytest.raises(SettingError, match=r"AVISO_WORKERS.*from 1 to 64"):
        environment.integer("AVISO_WORKERS", 2, low=1, high=64)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("127.0.0.1:8000", ("127.0.0.1", 8000)), ("[::1]:80", ("[::1]", 80))],
)
def test_an_address_has_a_host_and_a_port(
    value: str, expected: tuple[str, int]
) -> None:
    assert expected == Environment({"A": value}).address("A", "")


@pytest.mark.parametrize("value", ["8000", ":8000", "host:", "host:x", "host:70000"])
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match="A is"):
        Environment({"A": value}).address("A", "")


def test_a_database_url_keeps_every_part() -> None:
    url = "postgresql://us%40er:p%2Fw@db.example:5433/na%20me?sslmode=require"

    parsed = parse_database_url("URL", url)

    assert ("us@er", "p/w", "db.example", "5433", "na me") == tuple(
        parsed[name] for name in ["USER", "PASSWORD", "HOST", "PORT", "NAME"]
    )
    assert "require" == parsed["OPTIONS"]["sslmode"]
