"""Buyers who buy as fast as they are answered: the load of the flash-sale benchmark."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.shop import Api, Goods, Shop, Wallet, furnish, platform_token
from tests.support.sockets import LiveSocket, new_command_id

OPEN_AT_ONCE = 100


@dataclass(slots=True)
class Round:
    """What a round counted inside its window."""

    seconds: float
    done: int = 0
    total: int = 0
    """With what was done before the window opened."""
    latencies_ms: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def per_s(self) -> float:
        return self.done / self.seconds


class Buyers:
    """Sockets with a token each, one purchase under way on every one of them."""

    def __init__(self, shop: Shop, goods: Goods, delivery_minor: int) -> None:
        self._order: dict[str, Any] = {
            "t": "buy",
            "variant_id": goods.variant_id,
            "qty": 1,
            "expected_total_minor": goods.price_minor + delivery_minor,
            "currency": shop.currency,
        }
        self._offer_id = goods.offer_id
        self.room_id = shop.room_id
        self._sockets: list[LiveSocket] = []
        self._wallets: list[Wallet] = []

    async def open(self, port: int, count: int, *, in_room: bool) -> None:
        """Connect `count` buyers."""
        doors = asyncio.Semaphore(OPEN_AT_ONCE)

        async def one(number: int) -> LiveSocket:
            async with doors:
                return await LiveSocket.open(
                    port,
                    token=platform_token(f"buyer-{number}"),
                    room=self.room_id if in_room else None,
                )

        self._sockets = await asyncio.gather(*(one(number) for number in range(count)))
        if in_room:
            self._order["offer_id"] = self._offer_id
        else:
            self._order.pop("offer_id", None)

    async def furnish(self, api: Api) -> None:
        """Give every buyer an address and a card that pays at once."""
        at_once = asyncio.Semaphore(16)

        async def one(number: int) -> Wallet:
            async with at_once:
                return await furnish(api, platform_token(f"buyer-{number}"), number=number)

        self._wallets = await asyncio.gather(*(one(n) for n in range(len(self._sockets))))

    async def leave(self) -> None:
        for socket in self._sockets:
            socket.abort()
        self._sockets = []
        await asyncio.sleep(0.2)

    async def hold(self, seconds: float, *, warm_up_s: float = 1.0) -> Round:
        """Counts holds: from the frame that asks to the frame that says it is durable."""
        counted = Round(seconds)
        from_s = time.perf_counter() + warm_up_s
        until_s = from_s + seconds

        async def one(socket: LiveSocket) -> None:
            while (asked_s := time.perf_counter()) < until_s:
                reply = await socket.ask({**self._order, "id": new_command_id()})
                now_s = time.perf_counter()
                counted.total += reply["t"] == "ok"
                if not from_s <= now_s < until_s:
                    continue
                if reply["t"] == "ok":
                    counted.done += 1
                    counted.latencies_ms.append((now_s - asked_s) * 1000)
                else:
                    code = str(reply.get("code", reply["t"]))
                    counted.refused[code] = counted.refused.get(code, 0) + 1
                    await asyncio.sleep(0.05)

        await asyncio.gather(*(one(socket) for socket in self._sockets))
        return counted

    async def buy(self, seconds: float, *, warm_up_s: float = 1.0) -> Round:
        """Counts orders paid and confirmed: each buyer waits for one before the next."""
        counted = Round(seconds)
        from_s = time.perf_counter() + warm_up_s
        until_s = from_s + seconds

        async def one(socket: LiveSocket, wallet: Wallet) -> None:
            confirmed: asyncio.Queue[str] = asyncio.Queue()

            def told(event: dict[str, Any]) -> None:
                if event["t"] == "order_changed" and event["order"]["state"] == "confirmed":
                    confirmed.put_nowait(event["order"]["id"])

            socket.on_told = told
            payment = {"method": "card", "card_id": wallet.card_id}
            while (asked_s := time.perf_counter()) < until_s:
                reply = await socket.ask(
                    {
                        **self._order,
                        "id": new_command_id(),
                        "address_id": wallet.address_id,
                        "payment": payment,
                    }
                )
                if reply["t"] != "ok":
                    code = str(reply.get("code", reply["t"]))
                    counted.refused[code] = counted.refused.get(code, 0) + 1
                    await asyncio.sleep(0.05)
                    continue
                if reply["d"]["state"] != "confirmed":
                    while await asyncio.wait_for(confirmed.get(), 60) != reply["d"]["id"]:
                        pass
                now_s = time.perf_counter()
                if from_s <= now_s < until_s:
                    counted.done += 1
                    counted.latencies_ms.append((now_s - asked_s) * 1000)

        await asyncio.gather(
            *(one(*pair) for pair in zip(self._sockets, self._wallets, strict=True))
        )
        return counted
