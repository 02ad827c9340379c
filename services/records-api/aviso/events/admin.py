"""Events on the admin site: to be looked at, never to be touched."""

from __future__ import annotations

import re

from django.contrib import admin
from django.db.models import F, IntegerField, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import OuterRef
from django.db.models.functions import Coalesce, Left
from django.http import HttpRequest

from aviso.admin_site.hindrance import SaysHindrance
from aviso.admin_site.pages import BigTableAdmin
from aviso.events.models import Event, OutboxFeed, Place, QueuedChangeset
from aviso.feeds.models import Feed
from aviso.names.slugs import is_slug

_KEY = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")
# Of a feed that is searched for, so many of the newest changesets are shown.
_MOST_CHANGESETS = 1_000
_MOST_KEY_CHARS = 80


@admin.register(Event)
class EventAdmin(BigTableAdmin[Event]):
    list_display = ["key", "feed", "sequence", "type", "about", "reader", "time"]
    list_filter = ["type"]
    ordering = ["-changeset", "-place"]
    search_fields = ["subject"]
    search_help_text = (
        "A feed, a feed and a sequence, or the id of a record that was created."
    )
    fields = [
        "key", "id", "feed", "sequence", "type", "subject", "reader", "time",
        "traceparent", "data",
    ]  # fmt: skip

    @admin.display(description="subject")
    def about(self, event: Event) -> str:
        """Shorten a key to what a line of the list has room for."""
        key = event.subject or ""
        return key if len(key) <= _MOST_KEY_CHARS else f"{key[:_MOST_KEY_CHARS]}…"

    def get_object(
        self,
        request: HttpRequest,  # noqa: ARG002 (its signature)
        object_id: str,
        from_field: str | None = None,  # noqa: ARG002 (its signature)
    ) -> Event | None:
        """Find by changeset and place: the log's own key."""
        found = _KEY.fullmatch(object_id)
        if not found:
            return None
        return Event.objects.filter(changeset=found[1], place=found[2]).first()

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 (its signature)
        queryset: QuerySet[Event],
        search_term: str,
    ) -> tuple[QuerySet[Event], bool]:
        """Find by what has an index."""
        words = search_term.split()
        if not words:
            return queryset, False
        found = _find_in_feed(queryset, words)
        if found is None:
            found = _find_key(queryset, search_term.strip())
        return found, False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False


@admin.register(OutboxFeed)
class OutboxAdmin(SaysHindrance[OutboxFeed], BigTableAdmin[OutboxFeed]):
    """What each feed waits for: the relay, which numbers, or the broker's confirm."""

    list_display = ["feed", "published", "sequence", "unnumbered"]
    search_fields = ["feed__slug"]
    fields = ["feed", "published", "sequence", "unnumbered"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxFeed]:
        sizes = QueuedChangeset.objects.filter(feed=OuterRef("feed_id"))
        total = sizes.order_by().values("feed").annotate(total=Sum("size"))
        unnumbered = Subquery(total.values("total"), output_field=IntegerField())
        rows = super().get_queryset(request).annotate(waiting=Coalesce(unnumbered, 0))
        return rows.filter(Q(sequence__gt=F("published")) | Q(waiting__gt=0))

    @admin.display(description="without a sequence")
    def unnumbered(self, feed: OutboxFeed) -> int:
        return int(feed.waiting)  # type: ignore[attr-defined]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False


def _find_key(queryset: QuerySet[Event], key: str) -> QuerySet[Event]:
    """Find by the index on what was created, which has a key's beginning."""
    start = Left("subject", 600)
    created = queryset.filter(type="created").alias(start=start)
    return created.filter(start=key[:600], subject=key)


def _find_in_feed(
    queryset: QuerySet[Event], words: list[str]
) -> QuerySet[Event] | None:
    """Find what is in a feed; None where the words name none."""
    if not is_slug(words[0]) or not Feed.objects.filter(slug=words[0]).exists():
        return None
    match words:
        case [feed]:
            newest = Place.objects.filter(feed=feed).order_by("-first")
            changesets = newest.values_list("changeset", flat=True)[:_MOST_CHANGESETS]
            return queryset.filter(changeset__in=list(changesets))
        case [feed, text] if text.isdecimal() and len(text) < 19:
            sequence = int(text)
            before = Place.objects.filter(feed=feed, first__lte=sequence)
            place = before.order_by("-first").first()
            if place is None or place.last < sequence:
                return queryset.none()
            return queryset.filter(
                changeset=place.changeset, place=sequence - place.first + 1
            )
        case _:
            return None
