"""Request bodies: JSON, strictly, whatever the charset in Content-Type says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import UnreadablePostError
from rest_framework.parsers import BaseParser

from aviso.exact_json.text import JsonError, parse_json
from aviso.problems import BadRequest

# A record's data may be nested 64 deep; it stands in an object, and that in a list.
MAX_BODY_DEPTH = 66


class StrictJsonParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 (its signature)
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            body = stream.read()
        except UnreadablePostError as exc:
            raise BadRequest("The body broke off") from exc
        _refuse_part(body, parser_context or {})
        try:
            return parse_json(body, max_depth=MAX_BODY_DEPTH)
        except JsonError as exc:
            raise BadRequest(
                f"The body is refused: {exc}", pointer=exc.pointer
            ) from exc


def _refuse_part(body: bytes, context: Mapping[str, Any]) -> None:
    """Refuse a body whose sender went away: what did come may be JSON all the same."""
    request = context.get("request")
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    if declared and declared.isdecimal() and len(body) < int(declared):
        raise BadRequest(
            f"The body broke off after {len(body)} of {int(declared)} bytes"
        )


class MergePatchParser(StrictJsonParser):
    """RFC 7396: a patch is JSON of the same form as what it changes."""

    media_type = "application/merge-patch+json"
