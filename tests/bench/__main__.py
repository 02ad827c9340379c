"""`make bench`: what Aviso takes from insert to subscriber, beside its bare parts.

One run, one machine: the figures are worth their ratios. It starts a stack of its
own in a temporary directory and leaves nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(REPOSITORY),
    str(REPOSITORY / "deploy/native"),
    str(Path(__file__).parent),
]

import bare  # noqa: E402
import path  # noqa: E402
import report  # noqa: E402

from aviso_native import settings as native_settings  # noqa: E402
from aviso_native.addresses import find_free_port  # noqa: E402
from aviso_native.stack import Stack, tell_on_stderr  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aviso-bench-") as directory:
        environ = {
            **os.environ,
            "AVISO_RUN_DIR": directory,
            "AVISO_PORT": str(find_free_port()),
            "AVISO_PYTHON": sys.executable,
        }
        with native_settings.claim(Path(directory)):
            stack = Stack(native_settings.load(environ), tell_on_stderr)
            try:
                stack.start()
                figures = asyncio.run(measure(stack, options.seconds))
            finally:
                stack.stop()
    print(report.as_table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


async def measure(stack: Stack, seconds: int) -> dict[str, float]:
    """Take every figure, one after the other; return them by name."""
    settings = stack.settings
    key = str(stack.facts()["api_key"])
    figures: dict[str, float] = {}
    tell_on_stderr("the bare parts …")
    figures |= await bare.measure_postgres(settings, seconds)
    figures |= await bare.measure_rabbitmq(settings, seconds)
    figures |= await bare.measure_ejabberd(settings, seconds)
    tell_on_stderr("the whole path …")
    figures |= await path.measure_latency(settings, key, rate=20, seconds=2 * seconds)
    figures |= await path.measure_single_posts(settings, key, seconds)
    figures |= await path.measure_lists(settings, key, seconds)
    return figures


if __name__ == "__main__":
    main()
