"""A case's figures as a table, ratios to bare parts, and what it had to reach."""

from __future__ import annotations

from .bench import Bench


def as_text(name: str, bench: Bench) -> str:
    lines = ["", f"## {name}"]
    lines += [
        f"{figure:<56} {value:>12,.2f}" for figure, value in bench.figures.items()
    ]
    lines += [str(goal) for goal in bench.goals]
    return "\n".join(lines)
