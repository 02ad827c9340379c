"""How long to wait before the next try: growing, bounded, and never all at once."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass
class Backoff:
    """Times in seconds. The cap is low: after an outage everybody wants to go on."""

    first_s: float = 0.2
    cap_s: float = 5.0
    failures: int = 0

    def next_s(self) -> float:
        longest = min(self.cap_s, self.first_s * 2.0**self.failures)
        self.failures = min(self.failures + 1, 30)
        return longest * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self.failures = 0
