"""Addresses of views that say nothing, or not all, of who may call them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.views import APIView

from aviso.access.permissions import Anyone
from aviso.rest.views import RestView


class Forgetful(APIView):
    def get(self, _: Request) -> HttpResponse:
        return HttpResponse("open")


class HalfForgetful(RestView):
    permission_classes = [Anyone]

    def get(self, _: Request) -> HttpResponse:
        return HttpResponse("open")

    def post(self, _: Request) -> HttpResponse:
        return HttpResponse("open")


def forgetful(_: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


urlpatterns = [
    path("forgetful/", Forgetful.as_view()),
    path("half-forgetful/", HalfForgetful.as_view()),
    path("plain/", forgetful),
]
