"""Request bodies: JSON, strictly, whatever the charset in Content-Type says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import UnreadablePostError
from rest_framework.parsers import BaseParser

from rest.json_text import JsonError, parse_json
from rest.problems import BadRequest, show

# A record's data may be nested 64 deep; it stands in an object, and that in a list.
MAX_BODY_DEPTH = 66


class StrictJsonParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 (its signature)
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 (its signature)
    ) -> Any:
        try:
            body = stream.read()
        except UnreadablePostError as exc:
            raise BadRequest("The body broke off") from exc
        try:
            return parse_json(body, max_depth=MAX_BODY_DEPTH)
        except JsonError as exc:
            raise BadRequest(
                f"The body is refused: {exc}", pointer=exc.pointer
            ) from exc


class MergePatchParser(StrictJsonParser):
    """RFC 7396: a patch is JSON of the same form as what it changes."""

    media_type = "application/merge-patch+json"


def take_members(
    body: object, allowed: set[str], where: str = "", index: int | None = None
) -> dict[str, Any]:
    """Return the body if it is an object of these members only, else raise BadRequest.

    `where` is the JSON pointer of `body` in the whole request.
    """
    if not isinstance(body, dict):
        name = "The body" if index is None else f"The record at {index}"
        raise BadRequest(
            f"{name} is {describe(body)}, expected an object with {_list(allowed)}",
            pointer=where,
            index=index,
        )
    for name in body:
        if name not in allowed:
            raise BadRequest(
                f"{show(name)} is no member here, expected {_list(allowed)}",
                pointer=f"{where}/{name.replace('~', '~0').replace('/', '~1')}",
                index=index,
            )
    return body


def describe(value: object) -> str:
    """Name the JSON type of a value, and the value where it is short."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return f"the string {show(value)}"
        case _:
            return show(value)


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))
