"""The rooms a node has in memory: loaded once, compared with the backplane, let go when empty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import Any

import structlog

from livecommerce.kernel.clock import Clock
from livecommerce.realtime.backplane.base import Backplane
from livecommerce.realtime.entry import Entry
from livecommerce.realtime.fan_out import WriteCost
from livecommerce.realtime.loading import LoadRoom, RoomLoader
from livecommerce.realtime.room import Room, RoomState
from livecommerce.realtime.settings import HubSettings

log = structlog.get_logger()


class Rooms:
    """By id; iterating gives those that are being loaded, too.

    Args:
        crowd, tell: see `Room`.
    """

    def __init__(
        self,
        *,
        backplane: Backplane,
        clock: Clock,
        settings: HubSettings,
        load_room: LoadRoom,
        cost: WriteCost,
        crowd: Callable[[Room], int],
        tell: Callable[[str, Entry], None],
    ) -> None:
        self._backplane = backplane
        self._clock = clock
        self._settings = settings
        self._cost = cost
        self._crowd = crowd
        self._tell = tell
        self._rooms: dict[str, Room] = {}
        self._loading: dict[str, asyncio.Task[Room]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet_since: dict[str, int] = {}
        self.loader = RoomLoader(
            backplane=backplane, clock=clock, settings=settings, load_room=load_room
        )

    def __getitem__(self, room_id: str) -> Room:
        return self._rooms[room_id]

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, room_id: str) -> Room | None:
        return self._rooms.get(room_id)

    def loaded(self, room_id: str) -> Room | None:
        room = self._rooms.get(room_id)
        return room if room is not None and room.state is not RoomState.LOADING else None

    async def open(self, room_id: str) -> Room:
        """Loads a room unless it is here already; joiners of one room wait for one load.

        Raises:
            Refused: as the loader says.
        """
        if room := self.loaded(room_id):
            return room
        loading = self._loading.get(room_id)
        if loading is None:
            loading = self._loading[room_id] = asyncio.create_task(self._load(room_id))
            loading.add_done_callback(lambda _: self._loading.pop(room_id, None))
        # A joiner that hangs up must not take the load away from the others.
        return await asyncio.shield(loading)

    async def let_go(self, linger_s: float) -> None:
        """Forgets the rooms that have been empty for so long."""
        now_s = self._clock.mono_s()
        for room_id, room in list(self._rooms.items()):
            empty_s = room.empty_since_s
            is_over = empty_s is not None and now_s - empty_s >= linger_s
            if is_over and room.state is RoomState.LIVE:
                del self._rooms[room_id]
                await self._backplane.unsubscribe(room_id)
                if room_id in self._rooms or room_id in self._loading:
                    # Somebody joined while the word was under way.
                    await self._backplane.subscribe(room_id)

    async def compare(self, room_ids: Collection[str]) -> None:
        """Has rooms repaired that are not where the backplane says."""
        received = {each: room.received for each in room_ids if (room := self.loaded(each))}
        try:
            positions = await self._backplane.positions(received)
        except ConnectionError as error:
            # The next check comes by itself.
            log.warning("positions not compared", error=str(error))
            return
        for room_id, had in received.items():
            epoch, top = positions.get(room_id, ("", 0))
            if (room := self.loaded(room_id)) is not None:
                room.check(epoch, top, received=had)

    def compare_soon(self, room_ids: Collection[str]) -> None:
        self._spawn(self.compare(room_ids))

    async def compare_quiet(self) -> None:
        """Compares the rooms that heard nothing since this was called last."""
        before, self._quiet_since = (
            self._quiet_since,
            {
                room_id: room.received
                for room_id, room in self._rooms.items()
                if room.state is RoomState.LIVE
            },
        )
        await self.compare(
            [each for each, top in self._quiet_since.items() if before.get(each) == top]
        )

    async def catch_up(self) -> None:
        """Compares all rooms, and returns when those that have to be are repaired and what they
        have received is what newcomers are shown."""
        await self.compare(list(self._rooms))
        while any(room.state is RoomState.REPAIRING for room in self):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for room in self:
            room.catch_up()

    async def close(self) -> None:
        """Ends loads and repairs."""
        running = [*self._tasks, *self._loading.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _load(self, room_id: str) -> Room:
        room = Room(
            room_id,
            clock=self._clock,
            settings=self._settings,
            cost=self._cost,
            repair=lambda room: self._spawn(self.loader.repair(room)),
            crowd=self._crowd,
            tell=self._tell,
            loop=asyncio.get_running_loop(),
        )
        self._rooms[room_id] = room
        try:
            await self.loader.load(room)
        except BaseException:
            del self._rooms[room_id]
            raise
        return room

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
