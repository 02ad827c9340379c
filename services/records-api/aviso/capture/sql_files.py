"""The SQL that the migrations install, from the files in `sql`."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"


def read_sql(*names: str) -> str:
    """Return the files' text, one after the other; a name is without `.sql`."""
    return "\n".join(
        (_FOLDER / f"{name}.sql").read_text(encoding="utf-8") for name in names
    )
