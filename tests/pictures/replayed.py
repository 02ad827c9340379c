"""What pictures show: rows of the public data that `make demo` replays."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from types import ModuleType

from ..integration.running import REPOSITORY

TITLES = {"weather": "Seattle weather", "prices": "Share prices"}


def rows_of(feed: str) -> Iterator[dict[str, object]]:
    replay = _replay()
    [source] = [each for each in replay.SOURCES if each.feed == feed]
    return (json.loads(row) for row in replay.read_rows(source))


def _replay() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "replay", REPOSITORY / "demo/replay.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["replay"] = module
    spec.loader.exec_module(module)
    return module
