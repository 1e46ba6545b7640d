"""How a room comes to be on a node, and how a gap in its deliveries is repaired."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.realtime.backplane.base import Backplane
from livecommerce.realtime.publications import Batch
from livecommerce.realtime.room import Room, RoomState
from livecommerce.realtime.room_log import RoomLog, RoomSeed
from livecommerce.realtime.settings import HubSettings

log = structlog.get_logger()

LoadRoom = Callable[[str], Awaitable[RoomSeed]]
RETRY_S = 1.0


class RoomLoader:
    """Loads and repairs rooms. Everything here may wait; nothing here is on a viewer's way."""

    def __init__(
        self,
        *,
        backplane: Backplane,
        clock: Clock,
        settings: HubSettings,
        load_room: LoadRoom,
    ) -> None:
        self._backplane = backplane
        self._clock = clock
        self._settings = settings
        self._load_room = load_room
        self._repairing: set[Room] = set()
        self.loaded = 0
        self.repairs = 0
        self.resyncs = 0

    async def load(self, room: Room) -> None:
        """Subscribes, then reads the database, then what was published meanwhile. In this order
        nothing is missed; what is seen twice is dropped by id and version.

        Raises:
            Refused: as the composition root's loader says, NOT_FOUND for one; UNAVAILABLE while the
                backplane is away, because what is not heard cannot be shown live.
        """
        try:
            await self._backplane.subscribe(room.room_id)
            try:
                room.replace_log(await self._read(room.room_id))
            except BaseException:
                await self._backplane.unsubscribe(room.room_id)
                raise
        except ConnectionError as error:
            log.warning("room not loaded", room_id=room.room_id, error=str(error))
            retry_after_ms = round(RETRY_S * 1000 * (1 + random.random()))
            raise Refused(Code.UNAVAILABLE, retry_after_ms=retry_after_ms) from error
        self.loaded += 1

    async def repair(self, room: Room) -> None:
        """Fetches what is missing; begins anew when the backplane does not have it any more.

        Does not give up: while the backplane is away the viewers keep what they have. Of a room
        that is being repaired already nothing more is begun: an answer to an older question would
        be taken for one to a newer.
        """
        if room in self._repairing:
            return
        self._repairing.add(room)
        try:
            await self._repair_until_live(room)
        finally:
            self._repairing.discard(room)

    async def _repair_until_live(self, room: Room) -> None:
        while room.state is RoomState.REPAIRING:
            try:
                await self._repair(room)
            except ConnectionError as error:
                log.warning("room not repaired yet", room_id=room.room_id, error=str(error))
                await asyncio.sleep(RETRY_S * (0.5 + random.random()))
            except Exception:
                log.exception("room not repaired yet", room_id=room.room_id)
                await asyncio.sleep(RETRY_S * (0.5 + random.random()))

    async def _repair(self, room: Room) -> None:
        history = await self._backplane.history(
            room.room_id, after=room.received, epoch=room.log.epoch
        )
        if room.state is not RoomState.REPAIRING:
            return
        if history.epoch == room.log.epoch and history.top < room.received:
            # Offsets that were given away would be given away again. A batch of nothing above them
            # begins the new epoch, whichever node is the first to notice.
            await self._backplane.publish(room.room_id, Batch(()), floor=room.received)
        elif history.publications is not None:
            self.repairs += 1
            room.repaired(history.publications)
            return
        fresh = await self._read(room.room_id)
        if room.state is RoomState.REPAIRING:
            self.resyncs += 1
            room.replace_log(fresh)

    async def _read(self, room_id: str) -> RoomLog:
        seed = await self._load_room(room_id)
        keyed = await self._backplane.keyed(room_id)
        history = await self._backplane.history(room_id)
        publications = history.publications or ()
        now_s = self._clock.mono_s()
        fresh = RoomLog(
            epoch=history.epoch, top=history.top - len(publications), settings=self._settings
        )
        # What the log has stands in the log's order, or the list of recent lines would have holes:
        # lines that waited for Redis were said earlier than others that stand before them.
        logged = {publication.id for publication in publications}
        fresh.seed(seed.without(logged), now_s)
        fresh.append(publications, now_s)
        fresh.keep_values(keyed, now_s)
        return fresh
