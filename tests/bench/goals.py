"""What a case has to reach, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """`value` beside its bounds, which it may not pass, or fall below if `at_least`.

    None where there is no such bound.
    """

    name: str
    value: float
    must: float | None = None
    aim: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether what it must reach is reached."""
        return self.must is None or self._reaches(self.must)

    def __str__(self) -> str:
        said = [
            f"{word} {self._sign} {bound:,g}: {self._verdict(bound)}"
            for word, bound in (("must", self.must), ("aim", self.aim))
            if bound is not None
        ]
        return f"{self.name}: {self.value:,.2f}   {'   '.join(said)}"

    @property
    def _sign(self) -> str:
        return "≥" if self.at_least else "≤"

    def _reaches(self, bound: float) -> bool:
        return self.value >= bound if self.at_least else self.value <= bound

    def _verdict(self, bound: float) -> str:
        return "met" if self._reaches(bound) else "NOT MET"
