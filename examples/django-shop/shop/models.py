"""Products that anyone sees, and orders that only their tenant's people see."""

import aviso
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class Tenant(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Person(AbstractUser):
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.SET_NULL)


@aviso.feed("products", fields=["id", "name", "price"], visibility="public")
class Product(models.Model):
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    supplier = models.CharField(max_length=100, blank=True)

    def __str__(self):
        return self.name


@aviso.feed(
    "orders-{tenant}",
    fields=["id", "product", "quantity", "status", "placed_at"],
    where=~Q(status="draft"),
)
class Order(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft"
        PAID = "paid"
        SENT = "sent"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField(default=1)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.DRAFT
    )
    note = models.TextField(blank=True, help_text="For us: no page shows it.")
    placed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.quantity} × {self.product}"
