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
    stale: Counter
    guessed_starts: Counter
    let_go: Counter
    sent_back: Counter
    asked: Counter
    retries: Counter
    failures: Counter
    reconnects: Gauge
    connected: Gauge
    held: Gauge
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
        parked=count("parked", "Events that could not be relayed.", "cause"),
        copies=count("copies", "Events that the room had already, dropped."),
        contradictions=count(
            "contradictions", "Copies that are none: the room has other events there."
        ),
        behind=count("behind", "Batches refused, the archive's head being another."),
        stale=count("stale", "Events of an epoch that has ended, dropped."),
        guessed_starts=count("guessed_starts", "Epochs begun without an opening."),
        let_go=count("let_go", "Stuck events acked, to be asked for again."),
        sent_back=count("sent_back", "Stuck events sent to the tail of their queue."),
        asked=count("asked", "Requests for events that did not come."),
        retries=count("retries", "Rooms left and entered again.", "reason"),
        failures=count("failures", "Errors that nobody foresaw."),
        reconnects=gauge("reconnects", "Connections made again.", "to"),
        connected=gauge("connected", "1 if connected.", "to"),
        held=gauge("held", "Events that wait for a missing one."),
        waiting=gauge("waiting", "Events taken from the broker and not acked."),
        lag_s=Histogram(
            "aviso_pusher_lag_seconds",
            "From an event's time to its archiving.",
            buckets=_LAG_BUCKETS_S,
            registry=registry,
        ),
    )
