"""The strict parser by itself; its answers over HTTP are in test_records_post."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aviso.exact_json.text import JsonError, check_depth, parse_json


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1.5,
        "",
        "é😀\u2028",
        [],
        {},
        {"a": [1, {"b": None}]},
        10**4299,
    ],
)
def test_json_comes_out_as_json_would(value: Any) -> None:
    for ensure_ascii in [True, False]:
        body = json.dumps(value, ensure_ascii=ensure_ascii).encode()

        assert value == parse_json(body, max_depth=8)


@pytest.mark.parametrize(
    ("body", "message", "pointer"),
    [
        (b"{", "line 1, column 2", None),
        (b"\xff", "not UTF-8 at byte 0", None),
        (b"NaN", "NaN is no JSON", None),
        (b"[-Infinity]", "-Infinity is no JSON", None),
        (b"[1e131072]", "131072 digits", None),
        (b"1" * 131_073, "131072 digits", None),
        (b'"\\u0000"', "U+0000", ""),
        (b'{"a":{"b/~":["x","\\u0000"]}}', "U+0000", "/a/b~1~0/1"),
        (b'{"a":{"\\u0000":1}}', "U+0000", "/a"),
        (b'["\\uDBFF"]', "lone surrogate", "/0"),
        (b'["\\uDC00\\uD800"]', "lone surrogate", "/0"),
        (b"[" * 9 + b"]" * 9, "deeper than 8", "/0/0/0/0/0/0/0/0"),
        (b"[" * 200_000, "too deep", None),
    ],
)
def test_what_is_refused_is_named_and_pointed_at(
    body: bytes, message: str, pointer: str | None
) -> None:
    with pytest.raises(JsonError, match=message.replace("+", r"\+")) as caught:
        parse_json(body, max_depth=8)

    assert pointer == caught.value.pointer


def test_a_text_that_only_looks_like_an_escape_is_kept() -> None:
    assert "\\u0000" == parse_json(b'"\\\\u0000"', max_depth=1)


def test_depth_counts_objects_and_lists() -> None:
    check_depth({"a": [[]]}, 3)

    with pytest.raises(JsonError):
        check_depth({"a": [[]]}, 2)
