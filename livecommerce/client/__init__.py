"""The Python client: a room's events, typed and without gaps, and commands with typed replies.

async with RoomClient("ws://127.0.0.1:8080/v1/live", room=room_id, token=token) as room:
    await room.call(SendChat(id=new_id(), text="مرحبا"))
    async for event in room.events():
        ...
"""

from livecommerce.client.api import ApiClient, ApiRefused
from livecommerce.client.failures import CallRefused, Closed
from livecommerce.client.position import RoomMirror
from livecommerce.client.room import RoomClient

__all__ = ["ApiClient", "ApiRefused", "CallRefused", "Closed", "RoomClient", "RoomMirror"]
