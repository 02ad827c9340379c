"""What the process is at this moment, for its health answer and its metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from aviso.relay.metrics import BROKER_STATES, ROLES, Metrics

# The relay looks at its database every second; silence for so long is no health.
STALE_AFTER_S = 30.0


@dataclass(slots=True)
class Status:
    """Role, database and broker of this process, kept by whoever knows them."""

    metrics: Metrics = field(default_factory=Metrics)
    role: str = "none"
    broker: str = "idle"
    database_seen_at: float | None = None

    def __post_init__(self) -> None:
        self.set_role(self.role)
        self.set_broker(self.broker)

    def set_role(self, role: str) -> None:
        self.role = role
        for name in ROLES:
            self.metrics.role.labels(name).set(name == role)

    def set_broker(self, state: str) -> None:
        self.broker = state
        for name in BROKER_STATES:
            self.metrics.broker.labels(name).set(name == state)

    def see_database(self) -> None:
        self.database_seen_at = time.monotonic()

    def lose_database(self) -> None:
        self.database_seen_at = None

    def has_database(self) -> bool:
        return (
            self.database_seen_at is not None
            and time.monotonic() - self.database_seen_at < STALE_AFTER_S
        )
