"""How Django's JSONField writes and reads numbers without losing a digit."""

from __future__ import annotations

import json
from typing import Any

from aviso.exact_json.numbers import write_json
from aviso.exact_json.text import load_json


class ExactEncoder(json.JSONEncoder):
    def encode(self, o: Any) -> str:
        return write_json(o)


class ExactDecoder(json.JSONDecoder):
    def decode(self, s: str) -> Any:  # type: ignore[override] # one argument is used
        """Load what PostgreSQL gave; see `load_json` for what it raises."""
        return load_json(s)
