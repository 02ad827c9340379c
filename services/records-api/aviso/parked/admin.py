"""Parked events on the admin site: seen, sent again, dropped; never edited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from aviso.parked.deciding import drop, send_again
from aviso.parked.errors import ParkedError
from aviso.parked.models import ParkedEvent
from aviso.parked.rendering import show_body

# Django's class takes no type argument at run time.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[ParkedEvent]
else:
    ModelAdmin = admin.ModelAdmin


@admin.register(ParkedEvent)
class ParkedEventAdmin(ModelAdmin):
    list_display = [
        "parked_at", "state", "feed", "sequence", "cause", "detail", "parked_by",
        "handled_by",
    ]  # fmt: skip
    list_filter = ["state", "cause", "parked_by", "feed"]
    search_fields = ["feed", "event_id", "detail"]
    actions = ["send_again", "drop"]
    fields = (
        "parked_at", "cause", "detail", "parked_by", "feed", "event_id", "sequence",
        "state", "handled_at", "handled_by", "sent_as", "routing_key", "message_id",
        "content_type", "headers", "fingerprint", "shown_body",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ParkedEvent]:
        # A page of bodies could be any size.
        return super().get_queryset(request).defer("body", "headers")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: ParkedEvent | None = None,  # noqa: ARG002
    ) -> bool:
        return False

    @admin.display(description="body")
    def shown_body(self, parked: ParkedEvent) -> SafeString:
        return format_html("<pre>{}</pre>", show_body(bytes(parked.body)))

    @admin.action(description="Send again", permissions=["change"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[ParkedEvent]) -> None:
        self._handle_each(request, chosen, send_again, "will be sent again")

    @admin.action(description="Drop", permissions=["change"])
    def drop(self, request: HttpRequest, chosen: QuerySet[ParkedEvent]) -> None:
        self._handle_each(request, chosen, drop, "dropped")

    def _handle_each(
        self,
        request: HttpRequest,
        chosen: QuerySet[ParkedEvent],
        handle: Callable[..., ParkedEvent],
        done: str,
    ) -> None:
        ids: list[UUID] = list(chosen.values_list("pk", flat=True))
        handled = 0
        for parked_id in ids:
            try:
                parked = handle(parked_id=parked_id, by=request.user.get_username())
            except ParkedError as exc:
                self.message_user(request, str(exc), messages.WARNING)
                continue
            handled += 1
            self.log_change(request, parked, f"{done}, state {parked.state}")
        if handled:
            self.message_user(request, f"{handled} {done}.", messages.SUCCESS)
