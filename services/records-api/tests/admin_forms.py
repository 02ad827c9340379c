"""What an admin page's form sends, and sending it."""

from __future__ import annotations

import re
from typing import Any

from django.forms import BoundField, MultiWidget
from django.test import Client


def read_seen(client: Client, page: str) -> dict[str, str]:
    """Open the page, and return what tells which state of the row it shows."""
    found = re.search(r'name="seen" value="(\w+)"', client.get(page).content.decode())
    return {"seen": found[1]} if found else {}


def read_form(client: Client, path: str) -> dict[str, Any]:
    """Open a page and return what its form would send."""
    page = client.get(f"/admin/{path}/change/").context["adminform"].form
    form: dict[str, Any] = {}
    for field in page:
        if not field.field.disabled:
            form |= read_field(field)
    return form


def read_field(field: BoundField) -> dict[str, Any]:
    value, name = field.value(), field.html_name
    if isinstance(widget := field.field.widget, MultiWidget):
        parts = enumerate(widget.decompress(value) or [])
        return {f"{name}_{n}": str(part) for n, part in parts if part}
    if hasattr(field.field, "queryset"):
        return {name: [str(key) for key in value]}
    if isinstance(value, bool):
        return {name: "on"} if value else {}
    if isinstance(value, list):
        return {name: ",".join(value)}
    return {} if value is None else {name: str(value)}


def save(client: Client, path: str, form: dict[str, Any]) -> str:
    page = client.post(f"/admin/{path}/change/", form, follow=True)
    return page.content.decode()
