"""Records on the admin site: plain ORM, the triggers do the rest."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Left
from django.http import HttpRequest

from aviso.admin_site.forms import SeenAdmin, SeenForm
from aviso.admin_site.pages import BigTableAdmin, JsonTextField
from aviso.feeds.reading import find_feed
from aviso.names.slugs import is_slug
from aviso.records.bodies import write_data
from aviso.records.models import Record
from aviso.records.writing.constraints import MAX_DATA_BYTES

_PREVIEW_CHARS = 120


class RecordForm(SeenForm[Record]):
    """Shows the database's own text of the data: Python could not read all of it."""

    seen_columns = ["version"]
    columns_of = {"text": "data"}
    text = JsonTextField(label="Data")

    class Meta:
        model = Record
        fields = ["feed"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and hasattr(self.instance, "data_text"):
            self.initial["text"] = self.instance.data_text

    def clean_text(self) -> dict[str, Any]:
        data = self.cleaned_data["text"]
        if not isinstance(data, dict):
            raise forms.ValidationError("Data is a JSON object.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT octet_length(%s::jsonb::text)", [write_data(data)])
            if cursor.fetchone()[0] > MAX_DATA_BYTES:
                raise forms.ValidationError(
                    f"Larger than {MAX_DATA_BYTES} bytes as stored."
                )
        return data

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        slug = cleaned["feed"].slug if "feed" in cleaned else self.instance.feed_id
        feed = find_feed(slug) if slug else None
        if feed and feed.table_name is not None:
            raise forms.ValidationError(
                f"The records of {feed.slug} are the rows of the table"
                f" {feed.table_name}: write there."
            )
        if feed and feed.schema_text and "text" in cleaned:
            # Not above: commands and the relay start quicker without it.
            from aviso.feeds.json_schemas import RecordRefused, check_all_data

            try:
                check_all_data([cleaned["text"]], feed.schema_text)
            except RecordRefused as exc:
                self.add_error("text", f"The feed's schema: {exc} {exc.pointer}")
        return cleaned

    def save(self, commit: bool = True) -> Record:
        self.instance.data = self.cleaned_data["text"]
        return super().save(commit)


@admin.register(Record)
class RecordAdmin(SeenAdmin[Record], BigTableAdmin[Record]):
    form = RecordForm
    list_display = ["id", "feed", "version", "preview", "created_at", "updated_at"]
    list_filter = ["feed"]
    ordering = ["-number"]
    search_fields = ["id"]
    search_help_text = "A record's id, or a feed."
    readonly_fields = ["id", "number", "version", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Record]:
        text = Cast("data", TextField())
        rows = super().get_queryset(request).defer("data")
        return rows.annotate(data_text=text, shown=Left(text, _PREVIEW_CHARS))

    @admin.display(description="data")
    def preview(self, record: Record) -> str:
        return str(record.shown)  # type: ignore[attr-defined]

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 (its signature)
        queryset: QuerySet[Record],
        search_term: str,
    ) -> tuple[QuerySet[Record], bool]:
        """Find by what has an index: an id or a feed."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(pk=uuid.UUID(term)), False
        except ValueError:
            found = queryset.filter(feed=term) if is_slug(term) else queryset.none()
            return found, False

    def get_readonly_fields(
        self, request: HttpRequest, obj: Record | None = None
    ) -> list[str]:
        own = ["feed"] if obj else []
        return [*own, *super().get_readonly_fields(request, obj)]
