"""What is nested too deep for the readers of a batch is found without a parser."""

from __future__ import annotations

import json

import pytest

from aviso.events.batches import MOST_LEVELS, is_too_deep


@pytest.mark.parametrize(("levels", "expected"), [(MOST_LEVELS, False), (501, True)])
def test_levels_count_and_not_brackets(levels: int, expected: bool) -> None:
    lists = "[" * (levels - 1) + "]" * (levels - 1)

    assert expected == is_too_deep(f'{{"a":{lists}}}')


def test_brackets_beside_one_another_and_in_strings_are_no_levels() -> None:
    beside: dict[str, list[list[int]]] = {"lists": [[]] * 2000}
    within = {"text": "[{" * 2000, '"[\\': '\\"[' * 2000}

    assert not is_too_deep(json.dumps(beside))
    assert not is_too_deep(json.dumps(within))
