"""What the OpenAPI document says of an answer is what it is, member by member."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from tests.api import Api, Reply, number_events

pytestmark = pytest.mark.django_db
FEED = "/api/v1/feeds/{feed}/"
ID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def document(anonymous: Api) -> Any:
    return yaml.safe_load(anonymous.get("/api/schema/", Accept="*/*").content)


def make_strict(schema: Any) -> Any:
    """Say the same in JSON Schema, and allow no member beside the named."""
    if isinstance(schema, list):
        return [make_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: make_strict(item) for name, item in schema.items()}
    if strict.pop("nullable", False):
        return {"anyOf": [strict, {"type": "null"}]}
    if isinstance(strict.get("properties"), dict):
        strict.setdefault("additionalProperties", False)
    return strict


def check(document: Any, path: str, method: str, reply: Reply) -> None:
    described = document["paths"][path][method]["responses"][str(reply.status)]
    schema = make_strict(described["content"]["application/json"]["schema"])
    jsonschema.Draft202012Validator(
        {**schema, "components": make_strict(document["components"])},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    ).validate(reply.body)


def test_feeds_are_as_documented(document: Any, api: Api) -> None:
    path = "/api/v1/feeds/"
    check(document, path, "post", api.post("feeds/", {"slug": "orders"}))
    check(document, path, "get", api.get("feeds/"))
    check(document, FEED, "get", api.get("feeds/orders/"))
    changed = api.patch("feeds/orders/", {"schema": {"type": "object"}})
    check(document, FEED, "patch", changed)
    check(document, "/api/v1/heads/", "get", api.get("heads/?feeds=orders"))
    check(document, "/api/v1/connection/", "get", api.get("connection/"))


@pytest.mark.usefixtures("orders")
def test_records_and_events_are_as_documented(document: Any, api: Api) -> None:
    path, one = f"{FEED}records/", f"{FEED}records/{{record_id}}/"
    record = f"feeds/orders/records/{ID}/"
    new: dict[str, Any] = {"id": ID, "data": {"a": [1.5, None]}}
    check(document, path, "post", api.post("feeds/orders/records/", new))
    check(document, path, "post", api.post("feeds/orders/records/", [{"data": {}}]))
    check(document, path, "get", api.get("feeds/orders/records/?limit=1"))
    check(document, one, "get", api.get(record))
    check(document, one, "put", api.put(record, {"data": {"b": 1}}))
    check(document, one, "patch", api.patch(record, {"data": {"b": None}}))
    number_events()
    events = api.get("feeds/orders/events/")
    assert events.body["events"]
    check(document, f"{FEED}events/", "get", events)


@pytest.mark.usefixtures("secrets")
def test_readers_and_tickets_are_as_documented(document: Any, api: Api) -> None:
    path, one = f"{FEED}readers/", f"{FEED}readers/{{reader}}/"
    ada = {"reader": "ada@localhost"}
    check(document, path, "post", api.post("feeds/secrets/readers/", ada))
    check(document, path, "post", api.post("feeds/secrets/readers/", ada))
    check(document, path, "get", api.get("feeds/secrets/readers/"))
    check(document, one, "get", api.get("feeds/secrets/readers/ada@localhost/"))
    ticket = api.post("tickets/", {"reader": "u-1", "feeds": ["secrets"]})
    check(document, "/api/v1/tickets/", "post", ticket)


def test_a_member_that_is_not_documented_is_found(document: Any, api: Api) -> None:
    reply = api.get("connection/")
    more = Reply(reply.status, reply.headers, reply.content[:-1] + b',"more":1}')

    with pytest.raises(jsonschema.ValidationError, match="more"):
        check(document, "/api/v1/connection/", "get", more)
