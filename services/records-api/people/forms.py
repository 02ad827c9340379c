"""The forms of people and groups: each writes what was changed in it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.contrib.admin.forms import AdminPasswordChangeForm as OwnPasswordChangeForm
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    SetPasswordMixin,
    UserChangeForm,
)
from django.contrib.auth.models import Group, User

from aviso.admin_site.forms import SeenForm

# Django's class takes no type argument at run time.
if TYPE_CHECKING:
    TypedUserForm = UserChangeForm[User]
    TypedPasswordForm = AdminPasswordChangeForm[User]
    TypedSetPassword = SetPasswordMixin[User]
else:
    TypedUserForm = UserChangeForm
    TypedPasswordForm = AdminPasswordChangeForm
    TypedSetPassword = SetPasswordMixin


class PersonForm(SeenForm[User], TypedUserForm):
    seen_columns: ClassVar = [
        "username",
        "first_name",
        "last_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "user_permissions",
    ]


class GroupForm(SeenForm[Group]):
    seen_columns: ClassVar = ["name", "permissions"]


class PasswordAlone(TypedSetPassword):
    """Writes a new password, and no other column."""

    def set_password_and_save(
        self,
        user: User,
        password_field_name: str = "password1",  # noqa: S107 # a field, not one
        commit: bool = True,
    ) -> User:
        super().set_password_and_save(
            user, password_field_name=password_field_name, commit=False
        )
        if commit:
            user.save(update_fields=["password"])
        return user


class PersonsPasswordForm(PasswordAlone, TypedPasswordForm):
    pass


class OwnPasswordForm(PasswordAlone, OwnPasswordChangeForm):
    pass
