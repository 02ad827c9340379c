"""Numbers for Prometheus: of the requests, kept in all workers together, and of the
outbox, asked of the database when they are wanted.

gunicorn.conf.py names a directory in PROMETHEUS_MULTIPROC_DIR, where each worker keeps
its numbers in a file; without one they are this process's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector

from aviso.access.permissions import states_rule
from aviso.outbox.depth import measure

REQUEST_SECONDS = Histogram(
    "aviso_request_seconds",
    "Time to answer a request, in seconds.",
    ["view", "method", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class OutboxCollector(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("aviso_database_up", "Whether the database answers.")
        try:
            depth = measure()
        except DatabaseError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield GaugeMetricFamily(
            "aviso_outbox_events",
            "Events that are not archived in their rooms yet.",
            value=depth.unpublished,
        )
        yield GaugeMetricFamily(
            "aviso_outbox_oldest_seconds",
            "Age of the oldest of them, in seconds; 0 when there is none.",
            value=depth.oldest_age_s,
        )


@states_rule("the web server does not hand it on")
def show_metrics(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    registry = CollectorRegistry()
    registry.register(OutboxCollector())
    text = generate_latest(registry)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        workers = CollectorRegistry()
        MultiProcessCollector(workers)  # type: ignore[no-untyped-call]
        text += generate_latest(workers)
    else:
        text += generate_latest(REGISTRY)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)
