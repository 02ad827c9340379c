"""API keys on the admin site: the key itself is shown once, when it is made."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from aviso.access.audit import describe_rights, name_person, note_key
from aviso.access.keys import give_secret, revoke_key
from aviso.access.models import ApiKey
from aviso.admin_site.forms import SeenAdmin, SeenForm
from aviso.admin_site.pages import DefaultsByDatabaseAdmin


class ApiKeyForm(SeenForm[ApiKey]):
    class Meta:
        model = ApiKey
        fields = [
            "name",
            "all_feeds",
            "feeds",
            "may_read",
            "may_write",
            "may_manage",
            "may_grant",
            "expires_at",
        ]

    seen_columns = [*Meta.fields, "revoked_at"]


@admin.register(ApiKey)
class ApiKeyAdmin(SeenAdmin[ApiKey], DefaultsByDatabaseAdmin[ApiKey]):
    form = ApiKeyForm
    list_display = [
        "name",
        "id",
        "scope",
        "may_read",
        "may_write",
        "may_manage",
        "may_grant",
        "expires_at",
        "revoked_at",
        "last_used_at",
    ]
    list_filter = ["may_write", "may_manage", "may_grant"]
    search_fields = ["name", "id"]
    ordering = ["-created_at"]
    actions = ["revoke"]
    fields = [
        "id",
        "name",
        "all_feeds",
        "feeds",
        ("may_read", "may_write", "may_manage", "may_grant"),
        "expires_at",
        "revoked_at",
        "created_at",
        "last_used_at",
        "seen",
    ]
    readonly_fields = ["id", "revoked_at", "created_at", "last_used_at"]

    @admin.display(description="feeds")
    def scope(self, key: ApiKey) -> str:
        return "all" if key.all_feeds else ", ".join(key.feeds)

    @admin.action(description="Revoke the selected keys")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        by = name_person(request)
        count = sum(revoke_key(key.id, by=by) for key in queryset)
        self.message_user(request, f"{count} keys revoked.")

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: Any, change: bool
    ) -> None:
        if not change:
            # For response_add alone; it is stored nowhere.
            request.META["aviso.new_key"] = give_secret(obj)
        super().save_model(request, obj, form, change)
        note_key(
            "changed" if change else "made",
            obj,
            by=name_person(request),
            **describe_rights(obj),
        )

    def response_add(
        self,
        request: HttpRequest,
        obj: ApiKey,
        post_url_continue: str | None = None,  # noqa: ARG002 (its signature)
    ) -> HttpResponse:
        """Show the key in this answer: a message would pass through a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": "API key",
            "key": request.META["aviso.new_key"],
            "object": obj,
            "opts": self.opts,
        }
        response = TemplateResponse(request, "admin/aviso/apikey/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        """Say no: a revoked key tells who had one."""
        return False
