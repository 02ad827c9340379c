"""The OpenAPI document and Swagger UI: complete, and without another host."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from tests.api import Api

pytestmark = pytest.mark.django_db
METHODS = {"get", "post", "put", "patch", "delete"}


def test_the_document_has_no_errors_and_no_warnings(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_every_call_describes_its_errors(anonymous: Api) -> None:
    document = yaml.safe_load(anonymous.get("/api/schema/", Accept="*/*").content)

    calls = [
        (path, method, call["responses"])
        for path, item in document["paths"].items()
        for method, call in item.items()
        if method in METHODS
    ]
    assert 18 == len(calls)
    for path, method, responses in calls:
        errors = {status for status in responses if status >= "400"}
        assert {"400", "401", "404", "405", "406", "429", "500", "503"} <= errors, (
            path,
            method,
        )
        for status in errors:
            assert ["application/problem+json"] == list(responses[status]["content"])


def test_swagger_ui_loads_nothing_from_elsewhere(anonymous: Api) -> None:
    page = anonymous.get("/api/docs/", Accept="text/html").content.decode()

    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    for source in sources:
        assert source.startswith(("/api/static/", "/api/docs/")), source
        assert 200 == anonymous.get(source, Accept="*/*").status


def test_the_keys_scheme_is_described(anonymous: Api) -> None:
    document = yaml.safe_load(anonymous.get("/api/schema/", Accept="*/*").content)

    assert "bearer" == document["components"]["securitySchemes"]["key"]["scheme"]
