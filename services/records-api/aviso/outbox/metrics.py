"""What the relay counts, for `/metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ROLES = ("none", "standby", "active")
BROKER_STATES = ("idle", "connecting", "connected", "blocked", "refused")


class Metrics:
    """The relay's metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.published = self._counter(
            "published", "Events that are archived in their rooms, as written down."
        )
        self.confirms = self._counter("confirms", "Messages the broker confirmed.")
        self.nacks = self._counter("nacks", "Messages the broker refused.")
        self.returns = self._counter("returns", "Messages the broker had no queue for.")
        self.numbered = self._counter("numbered", "Events that got their sequence.")
        self.parked = self._counter("parked", "Events put aside, by whoever did.", "by")
        self.reports = self._counter(
            "reports", "What went wrong, as the pusher reported.", "kind"
        )
        self.contradictions = self._gauge(
            "contradictions", "Feeds whose archive has what was never numbered."
        )
        self.table_problems = self._gauge(
            "table_problems", "Tracked tables with a problem."
        )
        self.unavailable = self._gauge(
            "table_rows_unavailable", "Rows of tracked tables that could not be told."
        )
        self.pruned = self._counter("pruned", "Published events that were deleted.")
        self.broker_losses = self._counter(
            "broker_losses", "Connections to the broker that failed or broke."
        )
        self.unconfirmed = self._gauge(
            "unconfirmed", "Messages that the broker has not confirmed."
        )
        self.out_bytes = self._gauge(
            "out_bytes", "Text of the batches that were sent and are not archived yet."
        )
        self.depth = self._gauge("outbox_depth", "Events that are not archived yet.")
        self.oldest_age = self._gauge(
            "oldest_unpublished_age_seconds", "Age of the oldest of them."
        )
        self.role = self._gauge("role", "1 for what this process is.", "role")
        self.broker = self._gauge("broker", "1 for the broker's state.", "state")
        self.numbering_time = Histogram(
            "numbering_seconds",
            "Time that one batch took to be numbered.",
            namespace="aviso_relay",
            registry=self.registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(
            name, text, labels, namespace="aviso_relay", registry=self.registry
        )

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(
            name, text, labels, namespace="aviso_relay", registry=self.registry
        )
