"""The service's own rules about who may import what: arrows go one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "xmpp_pusher"
EDGES = {"amqp_client.connection": "amqp", "slixmpp": "xmpp"}
# Each may import those before it, and its own.
LAYERS = (
    {"position", "contract", "backoff", "logs", "payload"},
    {"errors", "messages", "metrics", "summary"},
    {"reports", "settings", "health", "parsing"},
    {"ports", "feed_log", "under_way"},
    {"amqp", "xmpp", "reporter", "comparison"},
    {"outcomes", "parking"},
    {"occupancy"},
    {"feed"},
    {"feeds"},
    {"__main__"},
)
PURE = (
    *("contract", "summary", "messages", "payload", "position", "parsing"),
    *("reports", "amqp/topology", "xmpp/muc", "xmpp/readers"),
    *("xmpp/room_options", "xmpp/stanzas"),
)


def list_imports(path: Path) -> set[str]:
    """Return the packages outside, and of ours the module or folder, as `.name`."""
    names: set[str] = set()
    depth = len(path.relative_to(SOURCE).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module or "", (node.module or "").partition(".")[0]}
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            modules = [node.module] if node.module else [a.name for a in node.names]
            names |= {f".{(module or '').partition('.')[0]}" for module in modules}
    return names


def name_part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


MODULES = [path for path in SOURCE.rglob("*.py") if path.name != "__init__.py"]


def test_of_the_way_to_the_broker_the_middle_has_values_alone() -> None:
    used = {
        name
        for path in MODULES
        if name_part(path) != "amqp"
        for name in list_imports(path)
        if name.partition(".")[0] in ("amqp_client", "pika")
    }

    assert {"amqp_client", "amqp_client.messages"} == used


@pytest.mark.parametrize("library", EDGES)
def test_one_package_imports_each_library(library: str) -> None:
    users = {name_part(path) for path in MODULES if library in list_imports(path)}

    assert {EDGES[library]} == users


def test_every_module_has_its_layer() -> None:
    assert {name_part(path) for path in MODULES} == set().union(*LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    part = name_part(path)
    number = next(n for n, layer in enumerate(LAYERS) if part in layer)
    below = set().union(*LAYERS[:number]) | {part}
    ours = {name[1:] for name in list_imports(path) if name.startswith(".")}

    assert ours <= below


@pytest.mark.parametrize("module", PURE)
def test_the_pure_middle_has_no_clock_no_loop_and_no_log(module: str) -> None:
    imports = list_imports(SOURCE / f"{module}.py")

    assert set() == imports & {"asyncio", "time", "logging", "socket", "random"}
