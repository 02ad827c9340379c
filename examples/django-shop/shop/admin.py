"""What staff edit. A person who gets a tenant is let into that tenant's orders."""

import aviso
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from shop.models import Order, Person, Product, Tenant


@admin.register(Person)
class PersonAdmin(UserAdmin):
    fieldsets = [*UserAdmin.fieldsets, ("Shop", {"fields": ["tenant"]})]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if "tenant" not in form.changed_data:
            return
        if before := form.initial.get("tenant"):
            aviso.revoke(obj, f"orders-{before}")
        if obj.tenant_id:
            aviso.grant(obj, f"orders-{obj.tenant_id}")


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["id", "tenant", "product", "quantity", "status"]
    list_editable = ["status"]


admin.site.register([Product, Tenant])
