"""Every address of the service."""

from django.contrib import admin
from django.urls import path

from records_api.health import healthz

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", healthz),
]
