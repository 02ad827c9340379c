"""The app's label, which is no other app's."""

from __future__ import annotations

from django.apps import AppConfig


class PghistoryBench(AppConfig):
    name = "tests.bench.pghistory"
    label = "pghistory_bench"
