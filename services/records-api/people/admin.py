"""People and groups on the admin site: each change of what they may do is noted.

Nothing that happened while a form was open is undone by saving it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from aviso.access.audit import name_person, note_change
from aviso.access.permissions import states_rule
from aviso.admin_site.forms import SeenAdmin
from people.forms import GroupForm, PersonForm, PersonsPasswordForm

# Django's class takes no type argument at run time.
if TYPE_CHECKING:
    TypedUserAdmin = UserAdmin[User]
else:
    TypedUserAdmin = UserAdmin

_BEFORE = "aviso.rights_before"

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(SeenAdmin[User], TypedUserAdmin):
    form = PersonForm
    change_password_form = PersonsPasswordForm
    # Written by coming in, which may happen while the form is open.
    readonly_fields = ["last_login", "date_joined"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return fieldsets
        return [*fieldsets, (None, {"fields": ["seen"]})]

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        if change:
            request.META[_BEFORE] = _describe(User.objects.get(pk=obj.pk))
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        after = _describe(User.objects.get(pk=form.instance.pk))
        if request.META.get(_BEFORE) != after:
            _note("person changed" if change else "person made", request, after)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        _note("person deleted", request, {"person": obj.get_username()})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for person in queryset:
            _note("person deleted", request, {"person": person.get_username()})
        super().delete_queryset(request, queryset)

    @states_rule("staff")
    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 (its name)
        form_url: str = "",
    ) -> HttpResponse:
        with transaction.atomic():  # get_object locks the row
            response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and isinstance(response, HttpResponseRedirect):
            person = User.objects.get(pk=id)
            _note("password changed", request, {"person": person.get_username()})
        return response


@admin.register(Group)
class PeopleGroupAdmin(SeenAdmin[Group], GroupAdmin):
    form = GroupForm

    def save_model(
        self, request: HttpRequest, obj: Group, form: Any, change: bool
    ) -> None:
        if change:
            request.META[_BEFORE] = _describe_group(Group.objects.get(pk=obj.pk))
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        after = _describe_group(Group.objects.get(pk=form.instance.pk))
        if request.META.get(_BEFORE) != after:
            _note("group changed" if change else "group made", request, after)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        _note("group deleted", request, _describe_group(obj))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        for group in queryset:
            _note("group deleted", request, _describe_group(group))
        super().delete_queryset(request, queryset)


def _describe(person: User) -> dict[str, object]:
    return {
        "person": person.get_username(),
        "active": person.is_active,
        "staff": person.is_staff,
        "superuser": person.is_superuser,
        "groups": sorted(group.name for group in person.groups.all()),
        "may": sorted(p.codename for p in person.user_permissions.all()),
    }


def _describe_group(group: Group) -> dict[str, object]:
    return {
        "group": group.name,
        "may": sorted(p.codename for p in group.permissions.all()),
    }


def _note(change: str, request: HttpRequest, facts: dict[str, object]) -> None:
    note_change(change, by=name_person(request), **facts)
