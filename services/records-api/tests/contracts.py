"""The shared contracts, as these tests read them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).resolve().parents[3] / "contracts"


def read_json(name: str) -> Any:
    return json.loads((FOLDER / name).read_bytes())


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        read_json(name),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def validate_batch(batch: object) -> None:
    _validator("batch.schema.json").validate(batch)


def validate_event(event: object) -> None:
    _validator("event.schema.json").validate(event)
