"""The same law on real databases: any evening, by the services, step by step."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from livecommerce.catalogue.wire import Text
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor
from livecommerce.protocol.events import Event, StateEvent, VolatileEvent
from livecommerce.shows.room_state import RoomState, apply_all, from_snapshot
from livecommerce.shows.shows import State
from livecommerce.shows.wire import (
    AddOffer,
    DeleteMessage,
    Lift,
    MoveOffer,
    MoveShow,
    PinOffer,
    PinText,
    PlanShow,
    RemoveOffer,
    SendLikes,
    SetChatRules,
    TimeOut,
    UndoPin,
    Unpin,
)
from tests.shows.world import World, command, open_world

# What a step of a random evening may well be told; anything else fails the test.
EXPECTED = {
    Code.BAD_TRANSITION, Code.ALREADY_EXISTS, Code.NOT_FOUND, Code.SLOT_TAKEN, Code.UNDO_EXPIRED,
    Code.SHOW_NOT_OPEN, Code.SLOW_MODE, Code.RATE_LIMITED, Code.MUTED, Code.STOCK_COMMITTED,
    Code.BAD_FIELD,
}  # fmt: skip
PRODUCTS = 4
NUMBERS = st.integers(0, PRODUCTS - 1)
SLOTS = st.sampled_from([1, 2, 3])


class Evening(RuleBasedStateMachine):
    """A host, a moderator and a viewer do whatever comes to mind."""

    url: Callable[[Path], str]

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.offers: list[str] = []
        self.messages: list[str] = []
        self.runner.run(self._open())

    async def _open(self) -> None:
        folder = Path(self.folder.name)
        self.world: World = await open_world(type(self).url(folder), folder)
        self.viewer: Actor = await self.world.person("Sami")
        self.products = [await self.world.product(f"P{n}", variants=n + 1) for n in range(PRODUCTS)]
        self.start = await self._fresh()

    async def _fresh(self) -> RoomState:
        seed = await self.world.snapshots.load_room(self.world.room_id)
        return from_snapshot(
            [event for event in seed.state if isinstance(event, StateEvent)],
            [event for event in seed.recent if isinstance(event, Event)],
            [event for event in seed.volatile if isinstance(event, VolatileEvent)],
        )

    def do(self, doing: Awaitable[Any]) -> Any:
        async def done() -> Any:
            try:
                return await doing
            except Refused as refused:
                if refused.code not in EXPECTED:
                    raise
                return None

        self.world.clock.advance(300)
        return self.runner.run(done())

    @rule(to=st.sampled_from([state.value for state in State if state is not State.SCHEDULED]))
    def move_show(self, to):
        w = self.world
        self.do(w.shows.running.move_show(w.host, w.room_id, command(MoveShow, to=to)))

    @rule()
    def plan_show(self):
        w = self.world
        plan = command(PlanShow, title=Text(en="Next"))
        self.do(w.shows.running.plan_show(w.host, w.room_id, plan))

    @rule(number=NUMBERS, at=st.integers(1, PRODUCTS) | st.none())
    def add_offer(self, number, at):
        w = self.world
        add = command(AddOffer, product_id=self.products[number].id, number=at)
        offer = self.do(w.shows.bag.add_offer(w.host, w.room_id, add))
        if offer is not None:
            self.offers.append(offer.id)

    @rule(data=st.data(), number=st.integers(1, PRODUCTS))
    def move_offer(self, data, number):
        if self.offers:
            w = self.world
            offer_id = data.draw(st.sampled_from(self.offers))
            move = command(MoveOffer, offer_id=offer_id, number=number)
            self.do(w.shows.bag.move_offer(w.host, w.room_id, move))

    @rule(data=st.data())
    def remove_offer(self, data):
        if self.offers:
            w = self.world
            remove = command(RemoveOffer, offer_id=data.draw(st.sampled_from(self.offers)))
            self.do(w.shows.bag.remove_offer(w.host, w.room_id, remove))

    @rule(data=st.data(), slot=SLOTS)
    def pin_offer(self, data, slot):
        if self.offers:
            w = self.world
            offer_id = data.draw(st.sampled_from(self.offers))
            pin = command(PinOffer, offer_id=offer_id, slot=slot)
            self.do(w.shows.pins.pin_offer(w.host, w.room_id, pin))

    @rule(slot=SLOTS)
    def pin_text(self, slot):
        w = self.world
        self.do(w.shows.pins.pin_text(w.host, w.room_id, command(PinText, text="Hi", slot=slot)))

    @rule(slot=SLOTS)
    def unpin(self, slot):
        w = self.world
        self.do(w.shows.pins.unpin(w.host, w.room_id, command(Unpin, slot=slot)))

    @rule(slot=SLOTS)
    def undo_pin(self, slot):
        w = self.world
        self.do(w.shows.pins.undo_pin(w.host, w.room_id, command(UndoPin, slot=slot)))

    @rule(number=NUMBERS, delta=st.sampled_from([-3, -1, 2, 5]))
    def adjust_stock(self, number, delta):
        w = self.world
        variant_id = self.products[number].variants[0].id
        self.do(w.stock.adjust(w.host, variant_id, delta=delta))

    @rule(by_host=st.booleans(), data=st.data())
    def say(self, by_host, data):
        reply_to = data.draw(st.none() | st.sampled_from(self.messages)) if self.messages else None
        actor = self.world.host if by_host else self.viewer
        said = self.do(self.world.say(actor, "hello", reply_to=reply_to))
        if said is not None:
            self.messages.append(said)

    @rule(data=st.data())
    def delete_message(self, data):
        if self.messages:
            w = self.world
            delete = command(DeleteMessage, message_id=data.draw(st.sampled_from(self.messages)))
            self.do(w.shows.moderating.delete_message(w.host, w.room_id, delete))

    @rule()
    def time_out(self):
        w = self.world
        time_out = command(TimeOut, person_id=self.viewer.person_id, duration_s=5)
        self.do(w.shows.moderating.time_out(w.host, w.room_id, time_out))

    @rule()
    def lift(self):
        w = self.world
        lift = command(Lift, person_id=self.viewer.person_id)
        self.do(w.shows.moderating.lift(w.host, w.room_id, lift))

    @rule(slow_mode_s=st.sampled_from([0, 1, 30]))
    def set_rules(self, slow_mode_s):
        w = self.world
        rules = command(SetChatRules, slow_mode_s=slow_mode_s)
        self.do(w.shows.chat.set_chat_rules(w.host, w.room_id, rules))

    @rule()
    def like(self):
        w = self.world
        self.do(w.shows.likes.send_likes(w.host, w.room_id, command(SendLikes, count=3)))

    @rule(restarts=st.booleans())
    def settle(self, restarts):
        """Background work runs; now and then the room falls out of memory, as in a restart."""
        self.runner.run(self._settle())
        if restarts:
            self.world.clock.advance(700_000)
            self.runner.run(self.world.shows.memory.refresh())

    async def _settle(self) -> None:
        shows = self.world.shows
        await shows.archive.store()
        await shows.likes.store()
        await shows.moderating.sweep()
        await shows.memory.refresh()
        await shows.showing.refresh()

    @invariant()
    def a_newcomer_is_shown_what_everyone_knows(self):
        if not hasattr(self, "world"):
            return
        self.world.shows.likes.tell_changed()
        fresh = self.runner.run(self._fresh())
        assert _facts(apply_all(self.start, self.world.seen())) == _facts(fresh)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            assert self.runner.run(self.world.breaches()) == []
        finally:
            self.runner.run(self.world.close())
            self.runner.close()
            self.folder.cleanup()


def _facts(room: RoomState) -> tuple[object, ...]:
    def plain(event: Event) -> dict[str, object]:
        built: dict[str, object] = msgspec.to_builtins(event)
        return {name: value for name, value in built.items() if name not in ("id", "at")}

    state = {key: plain(event) for key, event in room.shown.items()}
    recent = [(event.id, event.at, plain(event)) for event in room.recent]
    return state, recent, {key: plain(event) for key, event in room.volatile.items()}


EVENINGS = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
def test_any_evening_on_sqlite():
    class OnSqlite(Evening):
        url = staticmethod(lambda folder: f"sqlite+aiosqlite:///{folder}/shop.db")

    run_state_machine_as_test(OnSqlite, settings=EVENINGS)


@pytest.mark.slow
def test_any_evening_on_postgresql(postgres_server):
    class OnPostgresql(Evening):
        url = staticmethod(lambda folder: postgres_server.create_database())

    run_state_machine_as_test(OnPostgresql, settings=EVENINGS)
