"""Whether this process lives and whether it can do its work."""

from django.http import HttpRequest, HttpResponse


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Answer that the process is alive, whatever its database does."""
    return HttpResponse("alive\n", content_type="text/plain")
