"""Tracked tables on the admin site: made, looked at, backfilled, let go."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from aviso.access.audit import name_person, note_change
from aviso.admin_site.hindrance import SaysHindrance
from aviso.capture.backfilling import ask_backfill, pause_backfill
from aviso.capture.candidates import count_rows, find_declaring_model
from aviso.capture.forms import BackfillForm
from aviso.capture.limited_statements import TableError
from aviso.capture.models import Tracked, TrackedFeed
from aviso.capture.tables import untrack
from aviso.capture.track_pages import TrackPages

_MOST_FEEDS = 20
_TIMEOUT_MS = 20_000
_FIELDSETS: Any = [
    (None, {"fields": ["name", "feeds_linked", "state", "unavailable", "backfill"]}),
    (
        "What is told",
        {
            "fields": [
                *(
                    "columns_named",
                    "where",
                    "key_named",
                    "visibility_said",
                    "not_asked",
                ),
            ]
        },
    ),
    ("Settings", {"fields": ["on_truncate", "max_feeds", "owner", "tracked_at"]}),
]


@admin.register(Tracked)
class TrackedAdmin(SaysHindrance[Tracked], TrackPages):
    list_display = ["name", "feed", "state", "unavailable", "backfill", "tracked_at"]
    ordering = ["schema_name", "table_name"]
    search_fields = ["table_name", "feed"]
    list_per_page = 50
    show_full_result_count = False
    # One at a time, with a page that says what it means.
    actions = None
    change_form_template = "admin/aviso/tracked/change_form.html"
    delete_confirmation_template = "admin/aviso/tracked/untrack.html"
    fieldsets = _FIELDSETS
    readonly_fields = [name for _, options in _FIELDSETS for name in options["fields"]]

    class Media:
        css = {"all": ["aviso/tracked.css"]}

    @admin.display(description="table", ordering="table_name")
    def name(self, table: Tracked) -> str:
        return table.name

    @admin.display(description="state", ordering="problem")
    def state(self, table: Tracked) -> str | SafeString:
        if table.problem is None:
            return "well"
        return format_html('<span class="aviso-problem">{}</span>', table.problem)

    @admin.display(description="backfill")
    def backfill(self, table: Tracked) -> str | SafeString:
        """Say how far it is, of about how many rows."""
        if table.backfilled is None:
            return "not asked for"
        if table.backfilled == "done":
            return f"done, told {table.told:,}"
        rate = table.backfill_rate
        said = (
            f"{table.backfilled}{f' at {rate:,} rows a second' if rate else ''}:"
            f" looked at {table.looked_at:,}, told {table.told:,}"
        )
        rows = count_rows(table.id)
        if not rows:
            return said
        return format_html(
            '{}, of about {} <progress value="{}" max="{}"></progress>',
            said,
            f"{rows:,}",
            min(table.looked_at, rows),
            rows,
        )

    @admin.display(description="feed")
    def feeds_linked(self, table: Tracked) -> str | SafeString:
        """Link its feeds; of many, the first."""
        found = TrackedFeed.objects.filter(tracked=table.id).order_by("feed")
        slugs = found.values_list("feed", flat=True)[:_MOST_FEEDS]
        links = format_html_join(
            ", ",
            '<a href="{}">{}</a>',
            ((reverse("admin:aviso_feed_change", args=[quote(s)]), s) for s in slugs),
        )
        if "{" not in table.feed:
            return links or table.feed
        first = ", the first" if table.feeds > _MOST_FEEDS else ""
        said = f"{table.feed} ({table.feeds:,} feeds{first}:"
        return format_html("{} {})", said, links or "none yet")

    @admin.display(description="columns")
    def columns_named(self, table: Tracked) -> str:
        return ", ".join(table.columns)

    @admin.display(description="key")
    def key_named(self, table: Tracked) -> str:
        return ", ".join(table.key)

    @admin.display(description="visibility")
    def visibility_said(self, table: Tracked) -> str:
        """Say what its feeds are, and what was asked for where that is another."""
        if table.visibility == table.visibility_asked:
            return table.visibility
        return f"{table.visibility} ({table.visibility_asked} was asked for)"

    @admin.display(description="not asked")
    def not_asked(self, table: Tracked) -> str:
        """Say which of the table's own borders its readers do not meet."""
        return "\n".join(f"{sentence}." for sentence in table.unasked) or "nothing"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show it; a POST is about its backfill."""
        if request.method == "POST":
            return self._control_backfill(request, object_id)
        table = self.get_object(request, unquote(object_id))
        pace = {"rate": table.backfill_rate if table else None}
        context = {**(extra_context or {}), "backfill_form": BackfillForm(initial=pace)}
        return super().change_view(request, object_id, form_url, context)

    def _control_backfill(self, request: HttpRequest, object_id: str) -> HttpResponse:
        table = self.get_object(request, unquote(object_id))
        if not self.has_change_permission(request, table):
            raise PermissionDenied
        if table is None:
            missing: Any = self._get_obj_does_not_exist_redirect  # type: ignore[attr-defined]
            return missing(request, self.opts, object_id)  # type: ignore[no-any-return]
        form = BackfillForm(request.POST)
        try:
            if not form.is_valid():
                raise TableError(f"rows a second: {form.errors['rate'][0]}")
            if "_pause" in request.POST:
                pause_backfill(table.relation, timeout_ms=_TIMEOUT_MS)
                done = "paused"
            else:
                ask_backfill(
                    table.relation,
                    rate=form.cleaned_data["rate"],
                    starts_over="_again" in request.POST,
                    timeout_ms=_TIMEOUT_MS,
                )
                done = "running: the relay does it"
        except TableError as exc:
            self.message_user(request, f"Not done: {exc}", messages.ERROR)
        else:
            self.log_change(request, table, f"backfill {done}")
            self.message_user(request, f"The backfill is {done}.", messages.SUCCESS)
        return HttpResponseRedirect(request.path)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        table = self.get_object(request, unquote(object_id))
        try:
            context = {
                **(extra_context or {}),
                "title": "Untrack",
                "declared_by": find_declaring_model(table.relation) if table else None,
            }
            return super().delete_view(request, object_id, context)
        except TableError as exc:
            self.message_user(request, f"Not untracked: {exc}", messages.ERROR)
            page = reverse("admin:aviso_tracked_change", args=[object_id])
            return HttpResponseRedirect(page)

    def delete_model(self, request: HttpRequest, obj: Tracked) -> None:
        """Raises TableError."""
        untrack(obj.relation, timeout_ms=_TIMEOUT_MS)
        note_change(
            "table untracked", by=name_person(request), table=obj.name, feed=obj.feed
        )

    def response_delete(
        self,
        request: HttpRequest,
        obj_display: str,
        obj_id: int,  # noqa: ARG002 (its signature)
    ) -> HttpResponse:
        self.message_user(
            request, f"Nothing more is told of {obj_display}.", messages.SUCCESS
        )
        return self.response_post_save_change(request, Tracked())

    def get_deleted_objects(
        self,
        objs: Any,  # noqa: ARG002 (its signature)
        request: HttpRequest,  # noqa: ARG002
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name nothing: the feed, its events and the table's rows stay."""
        return [], {}, set(), []
