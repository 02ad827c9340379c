"""The shared contracts, as these tests read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).resolve().parents[3] / "contracts"


def read_json(name: str) -> Any:
    return json.loads((FOLDER / name).read_bytes())


def validate_event(event: object) -> None:
    jsonschema.validate(
        event,
        read_json("event.schema.json"),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
