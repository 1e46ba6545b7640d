"""How the programs in this folder are told what to say: lines over a socket.

A line is an event in JSON, or `tick <milliseconds>`. Without a tick every event is said by itself,
as it comes. With one, events are gathered and said as one JSON array: what comes after a quiet time
leaves at once, what follows waits for the tick, as in our hub.
"""

import asyncio
from collections.abc import Awaitable, Callable

Say = Callable[[str], Awaitable[None]]


class Intake:
    """Args:
    say: tells everybody one event, or one array of them.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._tick_s = 0.0
        self._pending: list[str] = []
        self._is_told = asyncio.Event()

    async def run(self, port: int) -> None:
        await asyncio.start_server(self._read, "127.0.0.1", port)
        loop = asyncio.get_running_loop()
        flushed_s = 0.0
        while True:
            await self._is_told.wait()
            if self._tick_s:
                await asyncio.sleep(flushed_s + self._tick_s - loop.time())
            self._is_told.clear()
            pending, self._pending = self._pending, []
            flushed_s = loop.time()
            for text in [f"[{','.join(pending)}]"] if self._tick_s and pending else pending:
                await self._say(text)
                # Others may be waiting for this thread: pings, joiners.
                await asyncio.sleep(0)

    async def _read(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            text = line.decode().rstrip("\n")
            if text.startswith("tick "):
                self._tick_s = float(text[5:]) / 1000
            else:
                self._pending.append(text)
                self._is_told.set()
