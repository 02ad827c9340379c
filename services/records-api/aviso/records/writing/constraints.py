"""The table's own checks, as answers: they are the truth about sizes."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, connection

from aviso.database.constraints import violated_constraint
from aviso.problems import TooLarge
from aviso.records.bodies import Draft

MAX_DATA_BYTES = 65536
_FIND_LARGE = """
    SELECT position - 1
    FROM unnest(%s::text[]) WITH ORDINALITY AS given (data, position)
    WHERE octet_length(data::jsonb::text) > %s ORDER BY position LIMIT 1
"""


def explain_refusal(exc: IntegrityError, drafts: Sequence[Draft]) -> TooLarge | None:
    """Return which draft is too large, if that is it; once the transaction is over.

    The check's own error does not say which record of a list is too large.
    """
    if violated_constraint(exc) != "records_data_size":
        return None
    with connection.cursor() as cursor:
        texts = [draft.data_text for draft in drafts]
        cursor.execute(_FIND_LARGE, [texts, MAX_DATA_BYTES])
        (position,) = cursor.fetchone()
    return too_large(drafts[position].pointer, drafts[position].index)


def too_large(where: str = "", index: int | None = None) -> TooLarge:
    return TooLarge(
        f"data is larger than {MAX_DATA_BYTES} bytes (64 KiB) as stored",
        pointer=f"{where}/data",
        index=index,
    )
