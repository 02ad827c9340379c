"""A line in the log for each change of who may do what; never the key itself.

It goes to standard error, since `create_key` prints the key and nothing else.
"""

from __future__ import annotations

import logging

from django.http import HttpRequest

from access.models import ApiKey
from rest.addresses import address_of

BY_COMMAND = "command"
logger = logging.getLogger("aviso.audit")


def note_change(change: str, key: ApiKey, *, by: str, **facts: object) -> None:
    """Write down that `by` did this to the key; `facts` say what it is now."""
    about = {"change": change, "key_id": key.id, "key_name": key.name, "by": by}
    logger.info("access changed", extra={**about, **facts})


def describe_rights(key: ApiKey) -> dict[str, object]:
    rights = {"read": key.may_read, "write": key.may_write, "manage": key.may_manage}
    return {
        "feeds": "all" if key.all_feeds else key.feeds,
        "may": [action for action, granted in rights.items() if granted],
        "expires_at": key.expires_at,
    }


def name_person(request: HttpRequest) -> str:
    return f"admin {request.user.get_username()} from {address_of(request)}"
