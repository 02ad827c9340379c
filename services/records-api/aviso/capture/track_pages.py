"""The pages that make a table a feed: choose it, say what is told, look at that first.

Nothing is attached before the page that shows what would be sent has been seen, with
just what it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from aviso.access.audit import name_person, note_change
from aviso.capture.candidates import Description, describe, list_candidates
from aviso.capture.cautions import find_cautions
from aviso.capture.forms import TrackForm
from aviso.capture.limited_statements import SlowError, TableError
from aviso.capture.models import Tracked
from aviso.capture.tables import Survey, Wish, preview, survey, track

# Django's class takes no type argument at run time.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Tracked]
else:
    ModelAdmin = admin.ModelAdmin

_MOST_TABLES = 200
_MOST_FEEDS = 20
_LOOK_TIMEOUT_MS = 5_000
_TRACK_TIMEOUT_MS = 20_000
_SALT = "aviso.capture.track_pages"
_SEEN_FOR_S = 3600
_FIELDSETS = [
    (None, {"fields": ["columns", "feed", "where", "visibility"]}),
    (
        "More",
        {"fields": ["on_truncate", "max_feeds"], "classes": ["collapse"]},
    ),
]


class TrackPages(ModelAdmin):
    """`add/` lists tables; `add/?table=` has the form, and then the preview."""

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002 (its signature)
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        name = request.GET.get("table")
        if name is None:
            return self._show_tables(request)
        try:
            table = describe(name)
        except TableError as exc:
            self.message_user(request, f"{exc}.", messages.ERROR)
            return HttpResponseRedirect(request.path)
        if request.method == "POST":
            return self._take_form(request, table)
        initial = _read_tracked(_find_tracked(table))
        return self._show_form(request, table, _make_form(table, initial=initial))

    def _show_tables(self, request: HttpRequest) -> HttpResponse:
        search = request.GET.get("q", "").strip().replace("\x00", "")
        try:
            found = list_candidates(search, _MOST_TABLES + 1)
        except TableError as exc:
            self.message_user(request, f"{exc}.", messages.ERROR)
            found = []
        return self._answer(
            request,
            "choose",
            title="Choose a table to track",
            tables=found[:_MOST_TABLES],
            is_all=len(found) <= _MOST_TABLES,
            most=_MOST_TABLES,
            search=search,
        )

    def _take_form(self, request: HttpRequest, table: Description) -> HttpResponse:
        form = _make_form(table, data=request.POST)
        if table.tracked and not self.has_delete_permission(request):
            form.add_error(
                None,
                f"{table.name} is tracked. To track it anew, you need the permission to"
                " delete tracked tables.",
            )
        if not form.is_valid() or "_change" in request.POST:
            return self._show_form(request, table, form)
        wish = form.read_wish()
        try:
            if "_track" in request.POST and _was_seen(request, wish):
                return self._track(request, table, wish)
            return self._show_preview(request, table, form, wish)
        except TableError as exc:
            form.refuse(exc)
            return self._show_form(request, table, form)

    def _show_form(
        self, request: HttpRequest, table: Description, form: TrackForm
    ) -> HttpResponse:
        return self._answer(
            request,
            "track",
            title=f"Track {table.name}",
            # It takes any form.
            adminform=AdminForm(form, _FIELDSETS, {}),  # type: ignore[arg-type]
            errors=form.errors,
            table=table,
            add=True,
        )

    def _show_preview(
        self, request: HttpRequest, table: Description, form: TrackForm, wish: Wish
    ) -> HttpResponse:
        """Raises TableError."""
        rows = preview(wish, timeout_ms=_LOOK_TIMEOUT_MS)
        counted: Survey | None
        try:
            counted = survey(wish, timeout_ms=_LOOK_TIMEOUT_MS)
        except SlowError:
            counted = None
        if "_track" in request.POST:
            self.message_user(
                request,
                "Nothing is tracked yet: this is not what you were shown.",
                messages.WARNING,
            )
        return self._answer(
            request,
            "preview",
            title=f"Track {table.name}: what would be sent",
            table=table,
            wish=wish,
            rows=rows,
            survey=counted,
            feeds=counted.feeds[:_MOST_FEEDS] if counted else [],
            cautions=find_cautions(wish, counted, _find_tracked(table)),
            fields=[field.as_hidden() for field in form],
            seen=signing.dumps(_describe(request, wish), salt=_SALT),
        )

    def _track(
        self, request: HttpRequest, table: Description, wish: Wish
    ) -> HttpResponse:
        """Raises TableError."""
        with transaction.atomic():
            made = Tracked.objects.get(id=track(wish, timeout_ms=_TRACK_TIMEOUT_MS))
            self.log_addition(request, made, f"tracked: {', '.join(wish.columns)}")
        note_change(
            "table tracked",
            by=name_person(request),
            table=table.name,
            feed=wish.feed,
            columns=list(wish.columns),
            visibility=wish.visibility,
        )
        self.message_user(
            request, f"{table.name} is tracked as {wish.feed}.", messages.SUCCESS
        )
        if not self.has_view_or_change_permission(request, made):
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(
            reverse("admin:aviso_tracked_change", args=[made.id])
        )

    def _answer(self, request: HttpRequest, page: str, **context: Any) -> HttpResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            f"admin/aviso/tracked/{page}.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "media": self.media,
                "has_view_permission": self.has_view_or_change_permission(request),
                **context,
            },
        )


def _make_form(table: Description, **options: Any) -> TrackForm:
    return TrackForm(table=table.name, columns=table.columns, **options)


def _find_tracked(table: Description) -> Tracked | None:
    return Tracked.objects.filter(id=table.tracked).first() if table.tracked else None


def _read_tracked(tracked: Tracked | None) -> dict[str, Any]:
    """Return what a form to track a table anew begins with."""
    if tracked is None:
        return {}
    names = ["columns", "feed", "where", "visibility", "on_truncate", "max_feeds"]
    said = {name: getattr(tracked, name) for name in names}
    if tracked.visibility == "mixed":
        said["visibility"] = tracked.visibility_asked
    return said


def _describe(request: HttpRequest, wish: Wish) -> dict[str, Any]:
    return {**wish.values, "by": str(request.user.pk)}


def _was_seen(request: HttpRequest, wish: Wish) -> bool:
    """Return whether this person was shown just this, not long ago."""
    seen = request.POST.get("seen", "")
    try:
        shown = signing.loads(seen, salt=_SALT, max_age=_SEEN_FOR_S)
    except signing.BadSignature:
        return False
    return bool(shown == _describe(request, wish))
