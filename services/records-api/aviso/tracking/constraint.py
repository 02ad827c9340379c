"""A model's feed as a constraint, so that Django writes its migrations.

The autodetector compares constraints, and its operations add and remove them with their
reverse: `aviso.track` and `aviso.untrack` are what those run here. Nothing else of a
constraint is meant: no value is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db.backends.ddl_references import Statement, Table
from django.db.models import BaseConstraint, Model, Q
from django.db.models.sql import Query

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_DEFAULTS = {
    "where": None,
    "visibility": "private",
    "on_truncate": "reset",
    "max_feeds": 1000,
}


class Tracking(BaseConstraint):
    """What `aviso.track` is told of a model; fields by the names that Django has."""

    def __init__(
        self,
        *,
        feed: str,
        fields: Sequence[str],
        where: Q | None = None,
        visibility: str = "private",
        on_truncate: str = "reset",
        max_feeds: int = 1000,
    ) -> None:
        if isinstance(fields, str):
            raise TypeError(f"fields is {fields!r}, expected a list of fields' names")
        # Part of a migration's file name. By the feed, which a renamed model keeps.
        super().__init__(name=f"aviso_{re.sub('[^a-z0-9]+', '_', feed).strip('_')}")
        self.feed = feed
        self.fields = tuple(fields)
        self.where = where
        self.visibility = visibility
        self.on_truncate = on_truncate
        self.max_feeds = max_feeds

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """Track when the migration's tables are whole; no part of CREATE TABLE."""
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))
        return None

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        quote = schema_editor.quote_value
        columns = ", ".join(quote(name) for name in self.find_columns(model))
        where = self.compile_where(model, schema_editor)
        arguments = {
            "feed": quote(self.find_feed_pattern(model)),
            "columns": f"ARRAY[{columns}]::text[]",
            '"where"': "NULL" if where is None else quote(where),
            "visibility": quote(self.visibility),
            "on_truncate": quote(self.on_truncate),
            "max_feeds": str(int(self.max_feeds)),
        }
        return Statement(
            "SELECT aviso.track(%(relation)s::regclass, %(arguments)s)",
            relation=_relation(model, schema_editor),
            arguments=", ".join(f"{name} => {it}" for name, it in arguments.items()),
        )

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return Statement(
            "SELECT aviso.untrack(%(relation)s::regclass)",
            relation=_relation(model, schema_editor),
        )

    def validate(self, *_: Any, **__: Any) -> None:
        """Refuse no value."""

    def find_columns(self, model: type[Model]) -> list[str]:
        """Raises FieldDoesNotExist."""
        return [_find_column(model, name) for name in self.fields]

    def find_feed_pattern(self, model: type[Model]) -> str:
        """Return the feed, a field's name in it made the column's.

        Raises FieldDoesNotExist.
        """
        return _PLACEHOLDER.sub(
            lambda found: f"{{{_find_column(model, found[1])}}}", self.feed
        )

    def compile_where(self, model: type[Model], schema_editor: Any) -> str | None:
        """Return the condition as SQL over the row, its values in it.

        Raises FieldError for what is no expression over the row: a join, an aggregate.
        """
        if self.where is None:
            return None
        query = Query(model=model, alias_cols=False)
        compiler = query.get_compiler(connection=schema_editor.connection)
        text, values = query.build_where(self.where).as_sql(
            compiler, schema_editor.connection
        )
        return str(text % tuple(schema_editor.quote_value(value) for value in values))

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, Any]]:
        given = {name: getattr(self, name) for name in _DEFAULTS}
        kwargs = {
            "feed": self.feed,
            "fields": list(self.fields),
            **{name: it for name, it in given.items() if it != _DEFAULTS[name]},
        }
        return f"{__name__}.{type(self).__name__}", (), kwargs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tracking):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    __hash__ = None  # type: ignore[assignment] # as Django's own constraints

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.feed} {list(self.fields)}>"


def _find_column(model: type[Model], name: str) -> str:
    return str(getattr(model._meta.get_field(name), "column", None))


def _relation(model: type[Model], schema_editor: Any) -> Table:
    def quote(name: str) -> str:
        return str(schema_editor.quote_value(schema_editor.quote_name(name)))

    return Table(model._meta.db_table, quote)
