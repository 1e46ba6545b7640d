"""Django Channels: a consumer in a group, the group over channels_redis, served by uvicorn.

Arguments: the port, the intake's port, the port of Redis, the layer's class.
"""

import asyncio
import sys
from typing import Any

import django
import uvicorn
import uvloop
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path
from intake import Intake

GROUP = "room"


class Viewer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, _code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def said(self, message: dict[str, Any]) -> None:
        await self.send(text_data=message["text"])


async def say(text: str) -> None:
    layer = get_channel_layer()
    await layer.group_send(GROUP, {"type": "said", "text": text})


async def main(port: int, intake_port: int) -> None:
    app = ProtocolTypeRouter({"websocket": URLRouter([path("viewer", Viewer.as_asgi())])})
    config = uvicorn.Config(
        app,
        port=port,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
    await asyncio.gather(uvicorn.Server(config).serve(), Intake(say).run(intake_port))


if __name__ == "__main__":
    settings.configure(
        SECRET_KEY="not a secret",
        CHANNEL_LAYERS={
            "default": {
                "BACKEND": sys.argv[4],
                "CONFIG": {"hosts": [("127.0.0.1", int(sys.argv[3]))]},
            }
        },
    )
    django.setup()
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
