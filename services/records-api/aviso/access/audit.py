"""A line in the log for each change of who may do what; never the key itself.

It goes to standard error, since `create_key` prints the key and nothing else.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.http import HttpRequest

from aviso.access.addresses import address_of
from aviso.access.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.request import Request

BY_COMMAND = "command"
logger = logging.getLogger("aviso.audit")


def note_change(change: str, *, by: str, **facts: object) -> None:
    """Write down that `by` did this; `facts` say to what, and what it is now."""
    logger.info("access changed", extra={"change": change, "by": by, **facts})


def note_key(change: str, key: ApiKey, *, by: str, **facts: object) -> None:
    note_change(change, by=by, key_id=key.id, key_name=key.name, **facts)


def describe_rights(key: ApiKey) -> dict[str, object]:
    rights = {
        "read": key.may_read,
        "write": key.may_write,
        "manage": key.may_manage,
        "grant": key.may_grant,
    }
    return {
        "feeds": "all" if key.all_feeds else key.feeds,
        "may": [action for action, granted in rights.items() if granted],
        "expires_at": key.expires_at,
    }


def name_caller(request: Request) -> str:
    """Name who called over REST: a key, or a person logged in to the admin site."""
    if isinstance(request.auth, ApiKey):
        return f"key {request.auth.id} from {address_of(request)}"
    return name_person(request)


def name_person(request: HttpRequest | Request) -> str:
    return f"admin {request.user.get_username()} from {address_of(request)}"
