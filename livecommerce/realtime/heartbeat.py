"""One wheel turns for all connections: pings, lost peers, and the beat that viewers hear."""

from __future__ import annotations

import random
from collections.abc import Callable

from livecommerce.protocol.codes import CloseCode
from livecommerce.realtime.connection import Connection
from livecommerce.realtime.settings import HubSettings


class Wheel:
    """Every connection has a random slot; each step serves one slot.

    A served connection is written a ping and its room's beat in one write. Half a turn later at
    most (`pong_grace_s`) it must have been heard: any byte counts.
    """

    def __init__(
        self,
        settings: HubSettings,
        *,
        beat_for: Callable[[Connection], bytes],
        choose: Callable[[], float] = random.random,
    ) -> None:
        steps = max(2, round(settings.ping_s / settings.wheel_step_s))
        # A peer has answered, or is found dead, before it is asked again.
        grace = min(max(1, round(settings.pong_grace_s / settings.wheel_step_s)), steps // 2)
        self._slots: list[set[Connection]] = [set() for _ in range(steps)]
        self._grace = grace
        self._beat_for = beat_for
        self._choose = choose
        self._hand = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, connection: Connection) -> None:
        connection.wheel_slot = int(self._choose() * len(self._slots))
        self._slots[connection.wheel_slot].add(connection)
        self._count += 1

    def remove(self, connection: Connection) -> None:
        if connection.wheel_slot >= 0:
            self._slots[connection.wheel_slot].discard(connection)
            connection.wheel_slot = -1
            self._count -= 1

    def step(self, now_ms: int) -> int:
        """Serves the next slot; returns how many peers were found dead."""
        slots = self._slots
        dead = [
            connection
            for connection in slots[(self._hand - self._grace) % len(slots)]
            if not connection.is_heard
        ]
        for connection in dead:
            connection.close(CloseCode.NO_PONG)
        for connection in list(slots[self._hand]):
            connection.visit(now_ms)
            if connection.is_closing:
                continue
            connection.is_heard = False
            # A full buffer needs no ping: its bytes are the question.
            if not connection.is_paused:
                connection.transport.write(self._beat_for(connection))
        self._hand = (self._hand + 1) % len(slots)
        return len(dead)

    def connections(self) -> list[Connection]:
        return [connection for slot in self._slots for connection in slot]
