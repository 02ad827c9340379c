"""How long to wait before trying again: growing, bounded, with jitter."""

import random


class Backoff:
    """Delays in seconds that double from `first_s` up to `longest_s`.

    Each is drawn from the upper half of its step, so that several processes that
    lost the same broker don't come back in the same moment.
    """

    def __init__(self, *, first_s: float = 0.2, longest_s: float = 5.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self.failures = 0

    def next_s(self) -> float:
        step_s = min(self._longest_s, self._first_s * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return random.uniform(step_s / 2, step_s)  # noqa: S311 (jitter, no secret)

    def reset(self) -> None:
        self.failures = 0
