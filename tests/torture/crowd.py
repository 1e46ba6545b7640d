"""The buyers: what one driver process does to the servers, and what it was told.

Runs in processes of its own, so that ten thousand buyers do not take the server's time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import aiohttp
import uvloop

from tests.support.shop import Api, Problem, Wallet, add_card, furnish
from tests.support.sockets import Reply, allow_many_sockets, new_command_id
from tests.torture.seats import RETRIES_MAX, Seat

OPEN_AT_ONCE = 200
PAYERS = 24
FINAL_S = 60.0
GIVEN_UP = 0.15
"""The share of held orders that are given up, unless the plan says otherwise."""

T = TypeVar("T")

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
    http_port: int
    given_up: float = GIVEN_UP
    """The share of held orders that are given up again."""
    over_s: float = 0.0
    """The attempts are spread over so long, and who keeps an order pays at once. 0: attempts come
    one right after the other, and payments at the end."""
    look_s: float = 0.0
    """How long a buyer looks at most at what it holds before giving it up."""
    comes_back: bool = False
    """A lost connection is no breach: it is made anew, and what was under way is asked again."""


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


@dataclass(frozen=True, slots=True)
class Purchase:
    """When a purchase that was acknowledged was asked for first, and when that was (`monotonic`,
    which all processes of a machine share)."""

    asked_s: float
    acknowledged_s: float
    is_back: bool
    """The buyer had lost a connection before."""


@dataclass(slots=True)
class Report:
    """What a driver process saw."""

    codes: Counter[str] = field(default_factory=Counter)
    """Outcomes of attempts: `ok`, a code, or `lost`."""
    acknowledged: list[Acknowledged] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    attempts_s: float = 0.0
    """From the first attempt to the last reply."""
    frames: int = 0
    returns: int = 0
    """How often a buyer came back after a loss."""

    @property
    def attempts(self) -> int:
        """What a buyer wanted, however often it had to ask."""
        return sum(n for code, n in self.codes.items() if not code.startswith("("))

    def merge(self, other: Report) -> None:
        self.codes += other.codes
        self.acknowledged += other.acknowledged
        self.purchases += other.purchases
        self.breaches += other.breaches
        self.latencies_ms += other.latencies_ms
        self.attempts_s = max(self.attempts_s, other.attempts_s)
        self.frames += other.frames
        self.returns += other.returns


def drive(plan: Plan) -> Report:
    """Entry point of a driver process."""
    allow_many_sockets(plan.count)
    return uvloop.run(_Crowd(plan).run())


class _Crowd:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.report = Report()
        self.random = random.Random(plan.seed)
        self.payers = asyncio.Semaphore(PAYERS)
        self.paying: list[asyncio.Task[None]] = []

    async def run(self) -> Report:
        plan = self.plan
        doors = asyncio.Semaphore(OPEN_AT_ONCE)
        seats = [
            Seat(
                number,
                plan.ports,
                plan.sale.room_id,
                comes_back=plan.comes_back,
                codes=self.report.codes,
            )
            for number in range(plan.first, plan.first + plan.count)
        ]
        await asyncio.gather(*(self._take(doors, seat) for seat in seats))
        # A few are impatient: buying before the start must be refused, whatever their clocks say.
        await asyncio.sleep(max(0.0, plan.sale.starts_at / 1000 - time.time() - 0.2))
        started_s = time.perf_counter()
        async with Api(f"http://127.0.0.1:{plan.http_port}") as api:
            await asyncio.gather(*(self._buy_often(api, seat) for seat in seats))
            self.report.attempts_s = time.perf_counter() - started_s
            for order in () if plan.over_s else self.report.acknowledged:
                if not order.cancelled:
                    self._begin_to_pay(api, order, seats[order.buyer - plan.first])
            await asyncio.gather(*self.paying)
        self.report.frames = sum(seat.frames for seat in seats)
        self.report.returns = sum(seat.returns for seat in seats)
        for seat in seats:
            seat.leave()
        return self.report

    async def _take(self, doors: asyncio.Semaphore, seat: Seat) -> None:
        async with doors:
            await seat.take()

    async def _buy_often(self, api: Api, seat: Seat) -> None:
        plan, number = self.plan, seat.number
        chance = random.Random(plan.seed * 1_000_003 + number)
        wallet = plan.wallets.get(number)
        if number % 50 != 0:
            wait_s = plan.sale.starts_at / 1000 - time.time() + chance.random() * 0.2
            await asyncio.sleep(max(0.0, wait_s))
        last: Acknowledged | None = None
        for _ in range(plan.attempts):
            await asyncio.sleep(chance.random() * 2 * plan.over_s / plan.attempts)
            if last is not None and chance.random() < 0.15:
                await self._repeat(api, seat, last, wallet, over_http=chance.random() < 0.1)
                continue
            qty = 2 if chance.random() < 0.1 else 1
            command_id = new_command_id()
            asked_s, started_s = time.monotonic(), time.perf_counter()
            reply = await seat.ask(plan.sale.buy(command_id, qty, wallet))
            self.report.latencies_ms.append((time.perf_counter() - started_s) * 1000)
            self._judge(number, reply)
            if reply["t"] != "ok":
                continue
            self.report.purchases.append(Purchase(asked_s, time.monotonic(), seat.returns > 0))
            last = Acknowledged(number, command_id, reply["d"]["id"], qty, wallet is not None)
            self.report.acknowledged.append(last)
            if wallet is None and chance.random() < plan.given_up:
                await asyncio.sleep(chance.random() * plan.look_s)
                await self._give_up(seat, last)
                last = None
            elif plan.over_s:
                self._begin_to_pay(api, last, seat)

    def _judge(self, number: int, reply: Reply) -> None:
        code = "ok" if reply["t"] == "ok" else str(reply.get("code", reply["t"]))
        self.report.codes[code] += 1
        if code == "not_live" and time.time() * 1000 > self.plan.sale.starts_at + 1000:
            self.report.breaches.append(f"buyer {number}: not_live while the sale ran")

    async def _repeat(
        self,
        api: Api,
        seat: Seat,
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
            try:
                view = await self._patiently(
                    partial(api.post, "/v1/orders", command, token=seat.token, key=order.command_id)
                )
            except Problem as problem:
                self.report.breaches.append(f"buyer {order.buyer}: repeated over HTTP: {problem}")
                return
        else:
            reply = await seat.ask(command)
            if reply["t"] != "ok":
                self.report.breaches.append(f"buyer {order.buyer}: repeated: {reply}")
                return
            view = reply["d"]
        self.report.codes["ok again"] += 1
        if view["id"] != order.order_id:
            said = f"{order.order_id}, then {view['id']}"
            self.report.breaches.append(f"buyer {order.buyer}: one command, two orders: {said}")

    async def _give_up(self, seat: Seat, order: Acknowledged) -> None:
        reply = await seat.ask(
            {"t": "cancel_order", "id": new_command_id(), "order_id": order.order_id}
        )
        if reply["t"] == "ok":
            order.cancelled = True
        else:
            self.report.breaches.append(f"cancel of a held order: {reply}")

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """An HTTP request, made again when the node it went to died."""
        for _ in range(RETRIES_MAX if self.plan.comes_back else 0):
            try:
                return await ask()
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
                self.report.codes["(lost)"] += 1
            except Problem as problem:
                if problem.status not in (429, 503):
                    raise
                self.report.codes[f"({problem.code})"] += 1
            await asyncio.sleep(0.2 + self.random.random() * 0.3)
        return await ask()

    # ---- paying for what is held --------------------------------------------------------------

    def _begin_to_pay(self, api: Api, order: Acknowledged, seat: Seat) -> None:
        self.paying.append(asyncio.create_task(self._pay(api, order, seat)))

    async def _pay(self, api: Api, order: Acknowledged, seat: Seat) -> None:
        async with self.payers:
            if order.one_click:
                came_to = await self._outcome(api, seat, order)
                if came_to != "confirmed":
                    self.report.breaches.append(f"{order}: one click, then {came_to}")
                return
            card = self.random.choice(CARDS)
            wallet = await self._patiently(
                partial(furnish, api, seat.token, number=order.buyer, card=card)
            )
            if await self._pay_with(api, seat, order, wallet) == "confirmed":
                return
            card_id = await self._patiently(partial(add_card, api, seat.token, "tok_visa"))
            came_to = await self._pay_with(api, seat, order, Wallet(wallet.address_id, card_id))
            if came_to != "confirmed":
                self.report.breaches.append(f"{order}: {card}, then tok_visa, then {came_to}")

    async def _pay_with(self, api: Api, seat: Seat, order: Acknowledged, wallet: Wallet) -> str:
        reply = await seat.ask(
            {
                "t": "pay",
                "id": new_command_id(),
                "order_id": order.order_id,
                "address_id": wallet.address_id,
                "payment": {"method": "card", "card_id": wallet.card_id},
            }
        )
        if reply["t"] != "ok":
            return str(reply.get("code", reply["t"]))
        return await self._outcome(api, seat, order)

    async def _outcome(self, api: Api, seat: Seat, order: Acknowledged) -> str:
        """The state an order comes to rest in, or the code of the payment that failed.

        Asked over HTTP: with two servers the buyer's socket hears only what its own one did.
        """
        until_s = time.monotonic() + FINAL_S
        while True:
            view = await self._patiently(
                partial(api.get, f"/v1/orders/{order.order_id}", token=seat.token)
            )
            order.confirmed = view["state"] == "confirmed"
            if view["state"] != "pending_payment":
                return str(view["state"])
            if view["payment_state"] in ("not_paid", "failed") and view.get("failure"):
                return str(view["failure"])
            if time.monotonic() > until_s:
                return f"still {view['state']}/{view['payment_state']} after {FINAL_S:.0f} s"
            await asyncio.sleep(0.25)
