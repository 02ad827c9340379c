"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path

from people.views import change_own_password

urlpatterns = [
    path("", include("aviso.urls")),
    # Before the site's own, which writes every column of the person.
    path("admin/password_change/", change_own_password),
    path("admin/", admin.site.urls),
]
handler400 = "aviso.rest.errors.bad_request"
handler403 = "aviso.rest.errors.permission_denied"
handler404 = "aviso.rest.errors.page_not_found"
handler500 = "aviso.rest.errors.server_error"
