"""What views share."""

from __future__ import annotations

from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from aviso.rest.parsing import MergePatchParser, StrictJsonParser


class RestView(APIView):
    """A view that counts a request before it looks at its rights.

    Who asks in vain is counted too.
    """

    def check_permissions(self, request: Request) -> None:
        super().check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Do nothing: `check_permissions` came before, and has."""


class PatchingView(RestView):
    """A view whose PATCH takes the media type of merge patches too."""

    def get_parsers(self) -> list[BaseParser]:
        parsers: list[BaseParser] = [StrictJsonParser()]
        # The OpenAPI generator asks for the parsers before it has made a request.
        request = getattr(self, "request", None)
        if request is None or request.method == "PATCH":
            parsers.append(MergePatchParser())
        return parsers
