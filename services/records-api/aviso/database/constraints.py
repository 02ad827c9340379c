"""Which constraint of PostgreSQL refused a write: it is the truth about sizes."""

from django.db import IntegrityError
from psycopg import Error


def violated_constraint(exc: IntegrityError) -> str | None:
    cause = exc.__cause__
    return cause.diag.constraint_name if isinstance(cause, Error) else None
