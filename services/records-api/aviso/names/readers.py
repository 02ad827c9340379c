"""Names of readers: bare JIDs, of accounts or of ticket holders; no others exist."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from aviso.conf import conf

TICKET_NAME = r"[a-z0-9._-]{1,64}"
# What XMPP forbids in an account's name (RFC 7622, 3.3.1), and what is not to be seen.
_ACCOUNT_NAME = re.compile(r"[^@/\s\"&'<>:\x00-\x1f\x7f-\x9f]{1,64}")


@dataclass(frozen=True, slots=True)
class ReaderName:
    """A bare JID, in the one way that XMPP servers compare it."""

    jid: str
    is_ticket: bool


def parse_reader(text: str) -> ReaderName | None:
    """Return the name in its compared form; None if it can be no reader's here."""
    name, at, domain = text.rpartition("@")
    if not at or len(name) > 64:
        return None
    name = unicodedata.normalize("NFKC", name).casefold()
    domain = domain.lower()
    if domain == conf.xmpp_ticket_domain:
        is_valid, is_ticket = re.fullmatch(TICKET_NAME, name), True
    elif domain == conf.xmpp_domain:
        is_valid, is_ticket = _ACCOUNT_NAME.fullmatch(name), False
    else:
        return None
    return ReaderName(f"{name}@{domain}", is_ticket) if is_valid else None
