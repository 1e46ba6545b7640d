"""The scripted host: carries the script's cues out at their second, through a real socket."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from livecommerce.client import CallRefused, RoomClient
from livecommerce.demo import script
from livecommerce.demo.seed import Seeded
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Command
from livecommerce.shows.wire import MoveShow, PinOffer, PinSale, PinText, SendChat, Unpin
from livecommerce.stock.wire import ArmSale, PlanSale, SaleView, StartSale

log = structlog.get_logger()

_STEP_S = 0.2
_TEXT_SLOT = 3


class ScriptedHost:
    """Runs the show in a loop, in step with the looping video."""

    def __init__(self, client: RoomClient, seeded: Seeded, clock: Clock, began_ms: int) -> None:
        self._client = client
        self._seeded = seeded
        self._clock = clock
        self._began_ms = began_ms

    async def run(self) -> None:
        """Goes live and plays cue after cue until cancelled."""
        await self._try(MoveShow(id=new_id(), to="live"))
        done_s = self._now_s()
        await self._catch_up(done_s)
        while True:
            await asyncio.sleep(_STEP_S)
            now_s = self._now_s()
            for cue in script.cues_between(done_s, now_s):
                await self._play(cue.action)
            done_s = now_s

    def _now_s(self) -> float:
        return max(0.0, (self._clock.now_ms() - self._began_ms) / 1000)

    async def _catch_up(self, at_s: float) -> None:
        """Pins what the video shows already, when a demo is started in the middle of its loop."""
        for slot, product_key in script.pins_at(at_s).items():
            await self._play(script.Pin(product_key, slot))

    async def _play(self, action: script.Action) -> None:
        match action:
            case script.Pin(product_key, slot):
                offer_id = self._seeded.offers[product_key]
                await self._try(PinOffer(id=new_id(), offer_id=offer_id, slot=slot))
            case script.Unpin(slot):
                await self._try(Unpin(id=new_id(), slot=slot))
            case script.Say(text):
                # A line a language: mixed in one line, neither direction reads well.
                await self._try(SendChat(id=new_id(), text=text.ar))
                await self._try(SendChat(id=new_id(), text=text.en))
            case script.Announce(text):
                both = f"{text.ar}\n{text.en}"
                await self._try(PinText(id=new_id(), text=both, slot=_TEXT_SLOT))
            case script.OpenFlashSale():
                await self._open_sale(action)

    async def _open_sale(self, action: script.OpenFlashSale) -> None:
        product = self._seeded.products[action.product_key]
        variant = next(one for one in product.variants if one.sku == action.sku)
        with contextlib.suppress(CallRefused):
            planned: SaleView = await self._client.call(
                PlanSale(
                    id=new_id(),
                    offer_id=self._seeded.offers[action.product_key],
                    variant_id=variant.id,
                    price_minor=action.price_minor,
                    quota=action.quantity,
                    per_buyer=action.limit_per_buyer,
                    warm_up_s=action.warm_up_s,
                    duration_s=action.duration_s,
                )
            )
            if planned.phase == "scheduled":
                await self._client.call(ArmSale(id=new_id(), sale_id=planned.id))
            await self._client.call(StartSale(id=new_id(), sale_id=planned.id))
            await self._client.call(PinSale(id=new_id(), sale_id=planned.id, slot=script.MAIN_SLOT))

    async def _try(self, command: Command) -> None:
        """A cue that cannot be played (sold out, already live) does not stop the show."""
        try:
            await self._client.call(command)
        except CallRefused as refused:
            log.info("cue refused", verb=type(command).__name__, code=refused.code)
