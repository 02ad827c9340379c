"""Read the body of a write: what is to be stored, before it is."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from aviso.exact_json.numbers import write_json
from aviso.exact_json.text import JsonError, check_depth
from aviso.problems import BadRequest, show
from aviso.rest.members import describe, take_members

MAX_DEPTH = 64
MAX_RECORDS = 1000
_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be. The client made an `own_id`; without a list `index` is None."""

    id: uuid.UUID
    own_id: bool
    data: dict[str, Any]
    index: int | None

    @property
    def pointer(self) -> str:
        return "" if self.index is None else f"/{self.index}"

    @property
    def data_text(self) -> str:
        return write_data(self.data)


def write_data(data: dict[str, Any]) -> str:
    return write_json(data, ensure_ascii=False, separators=(",", ":"))


def read_drafts(body: object) -> list[Draft]:
    """Read one {"data": …, "id"?: …}, or a list of them."""
    if not isinstance(body, list):
        return [_read_draft(body, "", None)]
    if not 1 <= len(body) <= MAX_RECORDS:
        raise BadRequest(
            f"The list has {len(body)} records, expected 1 to {MAX_RECORDS}", pointer=""
        )
    drafts = [_read_draft(item, f"/{index}", index) for index, item in enumerate(body)]
    _check_ids_differ(drafts)
    return drafts


def read_data(body: object) -> dict[str, Any]:
    """Read {"data": …}, with which a record is changed."""
    return _read_data(take_members(body, {"data"}), "", None)


def _read_draft(item: object, where: str, index: int | None) -> Draft:
    members = take_members(item, {"data", "id"}, where, index)
    data = _read_data(members, where, index)
    if "id" not in members:
        return Draft(uuid.uuid4(), own_id=False, data=data, index=index)
    given = members["id"]
    if not isinstance(given, str) or not _UUID.fullmatch(given):
        raise BadRequest(
            f"id is {describe(given)}, expected a UUID such as {uuid.UUID(int=1)}",
            pointer=f"{where}/id",
            index=index,
        )
    return Draft(uuid.UUID(given), own_id=True, data=data, index=index)


def _read_data(
    members: dict[str, Any], where: str, index: int | None
) -> dict[str, Any]:
    pointer = f"{where}/data"
    if "data" not in members:
        raise BadRequest("data is missing", pointer=pointer, index=index)
    data = members["data"]
    if not isinstance(data, dict):
        raise BadRequest(
            f"data is {describe(data)}, expected an object",
            pointer=pointer,
            index=index,
        )
    try:
        check_depth(data, MAX_DEPTH)
    except JsonError as exc:
        raise BadRequest(
            f"data is {exc}", pointer=f"{pointer}{exc.pointer}", index=index
        ) from exc
    return data


def _check_ids_differ(drafts: list[Draft]) -> None:
    seen: dict[uuid.UUID, int] = {}
    for index, draft in enumerate(drafts):
        first = seen.setdefault(draft.id, index)
        if first != index:
            raise BadRequest(
                f"id {show(str(draft.id))} stands at {first} and again at {index}",
                pointer=f"/{index}/id",
                index=index,
            )
