"""A guest over BOSH (XEP-0124, XEP-0206): requests with XML in them, nothing more."""

from __future__ import annotations

import http.client
import itertools
import random
import re
import time
from urllib.parse import urlsplit

_BODY = (
    "<body xmlns='http://jabber.org/protocol/httpbind' rid='{rid}'{attributes}>"
    "{stanza}</body>"
)
_AUTH = (
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
    "<success",
)
_BIND = (
    "<iq xmlns='jabber:client' type='set' id='bind'>"
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    "id='bind'",
)


class BoshGuest:
    """Logged in once it is made. `ask` sends a stanza and waits for what it expects."""

    def __init__(self, url: str, guest_domain: str) -> None:
        self._host = urlsplit(url).netloc
        self._to = guest_domain
        self._rids = itertools.count(random.randrange(1, 2**32))  # noqa: S311
        self._sid = ""
        opened = self._send(
            "",
            " wait='2' hold='1' ver='1.11' xml:lang='en' xmpp:version='1.0'"
            " xmlns:xmpp='urn:xmpp:xbosh'",
        )
        [self._sid] = re.findall(r" sid='([^']+)'", opened)
        self.ask(*_AUTH)
        self._send("", " xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'")
        self.ask(*_BIND)

    def ask(self, stanza: str, expected: str, timeout_s: float = 15) -> str:
        """Return everything that came, up to the answer that has `expected` in it."""
        deadline = time.monotonic() + timeout_s
        came = self._send(stanza)
        while expected not in came:
            assert time.monotonic() < deadline, f"no {expected!r} in {came}"
            came += self._send("")
        return came

    def _send(self, stanza: str, attributes: str = "") -> str:
        attributes += f" sid='{self._sid}'" if self._sid else ""
        body = _BODY.format(
            rid=next(self._rids),
            attributes=f"{attributes} to='{self._to}'",
            stanza=stanza,
        )
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.request("POST", "/http-bind", body.encode())
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == 200, (answer.status, text)
        return text
