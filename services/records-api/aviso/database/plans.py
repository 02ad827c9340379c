"""How PostgreSQL is to run what a block asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def without_jit() -> Iterator[None]:
    """Have no statement of the block compiled.

    Many small looks into indexes are estimated to be dear; to compile them takes longer
    than to do them.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")
        yield
