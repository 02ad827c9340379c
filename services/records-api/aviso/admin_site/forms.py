"""Forms that save nothing over what happened while they were open.

The page carries a hash of what it shows. When it comes back the row is locked and its
hash compared, and only the columns that the person changed are written.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.db.models import Model
from django.http import HttpRequest

from aviso.admin_site.pages import TypedAdmin

M = TypeVar("M", bound=Model)
# Django's class takes no type argument at run time.
if TYPE_CHECKING:
    TypedForm = forms.ModelForm
else:

    class TypedForm(forms.ModelForm):
        def __class_getitem__(cls, _model: type) -> type:
            return cls


class SeenForm(TypedForm[M]):
    """`seen_columns`: what must be as the page showed it, for the form to be saved.

    What is related by a table of its own (many to many) counts as a column here.
    """

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    seen_columns: ClassVar[list[str]] = []
    # Which column a field that is not the model's own writes.
    columns_of: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["seen"] = self._hash()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("seen", "") != self.initial.get("seen", ""):
            raise forms.ValidationError(
                "It was changed meanwhile, by somebody else. Nothing is saved: open"
                " the page again, and see how it is now."
            )
        return cleaned

    def written_columns(self) -> list[str]:
        own = {field.name for field in self.instance._meta.concrete_fields}
        names = (self.columns_of.get(name, name) for name in self.changed_data)
        return [name for name in names if name in own]

    def _hash(self) -> str:
        shown = [self._read(name) for name in self.seen_columns]
        return hashlib.sha256(repr(shown).encode()).hexdigest()

    def _read(self, name: str) -> object:
        value = getattr(self.instance, name)
        if self.instance._meta.get_field(name).many_to_many:
            return sorted(value.values_list("pk", flat=True))
        return value


class SeenAdmin(TypedAdmin[M]):
    """For a SeenForm."""

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        fields = super().get_fields(request, obj)
        if obj is not None and self.has_change_permission(request, obj):
            return fields
        return [name for name in fields if name != "seen"]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST":
            return found
        # Locked until the transaction of the page ends, and read as it is since then.
        rows = self.model._default_manager.select_for_update()
        rows.filter(pk=found.pk).values("pk").first()
        return super().get_object(request, object_id, from_field)

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
        elif columns := form.written_columns():
            obj.save(update_fields=columns)
