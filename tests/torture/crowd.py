"""The buyers: what one driver process does to the servers, and what it was told.

Runs in processes of its own, so that ten thousand buyers do not take the server's time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import uvloop

from tests.support.shop import Api, Problem, Wallet, add_card, furnish, platform_token
from tests.support.sockets import (
    HandshakeRefused,
    LiveSocket,
    Reply,
    allow_many_sockets,
    new_command_id,
)

OPEN_AT_ONCE = 200
RETRIES_MAX = 40
FINAL_S = 60.0

CARDS = (
    *("tok_visa",) * 12,
    *("tok_mada",) * 4,
    "tok_declined",
    "tok_no_funds",
    "tok_timeout_paid",
    "tok_late",
)
"""What buyers pay with who have no card yet; refused ones try again with a good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What is sold, where, and at what price."""

    room_id: str
    sale_id: str
    variant_id: str
    offer_id: str
    unit_minor: int
    delivery_minor: int
    currency: str
    starts_at: int

    def buy(self, command_id: str, qty: int, wallet: Wallet | None = None) -> dict[str, Any]:
        """The one-click command."""
        command: dict[str, Any] = {
            "t": "buy",
            "id": command_id,
            "variant_id": self.variant_id,
            "sale_id": self.sale_id,
            "offer_id": self.offer_id,
            "qty": qty,
            "expected_total_minor": self.unit_minor * qty + self.delivery_minor,
            "currency": self.currency,
        }
        if wallet is not None:
            command["address_id"] = wallet.address_id
            command["payment"] = {"method": "card", "card_id": wallet.card_id}
        return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The part of one driver process."""

    ports: tuple[int, ...]
    sale: Sale
    first: int
    """Number of the first buyer; they have a token `buyer-<number>` of the platform."""
    count: int
    attempts: int
    wallets: dict[int, Wallet]
    """Of buyers who have bought before and buy in one click; the others hold, then pay."""
    seed: int


@dataclass(slots=True)
class Acknowledged:
    """An order the server said `ok` to."""

    buyer: int
    command_id: str
    order_id: str
    qty: int
    one_click: bool = False
    confirmed: bool = False
    """We were told that it is paid."""
    cancelled: bool = False
    """We gave it up, and that was acknowledged too."""


@dataclass(slots=True)
class Report:
    """What a driver process saw."""

    codes: Counter[str] = field(default_factory=Counter)
    """Outcomes of attempts: `ok`, a code, or `lost`."""
    acknowledged: list[Acknowledged] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    attempts_s: float = 0.0
    """From the first attempt to the last reply."""
    frames: int = 0

    def merge(self, other: Report) -> None:
        self.codes += other.codes
        self.acknowledged += other.acknowledged
        self.breaches += other.breaches
        self.latencies_ms += other.latencies_ms
        self.attempts_s = max(self.attempts_s, other.attempts_s)
        self.frames += other.frames


def drive(plan: Plan) -> Report:
    """Entry point of a driver process."""
    allow_many_sockets(plan.count)
    return uvloop.run(_Crowd(plan).run())


class _Crowd:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.report = Report()
        self.random = random.Random(plan.seed)

    async def run(self) -> Report:
        plan = self.plan
        doors = asyncio.Semaphore(OPEN_AT_ONCE)
        numbers = range(plan.first, plan.first + plan.count)
        sockets = await asyncio.gather(*(self._open(doors, number) for number in numbers))
        # A few are impatient: buying before the start must be refused, whatever their clocks say.
        await asyncio.sleep(max(0.0, plan.sale.starts_at / 1000 - time.time() - 0.2))
        started_s = time.perf_counter()
        async with Api(f"http://127.0.0.1:{plan.ports[-1]}") as api:
            await asyncio.gather(
                *(
                    self._buy_often(api, number, socket)
                    for number, socket in zip(numbers, sockets, strict=True)
                )
            )
            self.report.attempts_s = time.perf_counter() - started_s
            held = [order for order in self.report.acknowledged if not order.cancelled]
            payers = asyncio.Semaphore(24)
            await asyncio.gather(
                *(
                    self._pay(api, payers, order, sockets[order.buyer - plan.first])
                    for order in held
                )
            )
        self.report.frames = sum(socket.frames for socket in sockets)
        for socket in sockets:
            socket.abort()
        return self.report

    async def _open(self, doors: asyncio.Semaphore, number: int) -> LiveSocket:
        plan = self.plan
        port = plan.ports[number % len(plan.ports)]
        token = platform_token(f"buyer-{number}")
        async with doors:
            for _ in range(RETRIES_MAX):
                try:
                    return await LiveSocket.open(port, token=token, room=plan.sale.room_id)
                except HandshakeRefused as refused:
                    # The doors are paced; whoever comes too quickly comes again.
                    if refused.status not in (429, 503):
                        raise
                    self.report.codes["(at the door)"] += 1
                await asyncio.sleep(0.5 + self.random.random())
        raise ConnectionRefusedError(f"buyer {number}: the doors stay closed")

    async def _buy_often(self, api: Api, number: int, socket: LiveSocket) -> None:
        plan, chance = self.plan, random.Random(self.plan.seed * 1_000_003 + number)
        wallet = plan.wallets.get(number)
        if number % 50 != 0:
            wait_s = plan.sale.starts_at / 1000 - time.time() + chance.random() * 0.2
            await asyncio.sleep(max(0.0, wait_s))
        last: Acknowledged | None = None
        for _ in range(plan.attempts):
            if last is not None and chance.random() < 0.15:
                await self._repeat(api, socket, last, wallet, over_http=chance.random() < 0.1)
                continue
            qty = 2 if chance.random() < 0.1 else 1
            command_id = new_command_id()
            started_s = time.perf_counter()
            reply = await self._ask(socket, plan.sale.buy(command_id, qty, wallet))
            self.report.latencies_ms.append((time.perf_counter() - started_s) * 1000)
            self._judge(number, reply)
            if reply["t"] != "ok":
                continue
            last = Acknowledged(number, command_id, reply["d"]["id"], qty, wallet is not None)
            self.report.acknowledged.append(last)
            if wallet is None and chance.random() < 0.15:
                await self._give_up(socket, last)
                last = None

    def _judge(self, number: int, reply: Reply) -> None:
        code = "ok" if reply["t"] == "ok" else str(reply.get("code", reply["t"]))
        self.report.codes[code] += 1
        if code == "not_live" and time.time() * 1000 > self.plan.sale.starts_at + 1000:
            self.report.breaches.append(f"buyer {number}: not_live while the sale ran")

    async def _repeat(
        self,
        api: Api,
        socket: LiveSocket,
        order: Acknowledged,
        wallet: Wallet | None,
        *,
        over_http: bool,
    ) -> None:
        """The same command again has the same order as its effect, at whatever door it comes in."""
        command = self.plan.sale.buy(order.command_id, order.qty, wallet)
        if over_http:
            del command["t"], command["id"]
            command["room_id"] = self.plan.sale.room_id
            token = platform_token(f"buyer-{order.buyer}")
            try:
                view = await api.post("/v1/orders", command, token=token, key=order.command_id)
            except Problem as problem:
                self.report.breaches.append(f"buyer {order.buyer}: repeated over HTTP: {problem}")
                return
        else:
            reply = await self._ask(socket, command)
            if reply["t"] != "ok":
                self.report.breaches.append(f"buyer {order.buyer}: repeated: {reply}")
                return
            view = reply["d"]
        self.report.codes["ok again"] += 1
        if view["id"] != order.order_id:
            said = f"{order.order_id}, then {view['id']}"
            self.report.breaches.append(f"buyer {order.buyer}: one command, two orders: {said}")

    async def _give_up(self, socket: LiveSocket, order: Acknowledged) -> None:
        reply = await self._ask(
            socket, {"t": "cancel_order", "id": new_command_id(), "order_id": order.order_id}
        )
        if reply["t"] == "ok":
            order.cancelled = True
        else:
            self.report.breaches.append(f"cancel of a held order: {reply}")

    async def _ask(self, socket: LiveSocket, command: dict[str, Any]) -> Reply:
        """Ask, and when the server is busy ask again with the same id, as it says."""
        for _ in range(RETRIES_MAX):
            reply = await socket.ask(command)
            if reply["t"] != "err" or reply["retry"] != "after" or reply["code"] == "muted":
                return reply
            self.report.codes[f"({reply['code']})"] += 1
            await asyncio.sleep((reply.get("after_ms") or 500) / 1000 * (1 + self.random.random()))
        return {"t": "err", "code": "busy for too long"}

    # ---- paying for what is held --------------------------------------------------------------

    async def _pay(
        self, api: Api, payers: asyncio.Semaphore, order: Acknowledged, socket: LiveSocket
    ) -> None:
        token = platform_token(f"buyer-{order.buyer}")
        async with payers:
            if order.one_click:
                came_to = await self._outcome(api, token, order)
                if came_to != "confirmed":
                    self.report.breaches.append(f"{order}: one click, then {came_to}")
                return
            card = self.random.choice(CARDS)
            wallet = await furnish(api, token, number=order.buyer, card=card)
            if await self._pay_with(api, token, socket, order, wallet) == "confirmed":
                return
            good = Wallet(wallet.address_id, await add_card(api, token, "tok_visa"))
            came_to = await self._pay_with(api, token, socket, order, good)
            if came_to != "confirmed":
                self.report.breaches.append(f"{order}: {card}, then tok_visa, then {came_to}")

    async def _pay_with(
        self, api: Api, token: str, socket: LiveSocket, order: Acknowledged, wallet: Wallet
    ) -> str:
        reply = await self._ask(
            socket,
            {
                "t": "pay",
                "id": new_command_id(),
                "order_id": order.order_id,
                "address_id": wallet.address_id,
                "payment": {"method": "card", "card_id": wallet.card_id},
            },
        )
        if reply["t"] != "ok":
            return str(reply.get("code", reply["t"]))
        return await self._outcome(api, token, order)

    async def _outcome(self, api: Api, token: str, order: Acknowledged) -> str:
        """The state an order comes to rest in, or the code of the payment that failed.

        Asked over HTTP: with two servers the buyer's socket hears only what its own one did.
        """
        until_s = time.monotonic() + FINAL_S
        while True:
            view = await api.get(f"/v1/orders/{order.order_id}", token=token)
            order.confirmed = view["state"] == "confirmed"
            if view["state"] != "pending_payment":
                return str(view["state"])
            if view["payment_state"] in ("not_paid", "failed") and view.get("failure"):
                return str(view["failure"])
            if time.monotonic() > until_s:
                return f"still {view['state']}/{view['payment_state']} after {FINAL_S:.0f} s"
            await asyncio.sleep(0.25)
