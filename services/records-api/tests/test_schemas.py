"""Feeds' JSON Schemas: what is taken, and that no schema stops a worker for long."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from aviso.exact_json.text import load_json
from aviso.feeds import json_schemas
from aviso.feeds.json_schemas import (
    RecordRefused,
    SchemaRefused,
    check_all_data,
    check_schema,
)


def _check(data: object, schema: object) -> None:
    """Check it as it comes out of a request."""
    check_all_data([load_json(json.dumps(data))], json.dumps(schema))


def _doubling(levels: int) -> dict[str, Any]:
    steps: dict[str, Any] = {"s0": {"type": "object"}}
    for n in range(1, levels):
        steps[f"s{n}"] = {"allOf": [{"$ref": f"#/$defs/s{n - 1}"}] * 2}
    return {"$defs": steps, "$ref": f"#/$defs/s{levels - 1}"}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        {"$id": "urn:example:order", "$ref": "#/$defs/o", "$defs": {"o": {}}},
        {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "null"}}},
        {"properties": {"n": {"$ref": "#"}}},
        {"properties": {"n": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
        {"properties": dict.fromkeys(["allOf", "not", "dependentSchemas"], True)},
        {"allOf": [{"$ref": "#/$defs/a"}] * 2, "$defs": {"a": {}}},
        {"properties": {"a": {"const": {"$ref": "http://not.a.reference/"}}}},
        {"patternProperties": {"^x-": {"type": "string"}}},
        {"properties": {"pattern": {"pattern": "^[a-z]+$"}}},
    ],
)
def test_a_schema_is_taken(schema: dict[str, Any]) -> None:
    check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (True, "object"),
        ([], "object"),
        ({"type": "objekt"}, "/type"),
        ({"minimum": "1"}, "/minimum"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "2020-12"),
        ({"$schema": 5}, "2020-12"),
        ({"$ref": "#"}, "back to itself"),
        ({"not": {"$dynamicRef": "#"}}, "back to itself"),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, "back to itself"),
        ({"$defs": {"a": {"allOf": [{}, {"$ref": "#/$defs/a"}]}}}, "back to itself"),
        ({"dependentSchemas": {"a": {"if": {"$ref": "#"}}}}, "back to itself"),
        ({"$ref": "#/$defs/nothing"}, "leads nowhere"),
        ({"properties": {"a": {"$ref": "#/$defs/nothing"}}}, "leads nowhere"),
        ({"$ref": "http://127.0.0.1:1/schema"}, "into this schema"),
        ({"$ref": "file:///etc/passwd"}, "into this schema"),
        ({"items": {"$id": "urn:example:inner"}}, "stands inside"),
        ({"pattern": "("}, "regex"),
        ({"patternProperties": {"(": {}}}, "regex"),
        ({"unevaluatedProperties": False, "patternProperties": {}}, "not supported"),
        (_doubling(40), "too costly"),
        (json.loads('{"not":' * 900 + "{}" + "}" * 900), "too deep"),
    ],
)
def test_a_schema_is_refused_with_its_reason(schema: object, reason: str) -> None:
    with pytest.raises(SchemaRefused, match=reason):
        check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"type": "object"}, {}),
        ({"properties": {"a": {"type": "integer"}}}, {"a": 1.0}),
        ({"additionalProperties": False, "patternProperties": {"^a": {}}}, {"ab": 1}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [1, "1", True, [1], {}]}),
        ({"properties": {"a": {"pattern": "é"}}}, {"a": "caf\u00e9"}),
    ],
)
def test_data_meets_a_schema(schema: object, data: object) -> None:
    _check(data, schema)


@pytest.mark.parametrize(
    ("schema", "data", "pointer"),
    [
        ({"required": ["a"]}, {}, ""),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "1"}, "/a"),
        (
            {"properties": {"a/b": {"items": {"minimum": 5}}}},
            {"a/b": [6, 4]},
            "/a~1b/1",
        ),
        ({"additionalProperties": False}, {"a": 1}, ""),
        ({"additionalProperties": {"type": "null"}}, {"a": 1}, "/a"),
        ({"patternProperties": {"^a": {"type": "null"}}}, {"ab": 1}, "/ab"),
        ({"properties": {"a": {"pattern": "^b"}}}, {"a": "ab"}, "/a"),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [1, 1.0]}, "/a"),
        ({"properties": {"a": {"multipleOf": 0.1}}}, {"a": 10.05}, "/a"),
    ],
)
def test_data_is_refused_and_pointed_at(
    schema: object, data: object, pointer: str
) -> None:
    with pytest.raises(RecordRefused) as caught:
        check_all_data([{"a": None, "a/b": []}.fromkeys([]), data], '{"not": {}}')
    assert 0 == caught.value.index

    with pytest.raises(RecordRefused) as caught:
        _check(data, schema)
    assert pointer == caught.value.pointer


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"properties": {"a": {"pattern": "^(a+)+$"}}}, {"a": "a" * 60_000 + "!"}),
        ({"patternProperties": {"^(a+)+$": {}}}, {"a" * 60_000 + "!": 1}),
        (
            {"additionalProperties": False, "patternProperties": {"^(a+)+$": {}}},
            {"a" * 60_000 + "!": 1},
        ),
        (
            {"properties": {"n": _doubling(40)}, "$defs": _doubling(40)["$defs"]},
            {"n": {}},
        ),
    ],
)
def test_a_costly_check_ends_at_its_deadline(
    schema: object, data: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_schemas, "CHECK_TIMEOUT_S", 0.3)
    start_s = time.thread_time()

    with pytest.raises(RecordRefused, match="can not be checked"):
        _check(data, schema)

    assert time.thread_time() - start_s < 3


def test_a_thread_that_has_to_wait_is_not_a_costly_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_schemas, "CHECK_TIMEOUT_S", 0.3)

    def documents() -> Iterator[object]:
        yield {}
        time.sleep(0.5)
        yield {}

    check_all_data(documents(), '{"minProperties": 0}')


def test_a_pattern_costs_no_more_where_a_schema_names_its_dialect() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"n": {"$ref": "#"}, "a": {"pattern": "^(a+)+$"}},
    }
    start_s = time.thread_time()

    with pytest.raises(RecordRefused, match="does not match"):
        _check({"n": {"a": "a" * 28 + "!"}}, schema)

    assert time.thread_time() - start_s < 3


def test_a_long_list_of_objects_is_compared_quickly() -> None:
    schema = json.dumps({"properties": {"a": {"uniqueItems": True}}})
    start_s = time.thread_time()

    check_all_data([{"a": [{"n": n} for n in range(6000)]}], schema)

    assert time.thread_time() - start_s < 2
