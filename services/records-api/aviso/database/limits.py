"""How long a statement may take, when a request makes it.

Only where requests are served: migrations and the relay have other needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from aviso.database.callers import CallerAwareConnection

STATEMENT_TIMEOUT_MS = 20_000
STRANGERS_STATEMENT_TIMEOUT_MS = 3_000
_OPTIONS = {
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "lock_timeout": 10_000,
    # A schema check, within the transaction of its write, may take 10 s.
    "idle_in_transaction_session_timeout": 60_000,
    # A worker that was killed leaves nothing running.
    "client_connection_check_interval": 2_000,
}


def limit_statements(database: dict[str, Any]) -> None:
    """Let each new connection of this process start with the limits.

    One of a pool ends its statements with their caller too (aviso.database.callers).

    `database` is an entry of DATABASES that has made no connection yet. Limits that the
    operator wrote into the URL's `options` come after these, and count.
    """
    options = database["OPTIONS"]
    ours = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
    options["options"] = f"{ours} {options.get('options', '')}".strip()
    if isinstance(options.get("pool"), dict):
        options["pool"]["connection_class"] = CallerAwareConnection


@contextmanager
def strangers_limit(*, is_stranger: bool) -> Iterator[None]:
    """Give each statement of the block less time, if a stranger asks for it."""
    if not is_stranger:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL statement_timeout = {STRANGERS_STATEMENT_TIMEOUT_MS}"
        )
        yield
