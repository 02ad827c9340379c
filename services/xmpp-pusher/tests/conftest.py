from __future__ import annotations

from pathlib import Path

import pytest

CONTRACTS = Path(__file__).parents[3] / "contracts"


@pytest.fixture(scope="session")
def contracts() -> Path:
    return CONTRACTS
