"""What the system check says of models with a feed: what can't be tracked, and drift.

The first needs no database. The second asks `aviso.tracked` whether what stands there
is what the model says; Django runs such checks with `migrate`, and with
`check --database default`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import (
    EmptyResultSet,
    FieldDoesNotExist,
    FieldError,
    FullResultSet,
)
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, Model

from aviso.feeds.models import Feed
from aviso.tracking.constraint import Tracking
from aviso.tracking.declaring import Declared, declared

_NAME = re.compile(r"(?:[a-z0-9-]|\{\w+\})+")
_MAX_CHARS = 64
_ON_TRUNCATE = ("reset", "refuse")
# What a relay has not looked at yet is found here: none need run where this does.
_TRACKED = """
    SELECT feed, columns, "where" IS NULL, problem, (
        SELECT found.problem FROM aviso.read_tracked(tracked.relation) AS t
        CROSS JOIN LATERAL aviso.find_drift(t) AS found), unasked
    FROM aviso.tracked WHERE relation = to_regclass(%s)
"""


_HINTS = {
    "W020": "manage.py makemigrations, then migrate; or manage.py tracked.",
    "W021": "If that is meant, SILENCED_SYSTEM_CHECKS = ['aviso.W021'].",
}


def check_models(**_: Any) -> list[CheckMessage]:
    """Say of each model with a feed why it can't be tracked."""
    feeds = Counter(each.tracking.feed for each in declared)
    models = Counter(each.model for each in declared)
    found: list[CheckMessage] = []
    for each in declared:
        found += _check_model(each)
        if feeds[each.tracking.feed] > 1:
            found.append(_error(each, "E019", "the feed is another model's too."))
        if models[each.model] > 1:
            found.append(_error(each, "E019", "the model has another feed."))
    return found


def check_drift(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Say what `aviso.tracked` has otherwise than the models, and what no feed asks."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql" or _is_migration_due(connection):
        return []
    with connection.cursor() as cursor:
        return [
            checks.Warning(
                f"{each.model._meta.label} ({each.tracking.feed}): {sentence}",
                hint=_HINTS[number],
                obj=each.model,
                id=f"aviso.{number}",
            )
            for each in declared
            if _is_tracked_by_migration(each.model)
            for number, sentence in _find_drift(each, cursor)
        ]


def _check_model(each: Declared) -> Iterator[CheckMessage]:
    options, tracking = each.model._meta, each.tracking
    if options.abstract:
        yield _error(
            each, "E010", "it is abstract and has no table: name its children's feeds."
        )
    elif options.proxy:
        parent = options.concrete_model
        label = parent._meta.label if parent else "its model"
        yield _error(each, "E011", f"it is a proxy: name the feed on {label}.")
    elif not options.managed:
        yield _error(
            each, "E012", "it is not managed: no migration can. Use manage.py track."
        )
    else:
        yield from _check_words(each)
        yield from _check_fields(each)
        if tracking.where is not None:
            yield from _check_where(each)


def _check_words(each: Declared) -> Iterator[CheckMessage]:
    tracking = each.tracking
    if (
        not _NAME.fullmatch(tracking.feed)
        or tracking.feed.count("{") > 1
        or len(tracking.feed) > _MAX_CHARS
    ):
        yield _error(
            each,
            "E017",
            "expected a slug of 1 to 64 of a-z, 0-9 and -, or one with one field in"
            " it: 'orders-{tenant}'.",
        )
    if tracking.visibility not in Feed.Visibility.values:
        yield _error(
            each,
            "E017",
            f"visibility is {tracking.visibility!r}, expected 'public' or 'private'.",
        )
    if tracking.on_truncate not in _ON_TRUNCATE:
        yield _error(
            each,
            "E017",
            f"on_truncate is {tracking.on_truncate!r}, expected 'reset' or 'refuse'.",
        )


def _check_fields(each: Declared) -> Iterator[CheckMessage]:
    options, named = each.model._meta, set()
    in_feed = re.findall(r"\{(\w+)\}", each.tracking.feed)
    for name in [*each.tracking.fields, *in_feed]:
        try:
            field = options.get_field(name)
        except FieldDoesNotExist:
            yield _error(each, "E013", f"it has no field {name!r}.")
            continue
        if not isinstance(field, Field) or field.many_to_many or not field.concrete:
            yield _error(each, "E015", f"{name!r} is no column of its table.")
        elif field not in options.local_concrete_fields:
            parent = field.model._meta.label
            yield _error(each, "E014", f"{name!r} stands in the table of {parent}.")
        elif name not in in_feed or name in each.tracking.fields:
            named.add(field.column)
    missing = [field.name for field in options.pk_fields if field.column not in named]
    if missing:
        yield _error(
            each,
            "E016",
            f"fields lacks the key: {', '.join(missing)}. A record is known by it.",
        )


def _check_where(each: Declared) -> Iterator[CheckMessage]:
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "postgresql":
        return
    try:
        each.tracking.compile_where(each.model, connection.schema_editor())
    except (FieldError, EmptyResultSet, FullResultSet) as exc:
        said = str(exc) or "it is always true, or never"
        yield _error(each, "E018", f"where is no condition over the row alone: {said}.")


def _error(each: Declared, number: str, what: str) -> Error:
    label = each.model._meta.label
    return Error(
        f"{label} can't be tracked as {each.tracking.feed!r}: {what}",
        obj=each.model,
        id=f"aviso.{number}",
    )


def _is_tracked_by_migration(model: type[Model]) -> bool:
    return any(isinstance(each, Tracking) for each in model._meta.constraints)


def _is_migration_due(connection: Any) -> bool:
    """Return whether something is to be migrated, and nothing can be said before."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _find_drift(each: Declared, cursor: Any) -> Iterator[tuple[str, str]]:
    """Yield a warning's number and its sentence."""
    table = each.model._meta.db_table
    cursor.execute(_TRACKED, [connections[DEFAULT_DB_ALIAS].ops.quote_name(table)])
    found = cursor.fetchone()
    if found is None:
        yield "W020", "its table is not tracked (never, or it was replaced)."
        return
    feed, columns, is_unconditional, noted, drift, unasked = found
    for sentence in unasked:
        yield "W021", f"{sentence}."
    try:
        wanted_feed = each.tracking.find_feed_pattern(each.model)
        wanted = each.tracking.find_columns(each.model)
    except FieldDoesNotExist:
        return  # check_models says so
    if feed != wanted_feed:
        yield "W020", f"the table is tracked as {feed!r}."
    if set(columns) != set(wanted):
        difference = f"{sorted(columns)}, not {sorted(wanted)}"
        yield "W020", f"the table is tracked with {difference}."
    if is_unconditional != (each.tracking.where is None):
        yield "W020", "the table is tracked with another condition."
    if problem := _join(noted, drift):
        yield "W020", f"{problem}."


def _join(noted: str | None, drift: str | None) -> str | None:
    """What is wrong now: what was noted may be over, or say more of the same."""
    if drift is None:
        return noted
    if drift.startswith("is well again"):
        return None
    return noted if noted and noted.startswith(drift) else drift
