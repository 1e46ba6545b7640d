"""Who comes and goes: people who chat, like and buy, and visitors who only look."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.shop import Api, Goods, Host, Shop, Wallet, furnish, platform_token
from tests.support.sockets import HandshakeRefused, LiveSocket, frame, new_command_id

ROOMS = 2
PEOPLE = 120
"""The same ones all the time: what is remembered of a person is full after the first hour of a
shop, and has to be full before anything is compared."""
BUYERS = 24
VISITORS = 0.4
"""The part of all visits that nobody's are."""
SEATS = 40
NEWCOMERS = 12
"""Who sign up at the beginning of each rush."""
VISIT_S = (1.0, 9.0)
PAUSE_S = (0.5, 2.5)
"""Between two things that one person does."""
ASK_S = 30.0
STOCK = 10_000_000
ALLOWED = frozenset({"ok", "rate_limited", "slow_mode"})
BUSY = frozenset({"unavailable", "server_busy"})
BUSY_PART = 0.01
"""A machine that has other things to do may be too slow for so many of the commands."""
_CLOSE, _GOING_AWAY = 8, (1001).to_bytes(2)


@dataclass(slots=True)
class Tally:
    """What was done so far."""

    visits: int = 0
    frames: int = 0
    """That the viewers were sent."""
    done: Counter[str] = field(default_factory=Counter)
    """Commands by verb and outcome code."""

    def strange(self) -> dict[str, int]:
        """Answers that nobody should get here."""
        busy = sum(count for name, count in self.done.items() if name.split()[1] in BUSY)
        allowed = ALLOWED | BUSY if busy <= BUSY_PART * self.done.total() else ALLOWED
        return {name: count for name, count in self.done.items() if name.split()[1] not in allowed}


class People:
    """Fills the seats again and again. Made by `settle_in`."""

    def __init__(
        self, api: Api, port: int, shops: list[Shop], goods: list[Goods], delivery_minor: int
    ) -> None:
        self.tally = Tally()
        self._api = api
        self._signed_up = 0
        self._port = port
        self._shops = shops
        self._goods = goods
        self._delivery_minor = delivery_minor
        self._wallets: dict[int, Wallet] = {}
        self._random = random.Random(1)

    @classmethod
    async def settle_in(cls, api: Api, port: int) -> People:
        """Opens the rooms and gives the buyers what they need."""
        shops = [await Shop.open(api, slug=f"souq-{number}") for number in range(ROOMS)]
        goods = [
            await shop.add_goods(f"S{number}", on_hand=STOCK, slot=1)
            for number, shop in enumerate(shops)
        ]
        people = cls(api, port, shops, goods, await shops[0].delivery_minor())
        for number in range(BUYERS):
            token = platform_token(f"soak-{number}")
            people._wallets[number] = await furnish(api, token, number=number)
        return people

    async def rush(self, seconds: float) -> None:
        """Has all seats taken, by changing people, for so long; then everybody leaves."""
        until_s = time.monotonic() + seconds
        await asyncio.gather(*(self._sign_up() for _ in range(NEWCOMERS)))
        async with asyncio.TaskGroup() as group:
            for seat in range(SEATS):
                group.create_task(self._seat(seat, until_s))
            for number, shop in enumerate(self._shops):
                group.create_task(self._host(shop, number, until_s))

    async def _sign_up(self) -> None:
        """All at once: a password is hashed in 19 MiB, in as many threads as there are."""
        self._signed_up += 1
        login = f"newcomer-{self._signed_up}@example.com"
        await Host.sign_up(self._api, login=login, name="Newcomer")
        self.tally.done["sign_up ok"] += 1

    async def _seat(self, seat: int, until_s: float) -> None:
        chance = self._random
        await asyncio.sleep(chance.uniform(0, 1))
        while time.monotonic() < until_s:
            number = None if chance.random() < VISITORS else chance.randrange(PEOPLE)
            await self._visit(number, seat % ROOMS, until_s)

    async def _visit(self, number: int | None, room: int, until_s: float) -> None:
        token = None if number is None else platform_token(f"soak-{number}")
        self.tally.visits += 1
        try:
            socket = await LiveSocket.open(
                self._port, token=token, room=self._shops[room].room_id, timeout_s=ASK_S
            )
        except (OSError, TimeoutError, HandshakeRefused) as refused:
            self.tally.done[f"come {type(refused).__name__}"] += 1
            await asyncio.sleep(1.0)
            return
        chance = self._random
        leaves_s = min(until_s, time.monotonic() + chance.uniform(*VISIT_S))
        while time.monotonic() < leaves_s:
            pause_s = min(chance.uniform(*PAUSE_S), max(0.0, leaves_s - time.monotonic()))
            await asyncio.sleep(pause_s)
            if number is not None:
                await self._act(socket, number, room)
        if chance.random() < 0.5:
            socket.write(frame(_GOING_AWAY, opcode=_CLOSE))
            await asyncio.sleep(0.1)
        socket.abort()
        self.tally.frames += socket.frames

    async def _act(self, socket: LiveSocket, number: int, room: int) -> None:
        chance = self._random.random()
        wallet = self._wallets.get(number)
        if wallet is not None and chance < 0.3:
            command = self._buy(self._goods[room], wallet)
        elif chance < 0.7:
            command = {"t": "send_chat", "text": f"a word of {number}: {new_command_id()}"}
        else:
            command = {"t": "send_likes", "count": 1 + number % 9}
        async with asyncio.timeout(ASK_S):
            reply = await socket.ask({"id": new_command_id(), **command})
        outcome = reply["t"] if reply["t"] != "err" else reply["code"]
        self.tally.done[f"{command['t']} {outcome}"] += 1

    def _buy(self, goods: Goods, wallet: Wallet) -> dict[str, Any]:
        return {
            "t": "buy",
            "variant_id": goods.variant_id,
            "offer_id": goods.offer_id,
            "qty": 1,
            "expected_total_minor": goods.price_minor + self._delivery_minor,
            "currency": "SAR",
            "address_id": wallet.address_id,
            "payment": {"method": "card", "card_id": wallet.card_id},
        }

    async def _host(self, shop: Shop, number: int, until_s: float) -> None:
        """Says something, takes it back, pins something anew."""
        socket = await LiveSocket.open(
            self._port, token=await shop.host.fresh_token(), room=shop.room_id, timeout_s=ASK_S
        )
        goods = self._goods[number]
        while time.monotonic() < until_s:
            said = await self._do(socket, t="send_chat", text="a word of the host")
            await self._do(socket, t="pin_offer", offer_id=goods.offer_id, slot=1)
            if said["t"] == "ok":
                await self._do(socket, t="delete_message", message_id=said["d"]["id"])
            await asyncio.sleep(min(2.0, max(0.0, until_s - time.monotonic())))
        socket.abort()

    async def _do(self, socket: LiveSocket, **command: Any) -> dict[str, Any]:
        async with asyncio.timeout(ASK_S):
            reply = await socket.ask({"id": new_command_id(), **command})
        self.tally.done[f"{command['t']} {reply.get('code', reply['t'])}"] += 1
        return reply
