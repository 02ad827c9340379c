"""Whether this process lives and whether it can do its work."""

from __future__ import annotations

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from aviso.rest.problems import Unavailable, render_problem


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer that the process is alive, whatever its database does."""
    return HttpResponse("alive\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer whether the database is reachable and has every migration."""
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return render_problem(Unavailable("The database can not be reached"))
    if plan:
        missing = ", ".join(f"{m.app_label}.{m.name}" for m, _ in plan[:5])
        return render_problem(Unavailable(f"Migrations are missing: {missing}"))
    return HttpResponse("ready\n", content_type="text/plain")
