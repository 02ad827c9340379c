"""Events on the admin site: to be looked at, never to be touched."""

from __future__ import annotations

import re
import uuid

from django.contrib import admin
from django.db.models import F, IntegerField, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import OuterRef
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from aviso.admin_site.pages import BigTableAdmin
from aviso.events.models import Event, OutboxFeed, Place, QueuedChangeset
from aviso.names.slugs import is_slug

_KEY = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")
# Of a feed that is searched for, so many of the newest changesets are shown.
_MOST_CHANGESETS = 1_000


@admin.register(Event)
class EventAdmin(BigTableAdmin[Event]):
    list_display = ["key", "feed", "sequence", "type", "subject", "reader", "time"]
    list_filter = ["type"]
    ordering = ["-changeset", "-place"]
    search_fields = ["subject"]
    search_help_text = (
        "The id of a record that was created, a feed, or a feed and a sequence."
    )
    fields = [
        "key", "id", "feed", "sequence", "type", "subject", "reader", "time",
        "traceparent", "data",
    ]  # fmt: skip

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
        try:
            key = uuid.UUID(words[0])
        except ValueError:
            return _find_in_feed(queryset, words), False
        return queryset.filter(type="created", subject=str(key)), False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False


@admin.register(OutboxFeed)
class OutboxAdmin(BigTableAdmin[OutboxFeed]):
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


def _find_in_feed(queryset: QuerySet[Event], words: list[str]) -> QuerySet[Event]:
    match words:
        case [feed] if is_slug(feed):
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
            return queryset.none()
