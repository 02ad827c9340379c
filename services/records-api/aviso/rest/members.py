"""The members of a JSON body: those that are wanted, and no others."""

from __future__ import annotations

from typing import Any

from aviso.problems import BadRequest, show


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
