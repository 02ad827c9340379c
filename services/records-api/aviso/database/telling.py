"""How a migration has the database write a trigger's code: the generator is in SQL.

`aviso/capture/sql/telling.sql` has it, for these tables and for everybody's.
"""

from __future__ import annotations


def telling(columns: str, source: str, order: str) -> str:
    """Have the statement written that tells the rows of `source`."""
    return f"aviso.telling({_quote(columns)}, {_quote(source)}, {_quote(order)})"


def statement(code: str) -> str:
    """Have a statement of one's own stand between those that tell."""
    return _quote(code)


def telling_function(name: str, *statements: str, variables: str = "") -> str:
    """Have a statement trigger's function made of what the functions above return."""
    body = " || ".join(statements)
    declared = _quote(f"now timestamptz := clock_timestamp(); {variables}")
    return (
        f"DO $do$ BEGIN EXECUTE aviso.telling_function('{name}', {body},"
        f" variables => {declared}); END $do$;\n"
    )


def _quote(code: str) -> str:
    return f"$code${code}$code$"
