"""Events on the admin site: to be looked at, never to be touched."""

from __future__ import annotations

import uuid

from django.contrib import admin
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest

from aviso.events.models import Event, OutboxEvent
from aviso.feeds.models import is_slug
from aviso.rest.admin_pages import BigTableAdmin


@admin.register(Event)
class EventAdmin(BigTableAdmin[Event]):
    list_display = [
        "number",
        "feed",
        "sequence",
        "type",
        "subject",
        "record_version",
        "reader",
        "time",
        "published_at",
    ]
    list_filter = ["type", "feed"]
    ordering = ["-number"]
    search_fields = ["id"]
    search_help_text = "An event's or a record's id, a feed, or a feed and a sequence."
    fields = [
        "number",
        "id",
        "feed",
        "sequence",
        "type",
        "subject",
        "record_version",
        "record_created_at",
        "record_updated_at",
        "reader",
        "time",
        "published_at",
        "traceparent",
        "record_text",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        rows = super().get_queryset(request).defer("record_data")
        return rows.annotate(text=Cast("record_data", TextField()))

    @admin.display(description="record data")
    def record_text(self, event: Event) -> str:
        return event.text or "-"  # type: ignore[attr-defined]

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
        return queryset.filter(subject=key) | queryset.filter(id=key), False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        return False


@admin.register(OutboxEvent)
class OutboxEventAdmin(EventAdmin):
    """The oldest first: that is the one the others wait for."""

    ordering = ["number"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).filter(published_at=None)


def _find_in_feed(queryset: QuerySet[Event], words: list[str]) -> QuerySet[Event]:
    match words:
        case [feed] if is_slug(feed):
            return queryset.filter(feed=feed)
        case [feed, sequence] if sequence.isdecimal() and len(sequence) < 19:
            return queryset.filter(feed=feed, sequence=int(sequence))
        case _:
            return queryset.none()
