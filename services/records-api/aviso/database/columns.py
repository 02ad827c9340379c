"""Column defaults that PostgreSQL works out itself, for Django's models.

A plain `INSERT` in SQL relies on the same defaults: the tables are made from SQL in the
migrations, and these expressions only tell Django about them.
"""

from __future__ import annotations

from django.db.models import BigIntegerField, DateTimeField, Func, TextField, Value


class ClockTimestamp(Func):
    """Now, and not the start of the transaction: of two rows the later one is later."""

    function = "clock_timestamp"
    output_field = DateTimeField()


class NextNumber(Func):
    """What an identity column's own sequence, named here, gives next."""

    function = "nextval"
    output_field = BigIntegerField()

    def __init__(self, sequence: str) -> None:
        super().__init__(Value(sequence))


class NewEpoch(Func):
    function = "aviso.new_epoch"
    output_field = TextField()
