"""Pages that look well while nothing is sent say so, and why."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from aviso.admin_site.pages import M, TypedAdmin
from aviso.database.hindrance import find_hindrance


class SaysHindrance(TypedAdmin[M]):
    """Says above the list and above one's own page why nothing is sent."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return _say(request, super().changelist_view(request, extra_context))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        answer = super().change_view(request, object_id, form_url, extra_context)
        return _say(request, answer)


def _say(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Only on a page that is shown now: a redirect's would come later."""
    if isinstance(answer, TemplateResponse) and (hindrance := find_hindrance()):
        messages.warning(request, f"Nothing is sent: {hindrance}.")
    return answer
