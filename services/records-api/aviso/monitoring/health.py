"""Whether this process lives and whether it can do its work."""

from __future__ import annotations

from functools import cache

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse

from aviso.access.permissions import states_rule
from aviso.problems import Unavailable, render_problem


@states_rule("the web server hands on none of these")
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer that the process is alive, whatever its database does."""
    return HttpResponse("alive\n", content_type="text/plain")


@states_rule("the web server hands on none of these")
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer whether the database is reachable and has every migration."""
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except DatabaseError:
        return render_problem(Unavailable("The database can not be reached"))
    missing = sorted(_all_migrations() - applied.keys())
    if missing:
        names = ", ".join(f"{app}.{name}" for app, name in missing[:5])
        return render_problem(Unavailable(f"Migrations are missing: {names}"))
    return HttpResponse("ready\n", content_type="text/plain")


@cache
def _all_migrations() -> frozenset[tuple[str, str]]:
    """Return those of the code, which stays as it is while it runs."""
    return frozenset(MigrationLoader(None).graph.nodes)
