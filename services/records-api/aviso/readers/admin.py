"""Readers on the admin site: let in, put out, and let in again; never deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from aviso.access.audit import name_person, note_change
from aviso.admin_site.forms import SeenAdmin, SeenForm
from aviso.admin_site.pages import BigTableAdmin
from aviso.conf import conf
from aviso.database.columns import ClockTimestamp
from aviso.names.readers import ReaderName, parse_reader
from aviso.problems import Conflict
from aviso.readers.models import Reader
from aviso.readers.writing import MAX_READERS, grant_reader, revoke_reader

_IS_GRANTED = Q(revoked_at=None) & (
    Q(expires_at=None) | Q(expires_at__gt=ClockTimestamp())
)


class ReaderForm(SeenForm[Reader]):
    """Adding somebody who is there already lets him in again."""

    seen_columns = ["feed_id", "reader", "expires_at", "revoked_at"]

    class Meta:
        model = Reader
        fields = ["feed", "reader", "expires_at"]
        widgets = {"reader": forms.TextInput(attrs={"size": 60})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reader" in self.fields:
            self.fields["reader"].help_text = (
                f"An account such as ada@{conf.xmpp_domain}, or a ticket's holder"
                f" such as u-17@{conf.xmpp_ticket_domain}."
            )

    def clean_reader(self) -> str:
        name = parse_reader(self.cleaned_data["reader"].strip())
        if name is None:
            raise forms.ValidationError(
                "Expected the bare JID of an account here, or of a ticket's holder."
            )
        return name.jid

    def clean_expires_at(self) -> object:
        end = self.cleaned_data["expires_at"]
        if end is not None and end <= timezone.now():
            raise forms.ValidationError("Expected a time to come.")
        return end

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        feed = cleaned.get("feed")
        inside = Reader.objects.filter(feed=feed, revoked_at=None)
        if feed and inside.count() >= MAX_READERS:
            raise forms.ValidationError(f"The feed has {MAX_READERS} readers already.")
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """Leave out that a reader is there once: who was there may be added."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"reader"}


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 (its signature)
        model_admin: Any,  # noqa: ARG002 (its signature)
    ) -> list[tuple[str, str]]:
        return [("granted", "Granted"), ("revoked", "Revoked")]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 (its signature)
        queryset: QuerySet[Reader],
    ) -> QuerySet[Reader]:
        match self.value():
            case "granted":
                return queryset.filter(_IS_GRANTED)
            case "revoked":
                return queryset.exclude(_IS_GRANTED)
            case _:
                return queryset


@admin.register(Reader)
class ReaderAdmin(SeenAdmin[Reader], BigTableAdmin[Reader]):
    form = ReaderForm
    list_display = [
        "reader",
        "feed",
        "state",
        "granted_at",
        "expires_at",
        "revoked_at",
    ]
    list_filter = [StateFilter, "feed"]
    ordering = ["-id"]
    search_fields = ["reader"]
    fields = [
        "feed",
        "reader",
        "state",
        "expires_at",
        "granted_at",
        "revoked_at",
        "seen",
    ]
    readonly_fields = ["state", "granted_at", "revoked_at"]
    actions = ["revoke", "let_in_again"]

    @admin.display(description="state")
    def state(self, row: Reader) -> str:
        return "revoked" if _is_out(row) else "granted"

    @admin.action(description="Revoke: put the selected out", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Reader]) -> None:
        count = 0
        for row in queryset.filter(revoked_at=None):
            if revoke_reader(row.feed_id, _name(row)):
                _note("revoked", request, row)
                self.log_change(request, row, "revoked")
                count += 1
        self.message_user(request, f"{count} revoked.", messages.SUCCESS)

    @admin.action(description="Let the selected in again", permissions=["change"])
    def let_in_again(self, request: HttpRequest, queryset: QuerySet[Reader]) -> None:
        count = 0
        for row in queryset.exclude(revoked_at=None):
            try:
                grant_reader(row.feed_id, _name(row), None)
            except Conflict as exc:
                self.message_user(request, exc.text, messages.ERROR)
                break
            _note("granted", request, row, expires_at=None)
            self.log_change(request, row, "let in again")
            count += 1
        self.message_user(request, f"{count} let in again.", messages.SUCCESS)

    def save_model(
        self,
        request: HttpRequest,
        obj: Reader,
        form: Any,
        change: bool,
    ) -> None:
        if change and "expires_at" not in form.changed_data:
            return
        if change:
            obj.save(update_fields=["expires_at"])
        else:
            row, _ = grant_reader(obj.feed_id, _name(obj), obj.expires_at)
            obj.id = row.id
            obj.granted_at = row.granted_at
        _note("granted", request, obj, expires_at=obj.expires_at)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Reader | None = None
    ) -> list[str]:
        if obj is None:
            return list(super().get_readonly_fields(request, obj))
        # Until when says nothing of somebody who is out.
        ended = ["expires_at"] if _is_out(obj) else []
        own = ["feed", "reader", *ended]
        return [*own, *super().get_readonly_fields(request, obj)]

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 (its signature)
        """Say no: a row tells who was here, and keeps a ticket's holder out."""
        return False


def _name(row: Reader) -> ReaderName:
    """Read the row's name; what SQL wrote is not held to our hosts."""
    return parse_reader(row.reader) or ReaderName(row.reader, is_ticket=False)


def _is_out(row: Reader) -> bool:
    is_over = row.expires_at is not None and row.expires_at <= timezone.now()
    return row.revoked_at is not None or is_over


def _note(change: str, request: HttpRequest, row: Reader, **facts: object) -> None:
    note_change(
        change, by=name_person(request), feed=row.feed_id, reader=row.reader, **facts
    )
