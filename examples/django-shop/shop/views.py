"""The shop's page: its products, and the orders of whoever is logged in."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.shortcuts import render


@login_required
def show_orders(request):
    return render(request, "shop/orders.html", {"aviso": settings.AVISO_PUBLIC_URL})
