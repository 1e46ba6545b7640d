"""Make before break: what a client does when its node asks it to move, frame by frame.

`test_nodes` does it with real nodes; here the server is played, so that every order of things can
be had.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from livecommerce.client import CallRefused, RoomClient
from livecommerce.client import room as room_module
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Leave
from livecommerce.shows.wire import ChatPosted, SendChat
from tests.support.ports import LOOPBACK

ROOM, EPOCH = "room-1", "e1"


def line(number: int) -> dict[str, Any]:
    author = {"id": "p", "name": "Mona"}
    return {"t": "chat_posted", "id": f"c{number}", "at": 1, "author": author, "text": f"{number}"}


def batch(first: int, last: int) -> dict[str, Any]:
    events = [line(number) for number in range(first, last + 1)]
    head = {"t": "batch", "room": ROOM, "epoch": EPOCH, "first": first, "last": last}
    return head | {"events": events}


def snapshot(offset: int) -> dict[str, Any]:
    head = {"t": "snapshot", "room": ROOM, "epoch": EPOCH, "offset": offset, "now": 1}
    return head | {"state": [], "recent": [], "volatile": []}


def recovered(first: int, last: int) -> dict[str, Any]:
    events = [line(number) for number in range(first, last + 1)]
    head = {"t": "recovered", "room": ROOM, "epoch": EPOCH, "offset": last, "now": 1}
    return head | {"events": events, "volatile": []}


class Caller:
    """One connection of the client, as the server has it."""

    def __init__(self, socket: ServerConnection, node: int) -> None:
        self.node = node
        self.hello: dict[str, Any] = {}
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_closed = False
        self.socket = socket

    async def listen(self) -> None:
        try:
            self.hello = json.loads(await self.socket.recv())
            while True:
                await self.heard.put(json.loads(await self.socket.recv()))
        except ConnectionClosed:
            self.is_closed = True

    async def say(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            await self.socket.send(json.dumps(message))

    async def welcome(self, *messages: dict[str, Any]) -> None:
        node = f"node {self.node}"
        await self.say(
            {"t": "welcome", "id": self.hello["id"], "now": 1, "node": node, "beat_s": 20},
            *messages,
        )

    async def move(self, in_ms: int = 0) -> None:
        await self.say({"t": "moved", "in_ms": in_ms})


class Played:
    """A server that does what the test says."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.refusals = 0
        """How many of the next upgrades are refused."""
        self.url = ""

    async def caller(self, number: int) -> Caller:
        """The connection of this number, from 0, once it has said hello."""
        await until(lambda: len(self.callers) > number and bool(self.callers[number].hello))
        return self.callers[number]

    async def serve(self, socket: ServerConnection) -> None:
        self.callers.append(Caller(socket, len(self.callers)))
        await self.callers[-1].listen()

    def refuse(self, _: ServerConnection, __: Request) -> Response | None:
        if not self.refusals:
            return None
        self.refusals -= 1
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, "busy", Headers({"Retry-After": "0"}))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def soon_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_module, "BACKOFF_BASE_S", 0.01)
    monkeypatch.setattr(room_module, "BACKOFF_MAX_S", 0.05)


@asynccontextmanager
async def in_the_room() -> AsyncIterator[tuple[Played, RoomClient, list[str]]]:
    """A client that was welcomed with a snapshot at 10, and the texts it gives."""
    played = Played()
    async with serve(
        played.serve,
        LOOPBACK,
        0,
        subprotocols=[Subprotocol("livecommerce.v1.json")],
        process_request=played.refuse,
        ping_interval=None,
    ) as server:
        url = f"ws://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
        client = RoomClient(url, room=ROOM)
        entering = asyncio.create_task(client.__aenter__())
        await (await played.caller(0)).welcome(snapshot(10))
        await entering
        shown: list[str] = []

        async def watch() -> None:
            nonlocal shown
            async for event in client.events():
                assert isinstance(event, ChatPosted)
                shown += [event.text]

        watching = asyncio.create_task(watch())
        yield played, client, shown
        await client.close()
        await watching


async def test_the_next_connection_is_there_before_the_one_before_it_is_closed():
    async with in_the_room() as (played, client, shown):
        old = await played.caller(0)
        await old.say(batch(11, 12))
        await until(lambda: shown == ["11", "12"])
        await old.move()
        new = await played.caller(1)
        assert (new.hello["epoch"], new.hello["offset"]) == (EPOCH, 12)
        # Its word does not count yet, and that of the old one still does.
        await old.say(batch(13, 14))
        await until(lambda: shown[-1] == "14")
        assert not old.is_closed
        await new.welcome(recovered(13, 15), batch(16, 16))
        await until(lambda: old.is_closed)
        await until(lambda: shown == ["11", "12", "13", "14", "15", "16"])
        assert client.welcome["node"] == "node 1"
        assert (client.hand_overs, client.reconnects, client.snapshots) == (1, 0, 1)


async def test_a_node_that_is_behind_the_one_before_tells_nothing_twice():
    async with in_the_room() as (played, _, shown):
        old = await played.caller(0)
        await old.move()
        new = await played.caller(1)
        await old.say(batch(11, 13))
        await until(lambda: shown == ["11", "12", "13"])
        await new.welcome(recovered(11, 11), batch(12, 13), batch(14, 14))
        await until(lambda: shown[-1] == "14")
        assert shown == ["11", "12", "13", "14"]


async def test_a_command_under_way_is_answered_by_the_node_that_has_it():
    async with in_the_room() as (played, client, _):
        old = await played.caller(0)
        asking = asyncio.create_task(client.call(Leave(id=new_id())))
        asked = await old.heard.get()
        await old.move()
        new = await played.caller(1)
        await new.welcome(recovered(11, 10))
        await until(lambda: client.welcome["node"] == "node 1")
        # What is asked from now on is asked of the new one, while the old one owes an answer.
        later = asyncio.create_task(client.call(Leave(id=new_id())))
        asked_later = await new.heard.get()
        assert not old.is_closed
        await old.say({"t": "ok", "id": asked["id"], "d": {}})
        await asking
        await until(lambda: old.is_closed)
        await new.say({"t": "ok", "id": asked_later["id"], "d": {}})
        await later
        assert new.heard.empty()


async def test_a_command_whose_node_ends_first_is_asked_of_the_next_under_its_id():
    async with in_the_room() as (played, client, _):
        old = await played.caller(0)
        command = SendChat(id=new_id(), text="once")
        asking = asyncio.create_task(client.call(command))
        await old.heard.get()
        await old.move()
        await (await played.caller(1)).welcome(recovered(11, 10))
        await until(lambda: client.welcome["node"] == "node 1")
        await old.socket.close(4001)
        again = await (await played.caller(1)).heard.get()
        assert again["id"] == command.id
        error = {"t": "err", "id": command.id, "code": "muted", "retry": "after"}
        await (await played.caller(1)).say(error)
        with pytest.raises(CallRefused):
            await asking
        assert client.reconnects == 0


async def test_what_two_links_are_told_is_given_once():
    order = line(99) | {"id": "told-1", "text": "told"}
    async with in_the_room() as (played, _, shown):
        old = await played.caller(0)
        await old.move()
        new = await played.caller(1)
        # Before its welcome: the one that will be closed may not be told it any more.
        await new.say({"t": "told", "event": order})
        await new.welcome(recovered(11, 10))
        await until(lambda: shown == ["told"])
        await until(lambda: old.is_closed)
        await new.say({"t": "told", "event": order}, batch(11, 11))
        await until(lambda: shown[-1] == "11")
        assert shown == ["told", "11"]


async def test_who_is_refused_elsewhere_stays_and_tries_again():
    async with in_the_room() as (played, client, shown):
        old = await played.caller(0)
        played.refusals = 3
        await old.move()
        new = await played.caller(1)
        assert played.refusals == 0
        assert not old.is_closed
        await old.say(batch(11, 11))
        await until(lambda: shown == ["11"])
        await new.welcome(recovered(11, 11))
        await until(lambda: old.is_closed)
        assert (client.hand_overs, client.reconnects) == (1, 0)
        # And is moved on from there.
        await new.move()
        await (await played.caller(2)).welcome(recovered(12, 12))
        await until(lambda: shown == ["11", "12"])
        assert client.hand_overs == 2


async def test_a_node_that_ends_while_the_next_one_opens_costs_no_attempt_more():
    async with in_the_room() as (played, client, shown):
        old = await played.caller(0)
        await old.move()
        new = await played.caller(1)
        await old.socket.close(4001)
        await until(lambda: old.is_closed)
        await new.welcome(recovered(11, 12))
        await until(lambda: shown == ["11", "12"])
        assert len(played.callers) == 2
        assert client.reconnects == 0


async def test_a_client_that_finds_nobody_elsewhere_comes_back_as_after_any_loss():
    async with in_the_room() as (played, client, shown):
        old = await played.caller(0)
        played.refusals = 1_000
        await old.move()
        await until(lambda: played.refusals < 998)
        await old.socket.close(4001)
        await until(lambda: client.reconnects > 1)
        played.refusals = 0
        await (await played.caller(1)).welcome(recovered(11, 11))
        await until(lambda: shown == ["11"])


@pytest.mark.parametrize(("chance", "least_s"), [(0.0, 0.0), (1.0, 0.4)])
async def test_who_is_closed_with_many_others_comes_back_within_the_time_the_node_tells(
    chance: float, least_s: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(random, "uniform", lambda low, high: low + chance * (high - low))
    async with in_the_room() as (played, client, shown):
        loop = asyncio.get_running_loop()
        closed_s = loop.time()
        await (await played.caller(0)).socket.close(4001, "within_ms=400")
        new = await played.caller(1)
        assert loop.time() - closed_s >= least_s
        await new.welcome(recovered(11, 11))
        await until(lambda: shown == ["11"])
        assert client.reconnects == 1


async def test_closing_in_the_middle_of_it_closes_both():
    async with in_the_room() as (played, client, _):
        old = await played.caller(0)
        await old.move()
        new = await played.caller(1)
        await client.close()
        await until(lambda: old.is_closed and new.is_closed)
        left = [task for task in asyncio.all_tasks() if task.get_name() == "room client"]
        assert left == []
