"""`@aviso.feed(...)` on a model: its rows are the feed's records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, Q

from aviso.tracking.constraint import Tracking

M = TypeVar("M", bound=type[Model])


@dataclass(frozen=True, slots=True)
class Declared:
    model: type[Model]
    tracking: Tracking


# In the order of the models' definitions; the checks read it.
declared: list[Declared] = []


def feed(
    name: str,
    *,
    fields: Sequence[str],
    where: Q | None = None,
    visibility: str = "private",
    on_truncate: str = "reset",
    max_feeds: int = 1000,
) -> Callable[[M], M]:
    """Make a model's rows the records of a feed; `makemigrations` writes the triggers.

    `name` is a slug, or has one field in it whose values have a feed each:
    `orders-{tenant}`. `fields` is the allow-list, and has to name the primary key:
    nothing else leaves the database. `where` is a condition over the row: one that
    ceases to meet it is deleted from the feed. `visibility` ("private" or "public") is
    that of feeds which are made by this. `on_truncate`: "reset" empties the feed,
    "refuse" makes TRUNCATE fail. `max_feeds` bounds the feeds of a name with a field.

    What can't be tracked is said by the system check, not here.
    """
    tracking = Tracking(
        feed=name,
        fields=fields,
        where=where,
        visibility=visibility,
        on_truncate=on_truncate,
        max_feeds=max_feeds,
    )

    def declare(model: M) -> M:
        declared.append(Declared(model, tracking))
        options = model._meta
        if options.managed and not (options.abstract or options.proxy):
            options.constraints = [*options.constraints, tracking]
            # What a migration's state takes of a model is what its Meta had.
            options.original_attrs["constraints"] = options.constraints
        return model

    return declare
