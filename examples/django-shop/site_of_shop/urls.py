"""The shop's addresses: its page, the admin site, and the tickets of its users."""

import aviso
from django.contrib import admin
from django.urls import path
from shop.views import show_orders

urlpatterns = [
    path("", show_orders),
    path("ticket/", aviso.token_view),
    path("admin/", admin.site.urls),
]
