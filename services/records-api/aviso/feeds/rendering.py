"""Feeds and their heads as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from aviso.conf import conf
from aviso.exact_json.times import format_time
from aviso.feeds.models import Feed


@dataclass(frozen=True, slots=True)
class FeedRow:
    slug: str
    title: str
    visibility: str
    schema_text: str | None
    epoch: str
    head: int
    created_at: datetime
    table_text: str | None = None
    """What is said of the table that the feed shows, as JSON; None: it has records."""
    table_name: str | None = None

    @property
    def is_public(self) -> bool:
        return self.visibility == Feed.Visibility.PUBLIC


@dataclass(frozen=True, slots=True)
class FeedHeadRow:
    slug: str
    epoch: str
    head: int


def render_head(head: FeedHeadRow) -> str:
    return f'{{"slug":"{head.slug}","epoch":"{head.epoch}","head":{head.head}}}'


def render_feed(feed: FeedRow) -> str:
    return (
        f'{{"slug":"{feed.slug}","title":{json.dumps(feed.title)},'
        f'"visibility":"{feed.visibility}","schema":{feed.schema_text or "null"},'
        f'"room":"{feed.slug}@{conf.xmpp_rooms_domain}","epoch":"{feed.epoch}",'
        f'"head":{feed.head},"created_at":"{format_time(feed.created_at)}",'
        f'"table":{feed.table_text or "null"}}}'
    )
