"""The service's own rules about who may import what."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "xmpp_pusher"
EDGES = {"pika": "amqp.py", "slixmpp": "rooms.py"}
PURE = (
    *("batches", "contract", "events", "muc", "positions", "reading"),
    *("room_options", "shallow", "stand_ins", "stanzas", "topology"),
)


def list_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("library", EDGES)
def test_one_file_imports_each_library(library: str) -> None:
    users = {p.name for p in SOURCE.glob("*.py") if library in list_imports(p)}

    assert {EDGES[library]} == users


@pytest.mark.parametrize("module", PURE)
def test_the_pure_middle_has_no_clock_no_loop_and_no_log(module: str) -> None:
    imports = list_imports(SOURCE / f"{module}.py")

    assert set() == imports & {"asyncio", "time", "logging", "socket", "random"}
