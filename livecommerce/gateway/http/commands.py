"""Room commands over HTTP: the same structs, through the same dispatch, as on the socket."""

from __future__ import annotations

from aiohttp import web

from livecommerce.gateway.dispatch import Dispatch
from livecommerce.gateway.http.bodies import actor, body, reply
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codec import JSON, CommandDecoder
from livecommerce.protocol.commands import Hello, Join, Leave, Ping, Renew


def routes(dispatch: Dispatch, commands: CommandDecoder) -> list[web.RouteDef]:
    """Makes `POST /v1/rooms/{room}/commands`."""

    async def execute(request: web.Request) -> web.Response:
        person = actor(request)
        if request.content_type != "application/json":
            raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, wanted="application/json")
        decoded = commands.decode(JSON, await body(request))
        if decoded.refused is not None:
            raise decoded.refused
        command = decoded.command
        assert command is not None
        if isinstance(command, Hello | Join | Leave | Renew | Ping):
            # These are about a connection, and here there is none.
            raise Refused(Code.UNKNOWN_VERB, verb=decoded.verb)
        room_id = await dispatch.shows.rooms.resolve(request.match_info["room"])
        return reply(await dispatch.execute(person, room_id, command))

    return [web.post("/v1/rooms/{room}/commands", execute)]
