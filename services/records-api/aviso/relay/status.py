"""What the process is at this moment, for its health answer and its metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from aviso.outbox.metrics import BROKER_STATES, ROLES, Metrics
from aviso.outbox.standing import Standing
from aviso.outbox.tables import TrackedTable

# The relay looks at its database every second; silence for so long is no health.
STALE_AFTER_S = 30.0


@dataclass(slots=True)
class Status:
    """Role, database and broker of this process, kept by whoever knows them."""

    metrics: Metrics = field(default_factory=Metrics)
    role: str = "none"
    broker: str = "idle"
    refusal: str | None = None
    """Why the broker is none for this relay, in a sentence for a person."""
    database_seen_at: float | None = None
    problems: dict[str, str] = field(default_factory=dict)
    """Feeds of which nothing is sent any more, and why."""
    tables: dict[str, str] = field(default_factory=dict)
    """Tracked tables with a problem, and which."""

    def __post_init__(self) -> None:
        self.set_role(self.role)
        self.set_broker(self.broker)

    def set_role(self, role: str) -> None:
        self.role = role
        for feed in list(self.problems):
            self.note_problem(feed, None)
        self.note_tables(())
        for name in ROLES:
            self.metrics.role.labels(name).set(name == role)

    def set_broker(self, state: str) -> None:
        self.broker = state
        if state != "refused":
            self.refusal = None
        for name in BROKER_STATES:
            self.metrics.broker.labels(name).set(name == state)

    def refuse_broker(self, words: str) -> bool:
        """Note that the broker belongs to another database; tell if that is new."""
        is_new = self.refusal != words
        self.set_broker("refused")
        self.refusal = words
        return is_new

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

    def note_tables(self, tables: Sequence[TrackedTable]) -> None:
        self.tables = {table.name: table.problem for table in tables if table.problem}
        self.metrics.table_problems.set(len(self.tables))
        self.metrics.unavailable.set(sum(table.unavailable for table in tables))

    def tell(self) -> Standing:
        """Tell what whoever looks at the database is to know."""
        return Standing(self.broker, self.refusal)

    def see_database(self) -> None:
        self.database_seen_at = time.monotonic()

    def lose_database(self) -> None:
        self.database_seen_at = None

    def has_database(self) -> bool:
        return (
            self.database_seen_at is not None
            and time.monotonic() - self.database_seen_at < STALE_AFTER_S
        )
