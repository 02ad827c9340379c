"""What no user may send, by name: `{id}` and the places are filled in."""

from __future__ import annotations

_MUC = "http://jabber.org/protocol/muc"
_DISCO = "http://jabber.org/protocol/disco"
_COMMANDS = "http://jabber.org/protocol/commands"
_PUBSUB = "http://jabber.org/protocol/pubsub"
_FORM = "<x xmlns='jabber:x:data' type='submit'>"


def _message(to: str, payload: str, kind: str = "normal") -> str:
    return f"<message type='{kind}' to='{to}' id='{{id}}'>{payload}</message>"


def _iq(to: str, payload: str, kind: str = "set") -> str:
    address = f" to='{to}'" if to else ""
    return f"<iq type='{kind}'{address} id='{{id}}'>{payload}</iq>"


def _admin(item: str, kind: str = "set") -> str:
    return _iq("{public}", f"<query xmlns='{_MUC}#admin'><item {item}/></query>", kind)


_BODY = "<body>believe me</body>"
_PING = "<ping xmlns='urn:xmpp:ping'/>"
_VCARD = "<vCard xmlns='vcard-temp'/>"
_OWNER = f"<query xmlns='{_MUC}#owner'/>"
_COMMAND = f"<command xmlns='{_COMMANDS}' node='ping' action='execute'/>"
_ITEMS = f"<query xmlns='{_DISCO}#items'/>"
_PUBLISH = (
    f"<pubsub xmlns='{_PUBSUB}'><publish node='urn:x'><item><a xmlns='urn:x'/></item>"
    "</publish></pubsub>"
)
_REGISTER = (
    "<query xmlns='jabber:iq:register'><username>mine</username>"
    "<password>a-new-password-of-mine</password></query>"
)
_SUBSCRIBE = (
    "<subscribe xmlns='urn:xmpp:mucsub:0' nick='mine'>"
    "<event node='urn:xmpp:mucsub:nodes:messages'/></subscribe>"
)
_UPLOAD = (
    "<request xmlns='urn:xmpp:http:upload:0' filename='a.png' size='9'"
    " content-type='image/png'/>"
)
_VOICE = (
    f"{_FORM}<field var='FORM_TYPE'><value>{_MUC}#request</value></field>"
    "<field var='muc#role'><value>participant</value></field></x>"
)
_CONFIGURE = (
    f"<query xmlns='{_MUC}#owner'>{_FORM}<field var='FORM_TYPE'>"
    f"<value>{_MUC}#roomconfig</value></field>"
    "<field var='muc#roomconfig_moderatedroom'><value>0</value></field></x></query>"
)

FORBIDDEN: dict[str, str] = {
    # Speaking, where one sits and where one does not.
    "speaking": _message("{public}", _BODY, "groupchat"),
    "speaking in a closed room": _message("{closed}", _BODY, "groupchat"),
    "a batch of events": _message(
        "{public}",
        "<events xmlns='urn:aviso:feed:2' feed='x' epoch='y' first='1' last='0'/>"
        "<json xmlns='urn:xmpp:json:0'>[]</json>",
        "groupchat",
    ),
    "the subject": _message("{public}", "<subject>mine</subject>", "groupchat"),
    "a private message": _message("{public}/{witness}", _BODY, "chat"),
    "a private message to the pusher": _message("{public}/pusher", _BODY, "chat"),
    "a direct message": _message("{victim}", _BODY, "chat"),
    "a normal message": _message("{victim}", _BODY),
    "a headline": _message("{victim}", _BODY, "headline"),
    "a message to the pusher": _message("pusher@{domain}", _BODY, "chat"),
    "a message to oneself": "<message id='{id}'><body>x</body></message>",
    "a message to the server": _message("{domain}", _BODY),
    "an announcement": _message("{domain}/announce/online", _BODY),
    "a message to the rooms' host": _message("{service}", _BODY),
    "a forwarded copy": _message(
        "{public}",
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'"
        " type='groupchat'><body>x</body></message></forwarded>",
        "groupchat",
    ),
    # Asking others in, or for a voice.
    "an invitation": _message(
        "{public}", f"<x xmlns='{_MUC}#user'><invite to='{{victim}}'/></x>"
    ),
    "a direct invitation": _message(
        "{victim}", "<x xmlns='jabber:x:conference' jid='{public}'/>"
    ),
    "a request for voice": _message("{public}", _VOICE),
    # Nicks.
    "another nick": "<presence to='{public}/another' id='{id}'/>",
    "a registered nick": _iq("{service}", _REGISTER),
    "a registered nick in a room": _iq("{public}", _REGISTER),
    "the form of nicks": _iq("{service}", "<query xmlns='jabber:iq:register'/>", "get"),
    # Rooms, their configuration and their lists.
    "a room of one's own": (
        f"<presence to='{{missing}}/me' id='{{id}}'><x xmlns='{_MUC}'/></presence>"
    ),
    "an instant room": _iq(
        "{missing}", f"<query xmlns='{_MUC}#owner'>{_FORM}</x></query>"
    ),
    "a name for a room": _iq("{service}", f"<unique xmlns='{_MUC}#unique'/>", "get"),
    "reading the configuration": _iq("{public}", _OWNER, "get"),
    "changing the configuration": _iq("{public}", _CONFIGURE),
    "destroying the room": _iq(
        "{public}", f"<query xmlns='{_MUC}#owner'><destroy/></query>"
    ),
    "reading the owners": _admin("affiliation='owner'", "get"),
    "reading the members": _admin("affiliation='member'", "get"),
    "becoming an owner": _admin("affiliation='owner' jid='{me}'"),
    "getting a voice": _admin("role='participant' nick='{nick}'"),
    "kicking somebody": _admin("role='none' nick='{witness}'"),
    "banning somebody": _admin("affiliation='outcast' jid='{victim}'"),
    "asking who is in": _iq("{public}", _ITEMS, "get"),
    "a query to an occupant": _iq("{public}/{witness}", _VCARD, "get"),
    "a subscription": _iq("{public}", _SUBSCRIBE),
    "the subscriptions": _iq(
        "{public}", "<subscriptions xmlns='urn:xmpp:mucsub:0'/>", "get"
    ),
    "the archive's preferences": _iq(
        "{public}", "<prefs xmlns='urn:xmpp:mam:2' default='never'/>"
    ),
    # What a server has for chatting.
    "a command of the server": _iq("{domain}", _COMMAND),
    "a command of one's own host": _iq("{my_host}", _COMMAND),
    "a command of the rooms' host": _iq("{service}", _COMMAND),
    "a command of a room": _iq("{public}", _COMMAND),
    "the list of commands": _iq(
        "{my_host}", f"<query xmlns='{_DISCO}#items' node='{_COMMANDS}'/>", "get"
    ),
    "publishing to the server": _iq("{domain}", _PUBLISH),
    "publishing of one's own": _iq("", _PUBLISH),
    "publishing to a room": _iq("{public}", _PUBLISH),
    "one's own vCard": _iq("", _VCARD),
    "somebody's vCard": _iq("{victim_account}", _VCARD, "get"),
    "a room's vCard": _iq("{public}", _VCARD),
    "file upload": _iq("{domain}", _UPLOAD, "get"),
    "file upload to its usual host": _iq("upload.{domain}", _UPLOAD, "get"),
    "carbons": _iq("", "<enable xmlns='urn:xmpp:carbons:2'/>"),
    "a contact": _iq(
        "", "<query xmlns='jabber:iq:roster'><item jid='{victim_account}'/></query>"
    ),
    "a private store": _iq(
        "", "<query xmlns='jabber:iq:private'><a xmlns='urn:x'/></query>"
    ),
    "a block list": _iq(
        "", "<block xmlns='urn:xmpp:blocking'><item jid='{domain}'/></block>"
    ),
    "one's own archive": _iq("", "<query xmlns='urn:xmpp:mam:2'/>"),
    "another password": _iq("{my_host}", _REGISTER),
    "an end of the account": _iq(
        "{my_host}", "<query xmlns='jabber:iq:register'><remove/></query>"
    ),
    "a query to somebody": _iq("{victim}", _PING, "get"),
    "a query to the pusher": _iq("pusher@{domain}", _PING, "get"),
    "a wish to see somebody": (
        "<presence type='subscribe' to='{victim_account}' id='{id}'/>"
    ),
    "presence to somebody": "<presence to='{victim}' id='{id}'/>",
    "a probe": "<presence type='probe' to='{victim_account}' id='{id}'/>",
    # Other servers.
    "a message to elsewhere": _message("somebody@example.org", _BODY, "chat"),
    "a query to elsewhere": _iq("example.org", _PING, "get"),
    "a room elsewhere": (
        f"<presence to='room@rooms.example.org/me' id='{{id}}'><x xmlns='{_MUC}'/>"
        "</presence>"
    ),
    # Neither one thing nor the other.
    "a query of nothing": _iq("{public}", ""),
    "a query of two things": _iq("{public}", _PING + _VCARD),
    "a query of nobody's": _iq("{public}", "<a xmlns='urn:x'/>", "get"),
    "a query that hides its kind": _iq(
        "{public}", f"<a:query xmlns:a='{_MUC}#owner'/>", "get"
    ),
}
