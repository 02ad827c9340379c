"""What an admin page's form sends besides what a person writes into it."""

from __future__ import annotations

import re

from django.test import Client


def read_seen(client: Client, page: str) -> dict[str, str]:
    """Open the page, and return what tells which state of the row it shows."""
    found = re.search(r'name="seen" value="(\w+)"', client.get(page).content.decode())
    return {"seen": found[1]} if found else {}
