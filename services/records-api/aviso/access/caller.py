"""Who calls, and what they may do.

Read: see a feed's records and events. Write: change them. Manage: create and change
feeds. Grant: let readers in and put them out. Anyone may read a public feed. A private
feed is not there (404) for whoever has no right on it at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin

from aviso.access.models import ApiKey
from aviso.access.tokens import TokenReader

if TYPE_CHECKING:
    from rest_framework.request import Request


class Action(StrEnum):
    READ = "read"
    WRITE = "write"
    MANAGE = "manage"
    GRANT = "grant"


_STAFF_NEEDS = {
    Action.READ: ["aviso.view_record"],
    Action.WRITE: [
        "aviso.add_record",
        "aviso.change_record",
        "aviso.delete_record",
    ],
    Action.MANAGE: ["aviso.add_feed", "aviso.change_feed"],
    Action.GRANT: ["aviso.add_reader", "aviso.change_reader"],
}


@dataclass(frozen=True, slots=True)
class Caller:
    """`scope` names the caller where its Idempotency-Keys are kept; "" is anonymous.

    `shown` is what it showed, for the words of a refusal.
    """

    scope: str = ""
    shown: str = "key"
    actions: frozenset[Action] = frozenset()
    all_feeds: bool = False
    feeds: frozenset[str] = frozenset()

    @property
    def is_anonymous(self) -> bool:
        return not self.scope

    def reaches(self, feed: str) -> bool:
        return self.all_feeds or feed in self.feeds

    def may(self, action: Action, feed: str, *, public: bool) -> bool:
        if action is Action.READ and public:
            return True
        return action in self.actions and self.reaches(feed)

    def sees(self, feed: str, *, public: bool) -> bool:
        """Return whether the feed is there at all for this caller."""
        return public or (bool(self.actions) and self.reaches(feed))


ANONYMOUS = Caller()


def find_caller(request: Request) -> Caller:
    """Return who calls, from what the authentication classes have found."""
    if isinstance(request.auth, ApiKey):
        return _caller_of_key(request.auth)
    if isinstance(request.auth, TokenReader):
        return _caller_of_reader(request.auth)
    if isinstance(request.user, AnonymousUser) or not isinstance(
        request.user, PermissionsMixin
    ):
        return ANONYMOUS
    return _caller_of_user(request.user)


def _caller_of_key(key: ApiKey) -> Caller:
    rights = {
        Action.READ: key.may_read,
        Action.WRITE: key.may_write,
        Action.MANAGE: key.may_manage,
        Action.GRANT: key.may_grant,
    }
    return Caller(
        scope=f"key:{key.id}",
        actions=frozenset(action for action, granted in rights.items() if granted),
        all_feeds=key.all_feeds,
        feeds=frozenset(key.feeds),
    )


def _caller_of_reader(reader: TokenReader) -> Caller:
    """Readers read, whatever the feed is; they never write."""
    return Caller(
        scope=f"reader:{reader.jid}",
        shown="token",
        actions=frozenset([Action.READ]),
        feeds=reader.feeds,
    )


def _caller_of_user(user: PermissionsMixin) -> Caller:
    """Staff may do over REST what the admin site lets them do; others nothing."""
    if not (isinstance(user, AbstractBaseUser) and getattr(user, "is_staff", False)):
        return Caller(scope=f"user:{user.pk}")
    granted = (a for a, needs in _STAFF_NEEDS.items() if user.has_perms(needs))
    return Caller(scope=f"user:{user.pk}", actions=frozenset(granted), all_feeds=True)
