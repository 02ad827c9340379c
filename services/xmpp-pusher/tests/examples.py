"""Where the contract's examples stand, and events made after them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CONTRACTS: Final = Path(__file__).parents[3] / "contracts"
