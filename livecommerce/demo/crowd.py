"""The simulated audience: real sockets that chat, like and buy, marked as simulated in the room."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence

import msgspec
import structlog

from livecommerce.app.services import Services
from livecommerce.client import CallRefused, Closed, RoomClient
from livecommerce.demo.seed import Seeded, buyer
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.orders.wire import PlaceOrder
from livecommerce.payments.wire import PaymentChoice
from livecommerce.people.accounts import Actor, Kind
from livecommerce.protocol.codes import CloseCode
from livecommerce.shows.wire import PinChanged, SendChat, SendLikes
from livecommerce.stock.wire import SaleChanged, SaleView

log = structlog.get_logger()

NAMES = (
    "Abeer", "Amal", "Aziz", "Badr", "Dalal", "Dana", "Faisal", "Farah", "Fatimah", "Ghada",
    "Hala", "Hamad", "Hessa", "Huda", "Ibrahim", "Jana", "Jawaher", "Khalid", "Latifa", "Lina",
    "Lulwa", "Maha", "Majed", "Manal", "Maryam", "Mishal", "Mona", "Nasser", "Nouf", "Omar",
    "Rana", "Reem", "Saad", "Sara", "Shaikha", "Sultan", "Turki", "Wafa", "Yara", "Zain",
)  # fmt: skip

LINES = (
    "ما شاء الله جميل 😍", "كم السعر مع التوصيل؟", "السلام عليكم من جدة", "اللون الأسود متوفر؟",
    "طلبت واحد 🎉", "متى يوصل للرياض؟", "حلو مرة", "هل المقاس ٥٤ موجود؟", "من الكويت معكم 🇰🇼",
    "التغليف يجنن", "أول مرة أشتري من البث", "ممكن تقربين المنتج؟", "الجودة ممتازة جربته",
    "Love this one!", "Is it the original?", "Watching from Dubai 👋", "How many left?",
    "Just bought it", "Can you show the back?", "What size are you wearing?", "So elegant",
    "Greetings from Muscat", "Does it ship to Bahrain?", "The colour is lovely", "Wow that price",
)  # fmt: skip


_VISIT_S = 480.0
_AWAY_S = (1.0, 5.0)


class Crowd:
    """`count` people, each with an account, a socket and a pulse.

    Args:
        live: addresses of live sockets; the people are spread over them.
    """

    def __init__(self, services: Services, seeded: Seeded, live: Sequence[str], count: int) -> None:
        self._services = services
        self._seeded = seeded
        self._nodes = live
        self._count = count

    async def run(self) -> None:
        """Comes in one by one and stays until cancelled."""
        async with asyncio.TaskGroup() as group:
            for index in range(self._count):
                name = NAMES[index % len(NAMES)]
                if index >= len(NAMES):
                    name = f"{name} {index // len(NAMES) + 1}"
                actor = await buyer(self._services, f"demo-sim-{index}", name, kind=Kind.SIMULATED)
                group.create_task(self._attend(actor, index))
                await asyncio.sleep(0.05)

    async def _attend(self, actor: Actor, index: int) -> None:
        chance = random.Random(index)
        # Everybody comes from an address of their own, or the sign-in limit would keep them out.
        url = self._nodes[index % len(self._nodes)]
        ip = f"10.{index // 250}.{index % 250}.1"
        while True:
            try:
                link = await self._services.people.make_link(actor.person_id)
                signed_in = await self._services.people.link(link, ip=ip)
                token = signed_in.tokens.access_token
                client = RoomClient(url, room=self._seeded.room.id, token=token)
                # An access token lives ten minutes; before that everybody comes in anew.
                async with asyncio.timeout(_VISIT_S), client as room:
                    await self._live(room, actor, chance)
            except Closed as closed:
                if _is_banned(closed):
                    return
            except Refused as refused:
                log.info("not let in", name=actor.name, code=refused.code)
            except TimeoutError:
                pass
            await asyncio.sleep(chance.uniform(*_AWAY_S))

    async def _live(self, room: RoomClient, actor: Actor, chance: random.Random) -> None:
        watching = asyncio.create_task(self._watch(room, actor, chance))
        try:
            while True:
                await asyncio.sleep(chance.expovariate(1 / 18))
                with contextlib.suppress(CallRefused):
                    if chance.random() < 0.45:
                        line = chance.choice(LINES)
                        await room.call(SendChat(id=new_id(), text=line))
                    else:
                        await room.call(SendLikes(id=new_id(), count=chance.randint(1, 12)))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, room: RoomClient, actor: Actor, chance: random.Random) -> None:
        """Buys now and then what is pinned, and more eagerly what is on flash sale."""
        buyer_of = await self._services.people.buyer(actor.person_id)
        market = self._services.catalogue.market(self._seeded.room.market)
        cards = await self._services.payments.methods(actor, market.id)
        payment = PaymentChoice(method="card", card_id=cards.cards[0].id)
        address_id = buyer_of.addresses[0].id
        async for event in room.events():
            order: PlaceOrder | None = None
            if isinstance(event, SaleChanged) and event.sale.phase == "live":
                if chance.random() < 0.5:
                    await asyncio.sleep(chance.uniform(0.5, 25))
                    order = _sale_order(event.sale, market.delivery_minor)
            elif isinstance(event, PinChanged) and event.pin and event.pin.kind == "product":
                offer = event.pin.offer
                if offer is not None and offer.available > 3 and chance.random() < 0.06:
                    await asyncio.sleep(chance.uniform(1, 10))
                    order = PlaceOrder(
                        id=new_id(),
                        variant_id=offer.variant_id,
                        offer_id=offer.id,
                        expected_total_minor=offer.price_minor + market.delivery_minor,
                        currency=offer.currency,
                    )
            if order is not None:
                paid = _paying(order, address_id, payment)
                with contextlib.suppress(CallRefused, Closed, TimeoutError):
                    await room.call(paid)


def _is_banned(closed: Closed) -> bool:
    """Told by the close code, or as the refusal when somebody comes back."""
    refused = closed.__cause__
    return closed.code == CloseCode.BANNED or (
        isinstance(refused, CallRefused) and refused.code == Code.BANNED
    )


def _sale_order(sale: SaleView, delivery_minor: int) -> PlaceOrder:
    return PlaceOrder(
        id=new_id(),
        variant_id=sale.variant_id,
        sale_id=sale.id,
        offer_id=sale.offer_id,
        expected_total_minor=sale.price_minor + delivery_minor,
        currency=sale.currency,
    )


def _paying(order: PlaceOrder, address_id: str, payment: PaymentChoice) -> PlaceOrder:
    return msgspec.structs.replace(order, address_id=address_id, payment=payment)
