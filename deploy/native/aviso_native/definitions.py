"""The broker's objects, users and rights, as RabbitMQ loads them.

`python3 -m aviso_native.definitions` writes deploy/rabbitmq/definitions.json anew from
contracts/topology.json; deploy/rabbitmq/definitions.sh makes of that what a node loads.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .process import run

_REPOSITORY = Path(__file__).resolve().parents[3]
_FOLDER = _REPOSITORY / "deploy/rabbitmq"
FILE = _FOLDER / "definitions.json"

_NOTHING = "^$"
# Consuming is reading, publishing is writing; configuring is making and deleting.
_USERS = [
    {"name": "aviso", "password": "@AVISO_AMQP_PASSWORD@", "tags": ""},
    {"name": "pusher", "password": "@AVISO_AMQP_PUSHER_PASSWORD@", "tags": ""},
]
_PERMISSIONS = [
    {
        "user": "aviso",
        "vhost": "/",
        "configure": _NOTHING,
        # The queues too: RabbitMQ 4.3 tells of a queue's being there only to who has
        # some right on it. Messages go through exchanges, of which it has one.
        "write": r"^(record-events(\.source)?|xmpp-pusher\.[0-9]+)$",
        "read": r"^record-events\.(parked|reports|source)$",
    },
    {
        "user": "pusher",
        "vhost": "/",
        "configure": _NOTHING,
        "write": r"^record-events\.(parked|reports)$",
        "read": r"^xmpp-pusher\.([0-9]+(\.lease)?|members)$",
    },
]


def write_template() -> str:
    """Return the text of `definitions.json`: one object a line.

    A line with `{n}` stands for one a queue, `@NAME@` for a password.
    """
    topology = json.loads((_REPOSITORY / "contracts/topology.json").read_text())
    place: dict[str, Any] = {"vhost": "/"}
    parts: dict[str, list[dict[str, Any]]] = {
        "vhosts": [{"name": "/"}],
        "users": _USERS,
        "permissions": _PERMISSIONS,
        "exchanges": [
            each | place | {"auto_delete": False, "internal": False}
            for each in topology["exchanges"]
        ],
        "queues": [
            each | place | {"auto_delete": False} for each in topology["queues"]
        ],
        "bindings": [each | place | {"arguments": {}} for each in topology["bindings"]],
    }
    lists = []
    for name, entries in parts.items():
        lines = ",\n    ".join(json.dumps(each) for each in entries)
        lists.append(f'  "{name}": [\n    {lines}\n  ]')
    return "{\n" + ",\n".join(lists) + "\n}\n"


def make_definitions(queues: int, password: str, pusher_password: str) -> str:
    """Return what a node loads, as JSON. The passwords: letters, digits, `-`, `_`.

    Raises NotReady, naming what is wrong.
    """
    return run(
        [str(_FOLDER / "definitions.sh")],
        {
            "PATH": os.environ["PATH"],
            "AVISO_QUEUES": str(queues),
            "AVISO_AMQP_PASSWORD": password,
            "AVISO_AMQP_PUSHER_PASSWORD": pusher_password,
        },
    )


if __name__ == "__main__":
    FILE.write_text(write_template())
