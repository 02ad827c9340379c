"""Has django-pghistory make its tables, functions and triggers, as its manual says.

`python -m tests.bench.pghistory`, with the schema of the accounts in PGHISTORY_SCHEMA
and libpq's variables for the database. The SQL is what the library itself makes.
"""

from __future__ import annotations

import os

import django
from django.conf import settings

_SCHEMA = os.environ["PGHISTORY_SCHEMA"]

settings.configure(
    INSTALLED_APPS=[
        "pgtrigger",
        "pghistory",
        "tests.bench.pghistory.apps.PghistoryBench",
    ],
    PGTRIGGER_SCHEMA=_SCHEMA,
    PGTRIGGER_MIGRATIONS=False,
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "OPTIONS": {"options": f"-c search_path={_SCHEMA}"},
        }
    },
)
django.setup()

import pgtrigger  # noqa: E402 # needs the settings
from django.apps import apps  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

call_command("migrate", "pghistory", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(apps.get_model("pghistory_bench", "AccountEvent"))
pgtrigger.install()
