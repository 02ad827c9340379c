"""Feeds on the admin site."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from aviso.access.audit import name_person, note_change
from aviso.admin_site.forms import SeenAdmin, SeenForm
from aviso.admin_site.hindrance import SaysHindrance
from aviso.admin_site.pages import DefaultsByDatabaseAdmin, JsonTextField
from aviso.exact_json.numbers import write_json
from aviso.feeds.bodies import MAX_SCHEMA_BYTES, MAX_TITLE_CHARS
from aviso.feeds.models import Feed


class FeedForm(SeenForm[Feed]):
    seen_columns = ["title", "visibility", "schema"]
    slug = forms.CharField(max_length=64, help_text="a-z, 0-9 and the hyphen.")
    title = forms.CharField(max_length=MAX_TITLE_CHARS, required=False)
    schema = JsonTextField(
        required=False,
        help_text="A JSON Schema (2020-12) for the records written from now on.",
    )

    class Meta:
        model = Feed
        fields = ["slug", "title", "visibility", "schema"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.schema is not None:
            self.initial["schema"] = write_json(self.instance.schema, indent=2)

    def clean_schema(self) -> object:
        schema = self.cleaned_data["schema"]
        if schema is None:
            return None
        try:
            from aviso.feeds.json_schemas import SchemaRefused, check_schema
        except ImportError as exc:
            raise forms.ValidationError(
                "A schema needs the REST service's libraries: django-aviso[rest]."
            ) from exc
        try:
            check_schema(schema)
        except SchemaRefused as exc:
            raise forms.ValidationError(str(exc)) from exc
        # PostgreSQL writes a space after each colon and comma, as Python does.
        if len(write_json(schema, ensure_ascii=False).encode()) > MAX_SCHEMA_BYTES:
            raise forms.ValidationError(f"Larger than {MAX_SCHEMA_BYTES} bytes.")
        return schema


@admin.register(Feed)
class FeedAdmin(SaysHindrance[Feed], SeenAdmin[Feed], DefaultsByDatabaseAdmin[Feed]):
    form = FeedForm
    list_display = ["slug", "title", "visibility", "newest", "epoch", "announced_at"]
    list_filter = ["visibility"]
    list_select_related = ["head"]
    search_fields = ["slug", "title"]
    readonly_fields = ["epoch", "created_at", "announced_at"]

    def save_model(
        self, request: HttpRequest, obj: Feed, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if change and "visibility" in form.changed_data:
            note_change(
                f"made {obj.visibility}", by=name_person(request), feed=obj.slug
            )

    @admin.display(description="head")
    def newest(self, feed: Feed) -> int:
        return feed.head.sequence

    def get_readonly_fields(
        self, request: HttpRequest, obj: Feed | None = None
    ) -> list[str]:
        own = ["slug"] if obj else []
        return [*own, *super().get_readonly_fields(request, obj)]

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        """Say no: a feed's sequence is for ever."""
        return False
