"""Tells browsers about new rows: what a Django project uses of it.

    @aviso.feed("orders", fields=["id", "status"])   a model's rows are a feed's records
    aviso.publish("orders", {...})                   an event that has no row
    aviso.grant(user, "orders"), aviso.revoke(...)   who may read a private feed
    aviso.feed_name("orders-{tenant}", tenant)       the feed of a value
    aviso.reader_token(user), aviso.token_view       a user's ticket for <record-feed>
    aviso.testing.captured()                         what a test's writes told

Nothing is loaded before it is asked for: settings import this package too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aviso import testing
    from aviso.events.publishing import publish
    from aviso.feeds.naming import feed_name
    from aviso.readers.user_views import token_view
    from aviso.readers.users import grant, reader_token, revoke
    from aviso.tracking.declaring import feed

__all__ = [
    "feed",
    "feed_name",
    "grant",
    "publish",
    "reader_token",
    "revoke",
    "testing",
    "token_view",
]
_PLACES = {
    "feed": "aviso.tracking.declaring",
    "feed_name": "aviso.feeds.naming",
    "publish": "aviso.events.publishing",
    "grant": "aviso.readers.users",
    "revoke": "aviso.readers.users",
    "reader_token": "aviso.readers.users",
    "token_view": "aviso.readers.user_views",
}


def __getattr__(name: str) -> Any:
    if name == "testing":
        return import_module("aviso.testing")
    if name not in _PLACES:
        raise AttributeError(f"module 'aviso' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
