"""What views share."""

from __future__ import annotations

from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from aviso.access.permissions import Closed
from aviso.rest.parsing import MergePatchParser, StrictJsonParser


class RestView(APIView):
    """A view that is shut until it states its rules, whatever the project's default is.

    It counts a request before it looks at rights: who asks in vain is counted too.
    """

    permission_classes = [Closed]

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
