"""What the OpenAPI document says of every answer, besides the good one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from aviso.access.permissions import Rules
from aviso.problems import MEDIA_TYPE
from aviso.rest.paging import DEFAULT_LIMIT, MAX_LIMIT


class RuledSchema(AutoSchema):
    """Says of each call whether a key is needed, as the view's rule does."""

    def get_auth(self) -> list[dict[str, Any]]:
        schemes: list[dict[str, Any]] = super().get_auth()
        for permission in self.view.get_permissions():
            rule = (
                permission.by_method.get(self.method)
                if isinstance(permission, Rules)
                else None
            )
            if rule is not None and not rule.needs_key:
                return [*schemes, {}]
        return schemes


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    type = serializers.CharField(help_text="urn:aviso:problem:<kind>")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(
        help_text="For a person: the thing, its value, and what was expected."
    )
    field = serializers.CharField(
        required=False, help_text="The header or parameter that it is about."
    )
    pointer = serializers.CharField(
        required=False, help_text="The part of the body that it is about (RFC 6901)."
    )
    index = serializers.IntegerField(
        required=False, help_text="The record that it is about, in a list; from 0."
    )


_MEANINGS = {
    400: "The request can't be understood.",
    401: "A valid key is needed, or a valid token to read.",
    403: "The key or token has not this right.",
    404: "Not there, or not open to you.",
    405: "The address has no such method.",
    406: "Only application/json is to be had.",
    409: "The id or name is taken by something else, there is no more room, or a"
    " constraint of the database refuses it.",
    412: "If-Match names another version than the present one.",
    413: "The request is over 8 MiB, or data over 64 KiB as stored.",
    415: "The body is no application/json.",
    422: "The feed's schema refuses the data, or the Idempotency-Key was used for"
    " another write.",
    429: "Over the limit of this key, reader or address: again after Retry-After.",
    500: "An error in the service.",
    503: "The database can't do this at the moment: again after Retry-After.",
}
_ALWAYS = (400, 401, 404, 405, 406, 429, 500, 503)
_WITH_BODY = (403, 413, 415)


def problems(*more: int, body: bool = False) -> dict[tuple[int, str], OpenApiResponse]:
    """Describe the error answers of a call: those of all calls, and `more`."""
    statuses = {*_ALWAYS, *more, *(_WITH_BODY if body else ())}
    return {
        (status, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, _MEANINGS[status])
        for status in sorted(statuses)
    }


def page_of(item: type[serializers.Serializer[Any]], name: str) -> Any:
    """Make the serializer of a cursor page of `item`."""
    members = {
        "results": item(many=True),
        "next": serializers.URLField(allow_null=True, help_text="The page after."),
        "previous": serializers.URLField(allow_null=True, help_text="The one before."),
    }
    return type(name, (serializers.Serializer,), members)


def allow_overlap(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say `anyOf` where drf-spectacular says `oneOf`: a head is a record's part."""
    _allow_overlap(result)
    return result


def _allow_overlap(node: Any) -> None:
    if isinstance(node, dict):
        if "oneOf" in node and "discriminator" not in node:
            node["anyOf"] = node.pop("oneOf")
        for value in node.values():
            _allow_overlap(value)
    elif isinstance(node, list):
        for value in node:
            _allow_overlap(value)


LIMIT = OpenApiParameter(
    "limit", int, description=f"From 1 to {MAX_LIMIT}; {DEFAULT_LIMIT} if left out."
)
CURSOR = OpenApiParameter(
    "cursor", str, description="Out of a list's `next` or `previous`."
)
