"""`make bench`: what Aviso takes, holds and lasts, beside its bare parts.

One run, one machine: the figures are worth their ratios. Each case starts a stack of
its own in a temporary directory and leaves nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "deploy/native"))

from . import report  # noqa: E402 # found on the path just set
from .bench import Bench, fresh_stack, tell  # noqa: E402
from .cases import CASES  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    parser.add_argument("--full", action="store_true", help="in full size: hours")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(
            f"no case {', '.join(sorted(unknown))}, expected {', '.join(CASES)}"
        )
    figures: dict[str, dict[str, float]] = {}
    is_missed = False
    for name in options.cases or CASES:
        tell(f"{name} …")
        with fresh_stack() as stack:
            bench = Bench(stack, options.seconds, options.full)
            CASES[name](bench)
        figures[name] = bench.figures
        print(report.as_text(name, bench), flush=True)
        is_missed |= not all(goal.is_met for goal in bench.goals)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    sys.exit(1 if is_missed else 0)


if __name__ == "__main__":
    main()
