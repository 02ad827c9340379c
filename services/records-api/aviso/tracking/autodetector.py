"""Migrations that track a model come after those that make `aviso.track`."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import makemigrations, migrate
from django.db.migrations import autodetector
from django.db.migrations.operations import AddConstraint

from aviso.tracking.constraint import Tracking

# The feeds that are tracked are rows of it. Satisfied by the last migration of `aviso`.
_Dependency: Any = autodetector.OperationDependency  # type: ignore[attr-defined] # new in 5.2
_NEEDED = _Dependency(
    app_label="aviso",
    model_name="feed",
    field_name=None,
    type=_Dependency.Type.CREATE,
)


def follow_our_migrations() -> None:
    """Have `makemigrations` add the dependency, beside what others made of it."""
    theirs: Any = makemigrations.Command.autodetector

    class Autodetector(theirs):  # type: ignore[misc] # whichever class it is
        def add_operation(
            self,
            app_label: str,
            operation: Any,
            dependencies: list[Any] | None = None,
            beginning: bool = False,
        ) -> None:
            needed = [_NEEDED] if _is_ours(operation) else []
            super().add_operation(
                app_label, operation, [*(dependencies or []), *needed], beginning
            )

    # Django's check wants the same in both.
    makemigrations.Command.autodetector = migrate.Command.autodetector = Autodetector


def _is_ours(operation: Any) -> bool:
    if not isinstance(operation, AddConstraint):
        return False
    return isinstance(getattr(operation, "constraint", None), Tracking)
