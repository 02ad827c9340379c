"""What the process is at this moment, for its health answer and its metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from aviso.outbox.metrics import BROKER_STATES, ROLES, Metrics

# The relay looks at its database every second; silence for so long is no health.
STALE_AFTER_S = 30.0


@dataclass(slots=True)
class Status:
    """Role, database and broker of this process, kept by whoever knows them."""

    metrics: Metrics = field(default_factory=Metrics)
    role: str = "none"
    broker: str = "idle"
    database_seen_at: float | None = None
    problems: dict[str, str] = field(default_factory=dict)
    """Feeds of which nothing is sent any more, and why."""

    def __post_init__(self) -> None:
        self.set_role(self.role)
        self.set_broker(self.broker)

    def set_role(self, role: str) -> None:
        self.role = role
        for feed in list(self.problems):
            self.note_problem(feed, None)
        for name in ROLES:
            self.metrics.role.labels(name).set(name == role)

    def set_broker(self, state: str) -> None:
        self.broker = state
        for name in BROKER_STATES:
            self.metrics.broker.labels(name).set(name == state)

    def note_problem(self, feed: str, problem: str | None) -> bool:
        """Note why nothing of a feed is sent, or that it is; tell if that is new."""
        if self.problems.get(feed) == problem:
            return False
        if problem is None:
            del self.problems[feed]
        else:
            self.problems[feed] = problem
        self.metrics.contradictions.set(len(self.problems))
        return True

    def see_database(self) -> None:
        self.database_seen_at = time.monotonic()

    def lose_database(self) -> None:
        self.database_seen_at = None

    def has_database(self) -> bool:
        return (
            self.database_seen_at is not None
            and time.monotonic() - self.database_seen_at < STALE_AFTER_S
        )
