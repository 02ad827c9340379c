"""The peer's site: a record is stored, and after the commit sent to the group.

What the tutorials of Channels show, with the usual care added: the send waits for the
commit, a write that is tried again sends again, and the page reconnects by itself.
"""

from __future__ import annotations

import os

import django
from asgiref.sync import async_to_sync
from django.conf import settings

settings.configure(
    SECRET_KEY="not a secret: a peer on loopback, for a minute",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["PEER_DATABASE"],
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL"},
        }
    },
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [("127.0.0.1", int(os.environ["PEER_REDIS_PORT"]))]},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402 # needs the settings
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

PAGE = """<!doctype html><title>peer</title><script>
window.seen = []; window.isLive = false;
function connect() {
  const socket = new WebSocket(`ws://${location.host}/feed`);
  socket.onmessage = ({ data }) => {
    const { record } = JSON.parse(data);
    if (record) window.seen.push(record); else window.isLive = true;
  };
  socket.onclose = () => { window.isLive = false; setTimeout(connect, 300); };
}
connect();
</script>"""


def show_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


def create_record(request: HttpRequest, record: str) -> HttpResponse:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS records (id text PRIMARY KEY)")
        cursor.execute("INSERT OR IGNORE INTO records (id) VALUES (%s)", [record])
        transaction.on_commit(lambda: send(record))
    return HttpResponse(status=201)


def send(record: str) -> None:
    layer = get_channel_layer()
    async_to_sync(layer.group_send)("feed", {"type": "created", "record": record})


class Feed(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("feed", self.channel_name)
        await self.accept()
        await self.send_json({"live": True})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("feed", self.channel_name)

    async def created(self, event: dict[str, str]) -> None:
        await self.send_json({"record": event["record"]})


urlpatterns = [path("", show_page), path("records/<str:record>", create_record)]
application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("feed", Feed.as_asgi())]),
    }
)
