"""What is counted, in Prometheus' words. Names only; no feed names as labels.

A feed is a user's choice, so a label of it would grow without bound; /healthz tells
about single feeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LAG_BUCKETS_S: Final = (
    *(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)


@dataclass(frozen=True)
class Metrics:
    registry: CollectorRegistry
    relayed: Counter
    batches: Counter
    parked: Counter
    copies: Counter
    contradictions: Counter
    behind: Counter
    passed_over: Counter
    refused: Counter
    shut: Counter
    unopened: Counter
    reports: Counter
    retries: Counter
    failures: Counter
    reconnects: Gauge
    connected: Gauge
    queues: Gauge
    rooms: Gauge
    waiting: Gauge
    lag_s: Histogram = field(repr=False)


def make_metrics() -> Metrics:
    registry = CollectorRegistry()

    def count(name: str, text: str, *labels: str) -> Counter:
        return Counter(f"aviso_pusher_{name}", text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"aviso_pusher_{name}", text, labels, registry=registry)

    return Metrics(
        registry=registry,
        relayed=count("relayed", "Events that a room has archived."),
        batches=count("batches", "Batches that a room has archived."),
        parked=count("parked", "Messages that could not be read.", "cause"),
        copies=count("copies", "Batches that the room had already, dropped."),
        contradictions=count(
            "contradictions", "Copies that are none: the room has other events there."
        ),
        behind=count("behind", "Times that the relay was told to go back."),
        passed_over=count("passed_over", "Messages of a run that was told, dropped."),
        refused=count("refused", "Batches that a room never takes."),
        shut=count("shut", "Times that a room could not be used."),
        unopened=count("unopened", "Times that an opening was wanted."),
        reports=count("reports", "Reports that the broker took."),
        retries=count("retries", "Rooms left and entered again.", "reason"),
        failures=count("failures", "Errors that nobody foresaw."),
        reconnects=gauge("reconnects", "Connections made again.", "to"),
        connected=gauge("connected", "1 if connected.", "to"),
        queues=gauge("queues", "Queues that this pusher has."),
        rooms=gauge("rooms", "Feeds that are kept, most of them with their room."),
        waiting=gauge("waiting", "Messages taken from the broker and not acked."),
        lag_s=Histogram(
            "aviso_pusher_lag_seconds",
            "From the time of a batch's first event to its archiving.",
            buckets=_LAG_BUCKETS_S,
            registry=registry,
        ),
    )
