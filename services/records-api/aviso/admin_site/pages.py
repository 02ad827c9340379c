"""What the admin pages of big tables share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from aviso.exact_json.text import JsonError, parse_json

MAX_DEPTH = 64
_COUNTED_ROWS = 10_000

M = TypeVar("M", bound=Model)
# Django's classes take no type argument at run time.
if TYPE_CHECKING:
    TypedAdmin = admin.ModelAdmin
    TypedPaginator = Paginator[Any]
else:

    class TypedAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, _model: type) -> type:
            return cls

    TypedPaginator = Paginator


class BoundedPaginator(TypedPaginator):
    """Counts up to 10,000 rows: count(*) of a table of millions takes seconds."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:_COUNTED_ROWS].count()
        return len(rows)


class DefaultsByDatabaseAdmin(TypedAdmin[M]):
    """Shows what the database decides only once it has: not on the page to add."""

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        fields = super().get_fields(request, obj)
        if obj is not None:
            return fields
        decided = self.get_readonly_fields(request, obj)
        return [name for name in fields if name not in decided]


class BigTableAdmin(DefaultsByDatabaseAdmin[M]):
    paginator: ClassVar[Any] = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50


class JsonTextField(forms.CharField):
    """JSON as the REST interface takes it, and in the words that it uses."""

    widget = forms.Textarea(attrs={"rows": 12, "cols": 80, "spellcheck": "false"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_json(text.encode(), max_depth=MAX_DEPTH)
        except JsonError as exc:
            at = f" (at {exc.pointer})" if exc.pointer else ""
            raise forms.ValidationError(f"{exc}{at}") from exc
