"""Who may call a view: each states it, a method at a time; what is not stated is shut.

    permission_classes = [rules(GET=ANYONE, POST=with_key(Action.MANAGE))]

`Closed` is the default of REST views. Any other view says by `states_rule` who may call
it, and `close_unstated` refuses one that does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from aviso.access.caller import Action, Caller, find_caller
from aviso.problems import Forbidden, Unauthorized, render_problem

if TYPE_CHECKING:  # the framework's views import this module
    from rest_framework.views import APIView

_RULE = "aviso_rule"
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` raises a Problem if the caller may not; `needs_key` is for the document
    of the API."""

    check: Callable[[Request, APIView], None]
    needs_key: bool = False


class Rules(BasePermission):
    """A rule for each method that a view has; a method without one is shut."""

    by_method: ClassVar[dict[str, Rule]] = {}

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        # The view has no such method, and will say so.
        if method == "OPTIONS" or method not in view.allowed_methods:
            return True
        rule = self.by_method.get(method)
        if rule is None:
            raise _refusal(find_caller(request))
        rule.check(request, view)
        return True


class Closed(Rules):
    """The default: no method has a rule."""


def rules(**by_method: Rule) -> type[Rules]:
    return type("StatedRules", (Rules,), {"by_method": by_method})


def with_key(action: Action) -> Rule:
    """Return the rule that somebody who may be known calls; the view asks for more."""
    return Rule(
        lambda request, _: require_key(find_caller(request), action), needs_key=True
    )


ANYONE = Rule(lambda *_: None)
Anyone = rules(GET=ANYONE)


def require_key(caller: Caller, action: Action) -> None:
    if action is not Action.READ and caller.is_anonymous:
        raise Unauthorized(
            f"To {action} needs a key: Authorization: Bearer <key>",
            field="Authorization",
        )


def states_rule(who: str) -> Callable[[View], View]:
    """Mark a view outside of REST with who may call it."""

    def mark(view: View) -> View:
        setattr(view, _RULE, who)
        return view

    return mark


def is_stated(view: Callable[..., Any]) -> bool:
    """Return whether a view says, or is of a kind that asks by itself, who may call it.

    The admin site's own views ask for staff, all but its login.
    """
    if hasattr(getattr(view, "cls", None), "permission_classes"):
        return True
    if any(hasattr(view, name) for name in (_RULE, "admin_site", "model_admin")):
        return True
    site = getattr(view, "__self__", None)
    return isinstance(site, AdminSite) and view == site.login


def close_unstated(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer 403 instead of a view that says nothing of who may call it."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_view(
        request: HttpRequest,  # noqa: ARG001 (Django's signature)
        view: Callable[..., Any],
        args: list[Any],  # noqa: ARG001
        kwargs: dict[str, Any],  # noqa: ARG001
    ) -> HttpResponse | None:
        return None if is_stated(view) else render_problem(_refusal(None))

    answer.process_view = process_view  # type: ignore[attr-defined]
    return answer


def _refusal(caller: Caller | None) -> Forbidden | Unauthorized:
    detail = "This address says nothing of who may call it, so nobody may"
    if caller is not None and caller.is_anonymous:
        return Unauthorized(detail, field="Authorization")
    return Forbidden(detail)
