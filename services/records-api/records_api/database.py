"""AVISO_DATABASE_URL as Django's DATABASES entry."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from aviso.environment import SettingError

# Where the project has its own tables (accounts, sessions): the database may be that of
# another Django project, whose tables have the same names.
SCHEMA = "aviso_site"
# Connections a process keeps at most: gunicorn.conf.py gives each worker 12 threads,
# and a thread holds one while it answers.
POOL_MAX = 14
# The seconds a request waits for a connection before it answers 503.
POOL_TIMEOUT_S = 10


def parse_database_url(name: str, value: str) -> dict[str, Any]:
    """Parse `postgresql://user:password@host:port/database?sslmode=…`.

    Raises SettingError, whose message never holds the URL: it has a password in it.
    """
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as exc:
        raise SettingError(f"{name} is no URL: {exc}") from exc
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SettingError(f"{name} does not start with postgresql://")
    database = unquote(parts.path.removeprefix("/"))
    if not (parts.hostname and database):
        raise SettingError(f"{name} has no host or no database name")
    given = dict(parse_qsl(parts.query))
    options = f"-c search_path={SCHEMA} {given.pop('options', '')}".strip()
    return {
        "ENGINE": "aviso.database.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": str(port or 5432),
        "OPTIONS": {
            "application_name": "aviso-records-api",
            "connect_timeout": 5,
            # Django lets psycopg prepare nothing, unless told otherwise. Its own
            # cursors do not; the way of most writes (aviso/records/hot_write.py) does.
            "prepare_threshold": 5,
            **given,
            "options": options,
            "pool": {
                "min_size": 1,
                "max_size": POOL_MAX,
                "timeout": POOL_TIMEOUT_S,
                "max_idle": 300,
            },
        },
    }
