"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path

from records_api import people  # noqa: F401 (registers its pages)

urlpatterns = [
    path("", include("aviso.urls")),
    path("admin/", admin.site.urls),
]
handler400 = "aviso.rest.error_answers.bad_request"
handler403 = "aviso.rest.error_answers.permission_denied"
handler404 = "aviso.rest.error_answers.page_not_found"
handler500 = "aviso.rest.error_answers.server_error"
