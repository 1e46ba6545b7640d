"""One command, one service function. Socket and HTTP both come through here."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from livecommerce.gateway.metrics import Metrics
from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders import wire as order_wire
from livecommerce.orders.service import Orders
from livecommerce.people.accounts import Actor
from livecommerce.protocol.commands import Command
from livecommerce.shows import wire as show_wire
from livecommerce.shows.service import Shows
from livecommerce.stock import wire as stock_wire
from livecommerce.stock.service import Stock

Verb = Callable[[Actor, str, Any], Awaitable[msgspec.Struct]]


class Dispatch:
    """Executes decoded commands for somebody, in a room (or in none)."""

    def __init__(self, *, shows: Shows, stock: Stock, orders: Orders, metrics: Metrics) -> None:
        self.shows = shows
        self._orders = orders
        self._metrics = metrics
        self._in_room: dict[type[Command], Verb] = {
            show_wire.PlanShow: shows.running.plan_show,
            show_wire.MoveShow: shows.running.move_show,
            show_wire.AddOffer: shows.bag.add_offer,
            show_wire.RemoveOffer: shows.bag.remove_offer,
            show_wire.MoveOffer: shows.bag.move_offer,
            show_wire.PinOffer: shows.pins.pin_offer,
            show_wire.PinSale: shows.pins.pin_sale,
            show_wire.PinText: shows.pins.pin_text,
            show_wire.Unpin: shows.pins.unpin,
            show_wire.UndoPin: shows.pins.undo_pin,
            show_wire.SendChat: shows.chat.send_chat,
            show_wire.SetChatRules: shows.chat.set_chat_rules,
            show_wire.SendLikes: shows.likes.send_likes,
            show_wire.DeleteMessage: shows.moderating.delete_message,
            show_wire.TimeOut: shows.moderating.time_out,
            show_wire.Ban: shows.moderating.ban,
            show_wire.Lift: shows.moderating.lift,
            stock_wire.PlanSale: stock.plan_sale,
            stock_wire.ArmSale: stock.arm_sale,
            stock_wire.StartSale: stock.start_sale,
            stock_wire.EndSale: stock.end_sale,
            stock_wire.CancelSale: stock.cancel_sale,
        }

    @property
    def verbs(self) -> frozenset[type[Command]]:
        """The commands that need a room."""
        return frozenset(self._in_room)

    async def execute(
        self, actor: Actor | None, room_id: str | None, command: Command
    ) -> msgspec.Struct:
        """Returns the command's reply. Raises Refused; counts either."""
        verb = str(command.__struct_config__.tag)
        started_s = time.perf_counter()
        code = Code.INTERNAL.value
        try:
            reply = await self._execute(actor, room_id, command)
            code = "ok"
            return reply
        except Refused as refused:
            code = refused.code.value
            raise
        finally:
            self._metrics.settled(verb, code, started_s)

    async def _execute(
        self, actor: Actor | None, room_id: str | None, command: Command
    ) -> msgspec.Struct:
        if actor is None:
            raise Refused(Code.UNAUTHENTICATED)
        match command:
            # Buying works without a room: from the shop, or by a link.
            case order_wire.PlaceOrder():
                return await self._orders.place_order(actor, room_id, command)
            case order_wire.PayOrder():
                return await self._orders.pay_order(actor, command)
            case order_wire.CancelOrder():
                return await self._orders.cancel_order(actor, command)
        verb = self._in_room.get(type(command))
        if verb is None:
            raise Refused(Code.UNKNOWN_VERB)
        if room_id is None:
            raise Refused(Code.NOT_JOINED)
        return await verb(actor, room_id, command)
