"""A snapshot with the events since applied is the fresh snapshot: by the pure rules alone."""

from dataclasses import replace

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from livecommerce.kernel.errors import Refused
from livecommerce.protocol.events import Event, StateEvent
from livecommerce.shows import bag as bags
from livecommerce.shows import pins
from livecommerce.shows import shows as show_rules
from livecommerce.shows.room_state import RECENT_MAX, RoomState, apply, apply_all, from_snapshot
from livecommerce.shows.rooms import Room, Standing
from livecommerce.shows.service.likes import likes_counted
from livecommerce.shows.service.views import (
    bag_changed,
    chat_rules_changed,
    pin_changed,
    show_changed,
    state_of,
)
from livecommerce.shows.shows import Show, State
from livecommerce.shows.store.records import PinRecord
from livecommerce.shows.wire import Author, ChatPosted, ChatRemoved, LikesCounted, PinView
from livecommerce.stock.wire import StockChanged


def said(number: int, at: int = 0) -> ChatPosted:
    return ChatPosted(
        id=f"m{number}", at=at or number, author=Author(id="p", name="Sami"), text=f"{number}"
    )


def counter(version: int, *, available: int = 5, dropped: bool = False) -> StockChanged:
    return StockChanged(
        id=f"s{version}{dropped}{available}",
        at=0,
        key="stock:v1",
        version=version,
        variant_id="v1",
        available=available,
        held=0,
        sold=0,
        dropped=dropped,
    )


def test_the_highest_version_wins():
    room = apply_all(RoomState(), [counter(3), counter(2, available=9)])
    assert room.shown["stock:v1"] == counter(3)


def test_what_is_gone_stays_gone_for_older_values():
    room = apply_all(RoomState(), [counter(3), counter(4, dropped=True), counter(3)])
    assert room.shown == {}


def test_a_counter_leaves_and_comes_back_at_one_version():
    room = apply_all(RoomState(), [counter(3), counter(3, dropped=True)])
    assert room.shown == {}
    assert apply(room, counter(3)).shown["stock:v1"] == counter(3)


def test_a_message_is_heard_once_and_the_list_is_bounded():
    room = apply_all(RoomState(), [said(1), said(1)])
    assert room.recent == (said(1),)
    room = apply_all(room, [said(number) for number in range(2, 80)])
    assert len(room.recent) == RECENT_MAX
    assert room.recent[-1] == said(79)


def test_a_removed_message_is_gone_even_if_it_comes_later():
    gone = ChatRemoved(id="x", at=9, message_ids=["m1", "m2"], by="Mona")
    room = apply_all(RoomState(), [said(1), gone, said(2), said(3)])
    assert room.recent == (said(3),)


def test_counters_are_what_they_last_were():
    room = apply_all(RoomState(), [likes_counted(5, 1), likes_counted(3, 2)])
    shown = room.volatile["likes"]
    assert isinstance(shown, LikesCounted)
    assert shown.total == 3


def facts(room: RoomState) -> tuple[object, ...]:
    """All that a viewer sees. The same value may have been told under several ids and times."""

    def plain(event: Event) -> dict[str, object]:
        built: dict[str, object] = msgspec.to_builtins(event)
        return {name: value for name, value in built.items() if name not in ("id", "at")}

    state = {key: plain(event) for key, event in room.shown.items()}
    return state, [event.id for event in room.recent], [*map(plain, room.volatile.values())]


OFFERS = st.integers(0, 5)
SLOTS = st.sampled_from(pins.SLOTS)


class PureRoom(RuleBasedStateMachine):
    """A room by its nouns alone, and viewers that joined at different moments."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000
        self.show: Show | None = None
        self.bag = bags.Bag()
        self.slots: dict[int, pins.Slot[PinRecord]] = {n: pins.Slot() for n in pins.SLOTS}
        self.versions = {"show": 0, "bag": 1, "rules": 1, 1: 1, 2: 1, 3: 1}
        self.slow_mode_s = 0
        self.messages: list[ChatPosted] = []
        self.likes = 0
        self.told: list[Event] = []
        self.log: list[Event] = [likes_counted(0, 0)]
        """What went out to viewers."""
        self.hub = self.seed()
        self.joined: list[tuple[RoomState, int]] = [(self.snapshot(), 0)]

    def tell(self, event: Event) -> None:
        """The hub forwards an event, but no value that is older than the one it holds."""
        self.told.append(event)
        held = self.hub.state.get(event.key) if isinstance(event, StateEvent) else None
        if held is None or not isinstance(event, StateEvent) or event.version >= held.version:
            self.hub = apply(self.hub, event)
            self.log.append(event)

    def snapshot(self) -> RoomState:
        """What a newcomer is told: nothing of what is gone."""
        seed = self.seed()
        return from_snapshot(seed.shown.values(), seed.recent, seed.volatile.values())

    def seed(self) -> RoomState:
        room = Room(
            id="r", slug="r", title_en="r", title_ar="", host_id="h", market="SA",
            playback_url=None, poster_url=None, show_version=self.versions["show"], version=1,
        )  # fmt: skip
        standing = Standing(
            room=room, show=self.show, likes=self.likes, bag=self.bag,
            bag_version=self.versions["bag"], slow_mode_s=self.slow_mode_s,
            rules_version=self.versions["rules"],
        )  # fmt: skip
        state: list[StateEvent] = state_of(standing, now=self.now)
        state += [
            pin_changed("r", number, slot, version=self.versions[number], now=self.now)
            for number, slot in self.slots.items()
        ]
        return from_snapshot(state, self.messages, [likes_counted(self.likes, self.now)])

    def bump(self, key: object) -> int:
        self.versions[key] += 1
        return self.versions[key]

    @rule()
    def join(self):
        self.joined.append((self.snapshot(), len(self.log)))

    @rule(ms=st.integers(1, 4_000))
    def wait(self, ms):
        self.now += ms

    @rule(to=st.sampled_from(list(State)))
    def move_show(self, to):
        show = self.show or Show(id="s", room_id="r", title_en="s", title_ar="")
        if show.state is State.ENDED:
            show = Show(id=f"s{self.now}", room_id="r", title_en="s", title_ar="")
        try:
            self.show = show_rules.move(show, to, now=self.now)
        except Refused:
            return
        version = self.bump("show")
        self.tell(show_changed("r", self.show, version=version, now=self.now))

    @rule(number=OFFERS, at=st.integers(1, 6))
    def add(self, number, at):
        self._change_bag(
            lambda: bags.add(self.bag, bags.Entry(f"o{number}", f"p{number}"), number=at)
        )

    @rule(number=OFFERS)
    def remove(self, number):
        self._change_bag(lambda: bags.remove(self.bag, f"o{number}"))

    def _change_bag(self, change):
        try:
            self.bag = change()
        except Refused:
            return
        self.tell(bag_changed("r", count=len(self.bag), version=self.bump("bag"), now=self.now))

    @rule(slot=SLOTS, number=OFFERS)
    def pin(self, slot, number):
        view = PinView(
            slot=slot, kind="announcement", text=f"{number}", pinned_by="H", pinned_at=self.now
        )
        self._change_slot(
            slot, lambda: pins.put(self.slots, slot, PinRecord(view=view), now=self.now)
        )

    @rule(slot=SLOTS)
    def unpin(self, slot):
        self._change_slot(slot, lambda: pins.clear(self.slots[slot], now=self.now))

    @rule(slot=SLOTS)
    def undo(self, slot):
        self._change_slot(slot, lambda: pins.undo(self.slots, slot, now=self.now))

    def _change_slot(self, number, change):
        before = self.slots[number]
        try:
            after = change()
        except Refused:
            return
        self.slots[number] = after
        if after != before:
            version = self.bump(number)
            self.tell(pin_changed("r", number, after, version=version, now=self.now))

    @rule(slow_mode_s=st.integers(0, 300))
    def set_rules(self, slow_mode_s):
        self.slow_mode_s = slow_mode_s
        version = self.bump("rules")
        self.tell(chat_rules_changed("r", slow_mode_s=slow_mode_s, version=version, now=self.now))

    @rule()
    def say(self):
        message = said(len(self.log), self.now)
        self.messages = [*self.messages, message][-RECENT_MAX:]
        self.tell(message)

    @rule(data=st.data())
    def delete(self, data):
        if self.messages:
            gone = data.draw(st.sampled_from(self.messages))
            self.messages = [message for message in self.messages if message is not gone]
            self.tell(
                ChatRemoved(id=f"x{len(self.log)}", at=self.now, message_ids=[gone.id], by="M")
            )

    @rule(count=st.integers(1, 15))
    def like(self, count):
        self.likes += count
        self.tell(likes_counted(self.likes, self.now))

    @rule(data=st.data())
    def tell_again(self, data):
        """The relay of committed events repeats some; likes and messages do not pass through it."""
        passing = LikesCounted | ChatPosted
        repeated = [event for event in self.told if not isinstance(event, passing)]
        if repeated:
            self.tell(data.draw(st.sampled_from(repeated)))

    @rule()
    def restart(self):
        """A new hub knows what the database tells, and takes the viewers of the old one."""
        self.hub = self.seed()

    @invariant()
    def every_viewer_knows_what_a_newcomer_is_shown(self):
        fresh = facts(self.snapshot())
        for room, position in self.joined:
            assert facts(apply_all(room, self.log[position:])) == fresh


PureRoom.TestCase.settings = settings(
    PureRoom.TestCase.settings, max_examples=60, stateful_step_count=40, deadline=None
)
TestPureRoom = PureRoom.TestCase


def test_show_versions_are_the_rooms():
    room = Room(
        id="r", slug="r", title_en="r", title_ar="", host_id="h", market="SA",
        playback_url=None, poster_url=None, show_version=7, version=9,
    )  # fmt: skip
    standing = Standing(
        room=room, show=None, likes=0, bag=bags.Bag(), bag_version=1, slow_mode_s=0,
        rules_version=1,
    )  # fmt: skip
    assert [event.key for event in state_of(standing, now=0)] == ["bag", "chat_rules"]
    show = Show(id="s", room_id="r", title_en="s", title_ar="")
    first = state_of(replace(standing, show=show), now=0)[0]
    assert (first.key, first.version) == ("show", 7)
