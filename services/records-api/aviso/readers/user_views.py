"""The address that gives a logged-in user of a project his ticket."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from aviso.exact_json.times import format_time
from aviso.readers.users import TICKET_LASTS_S, make_user_ticket


# Another site may make a browser ask, and never sees the answer: nothing changes.
@csrf_exempt
@require_POST
@never_cache
def token_view(request: HttpRequest) -> JsonResponse:
    """Answer `<record-feed ticket-url="…">`: POST, with the project's session.

    `?feeds=a,b` names what the page shows; without it the ticket opens all that the
    user was let into. 401 for whoever is not logged in, 403 when nothing is open.
    """
    if not isinstance(request.user, AbstractBaseUser):
        return JsonResponse({"detail": "Nobody is logged in."}, status=401)
    asked = [slug for slug in request.GET.get("feeds", "").split(",") if slug]
    try:
        ticket = make_user_ticket(request.user, asked or None, lasts_s=TICKET_LASTS_S)
    except PermissionDenied as exc:
        return JsonResponse({"detail": str(exc)}, status=403)
    except ValueError as exc:
        return JsonResponse({"detail": str(exc)}, status=400)
    ends = format_time(ticket.expires_at)
    return JsonResponse({"ticket": ticket.text, "expires_at": ends})
