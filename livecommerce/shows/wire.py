"""Rooms, shows, the bag, pins, chat and reactions on the wire."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from livecommerce.catalogue.wire import MerchantView, Text
from livecommerce.protocol.commands import Command, EntityId
from livecommerce.protocol.events import Event, StateEvent, VolatileEvent
from livecommerce.protocol.patterns import CountryCode, whole

BAG_MAX = 500
PIN_SLOTS = 3
CHAT_LENGTH_MAX = 500

Moment = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]
"""Epoch milliseconds, up to the year 2100."""
Slot = Annotated[int, msgspec.Meta(ge=1, le=PIN_SLOTS)]


# ---- rooms and shows -------------------------------------------------------------------------


class ShowView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    room_id: str
    title: Text
    state: str
    """scheduled · lobby · live · paused · ended"""
    starts_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """A room as a page needs it before its socket is open."""

    id: str
    slug: str
    title: Text
    host_id: str
    host_name: str
    market: str
    playback_url: str | None
    """Any HLS playlist or MP4 the player can open; None: a room without video."""
    poster_url: str | None
    show: ShowView | None
    viewers: int = 0
    capabilities: list[str] = []
    """What the asking person may do here."""
    version: int = 1


class RoomList(msgspec.Struct, frozen=True, kw_only=True):
    rooms: list[RoomView]


class RoomDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    slug: Annotated[str, msgspec.Meta(pattern=whole("[a-z0-9][a-z0-9-]{1,38}"))]
    title: Text
    market: CountryCode = "SA"
    playback_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    poster_url: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class RoomPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields left out (UNSET) stay as they are."""

    title: Text | msgspec.UnsetType = msgspec.UNSET
    playback_url: Annotated[str, msgspec.Meta(max_length=500)] | None | msgspec.UnsetType = (
        msgspec.UNSET
    )
    poster_url: Annotated[str, msgspec.Meta(max_length=500)] | None | msgspec.UnsetType = (
        msgspec.UNSET
    )


class PlanShow(Command, frozen=True, kw_only=True, tag="plan_show"):
    """Schedules the room's next show. Reply: ShowView."""

    title: Text
    starts_at: Moment | None = None


class MoveShow(Command, frozen=True, kw_only=True, tag="move_show"):
    """Moves the room's current show along scheduled → lobby → live ⇄ paused → ended.

    Going live without a planned show plans one. Reply: ShowView.
    """

    to: Annotated[str, msgspec.Meta(pattern=whole("lobby|live|paused|ended"))]


class ShowChanged(StateEvent, frozen=True, kw_only=True, tag="show_changed"):
    """Key `show`."""

    urgent: ClassVar[bool] = True

    show: ShowView


# ---- the bag ---------------------------------------------------------------------------------


class OfferView(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered product of the bag: what the room needs to show and sell it."""

    id: str
    number: int
    product_id: str
    title: Text
    merchant: MerchantView
    picture_url: str | None
    thumb_url: str | None
    currency: str
    price_minor: int
    """Lowest price among the variants."""
    compare_at_minor: int | None = None
    variant_count: int
    variant_id: str
    """The variant a single tap buys: the first one that can be had."""
    available: int
    """Units of all variants when this was read."""
    for_sale: bool = True
    """False: the product was taken off the shelves; the rest is as it was last seen."""


class BagView(msgspec.Struct, frozen=True, kw_only=True):
    room_id: str
    version: int
    offers: list[OfferView]


class BagChanged(StateEvent, frozen=True, kw_only=True, tag="bag_changed"):
    """Key `bag`: the list itself comes by HTTP, with the version as its ETag."""

    count: int


class AddOffer(Command, frozen=True, kw_only=True, tag="add_offer"):
    """Puts a product into the bag, at the end or before `number`. Reply: OfferView."""

    product_id: EntityId
    number: Annotated[int, msgspec.Meta(ge=1, le=BAG_MAX)] | None = None


class RemoveOffer(Command, frozen=True, kw_only=True, tag="remove_offer"):
    offer_id: EntityId


class MoveOffer(Command, frozen=True, kw_only=True, tag="move_offer"):
    """Gives an offer another number (past the end: the last); those between make room."""

    offer_id: EntityId
    number: Annotated[int, msgspec.Meta(ge=1, le=BAG_MAX)]


# ---- pins ------------------------------------------------------------------------------------


class PinView(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a slot: an offer, a flash sale (with its offer), or a text."""

    slot: int
    kind: str
    """product · flash_sale · announcement"""
    offer: OfferView | None = None
    sale_id: str | None = None
    text: str | None = None
    pinned_by: str
    """Display name of who pinned it."""
    pinned_at: int


class PinChanged(StateEvent, frozen=True, kw_only=True, tag="pin_changed"):
    """Key `pin:<slot>`; `pin` is None when the slot was emptied."""

    urgent: ClassVar[bool] = True

    slot: int
    pin: PinView | None

    @property
    def gone(self) -> bool:
        return self.pin is None


class PinOffer(Command, frozen=True, kw_only=True, tag="pin_offer"):
    """Reply: PinView. What stood in the slot can be brought back by `undo_pin` for 5 s."""

    offer_id: EntityId
    slot: Slot = 1


class PinSale(Command, frozen=True, kw_only=True, tag="pin_sale"):
    sale_id: EntityId
    slot: Slot = 1


class PinText(Command, frozen=True, kw_only=True, tag="pin_text"):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=280)]
    slot: Slot = 3


class Unpin(Command, frozen=True, kw_only=True, tag="unpin"):
    slot: Slot


class UndoPin(Command, frozen=True, kw_only=True, tag="undo_pin"):
    """Brings back what stood in the slot before, within 5 s of the change."""

    slot: Slot


# ---- chat ------------------------------------------------------------------------------------


SPARE_ROLES = ("viewer", "simulated")
"""Whose lines may be left out in a giant room. Those of the staff never are."""


class Author(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    role: str = "viewer"
    """host · co_host · moderator · viewer · simulated"""


class ReplyTo(msgspec.Struct, frozen=True, kw_only=True):
    message_id: str
    name: str
    text: str
    """The first 80 characters."""


class ChatPosted(Event, frozen=True, kw_only=True, tag="chat_posted"):
    """The event id is the message id."""

    replayed: ClassVar[bool] = True

    author: Author
    text: str
    reply_to: ReplyTo | None = None
    mentions: list[str] = []
    """Ids of the people named in the text."""

    @property
    def spare(self) -> bool:
        return self.author.role in SPARE_ROLES


class SendChat(Command, frozen=True, kw_only=True, tag="send_chat"):
    """Reply: ChatPosted, the message as everyone sees it."""

    text: Annotated[str, msgspec.Meta(max_length=4000)]
    """At most 500 characters after normalising; longer is `message_too_long`."""
    reply_to: EntityId | None = None
    mentions: Annotated[list[EntityId], msgspec.Meta(max_length=10)] = []


class ChatRemoved(Event, frozen=True, kw_only=True, tag="chat_removed"):
    """Messages that nobody may see any more, in history and snapshots too."""

    urgent: ClassVar[bool] = True

    message_ids: list[str]
    by: str
    """Display name of the moderator; empty for what went because it quoted something removed."""

    def redacts(self) -> tuple[str, ...]:
        return tuple(self.message_ids)


class ChatRules(StateEvent, frozen=True, kw_only=True, tag="chat_rules"):
    """Key `chat_rules`."""

    urgent: ClassVar[bool] = True

    slow_mode_s: int
    """Seconds between two messages of one person; 0 is off."""


class SetChatRules(Command, frozen=True, kw_only=True, tag="set_chat_rules"):
    slow_mode_s: Annotated[int, msgspec.Meta(ge=0, le=300)]


class DeleteMessage(Command, frozen=True, kw_only=True, tag="delete_message"):
    message_id: EntityId


class TimeOut(Command, frozen=True, kw_only=True, tag="time_out"):
    """Silences a person for a while; their recent messages go."""

    person_id: EntityId
    duration_s: Annotated[int, msgspec.Meta(ge=5, le=1_209_600)] = 300
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Ban(Command, frozen=True, kw_only=True, tag="ban"):
    """Shuts a person out of the room until lifted; their messages go, their sockets close."""

    person_id: EntityId
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Lift(Command, frozen=True, kw_only=True, tag="lift"):
    """Ends a time-out or ban."""

    person_id: EntityId


class Sanctioned(Event, frozen=True, kw_only=True, tag="sanctioned"):
    """Told to the person it is about, and to the staff of the room."""

    urgent: ClassVar[bool] = True

    person_id: str
    name: str
    kind: str
    """time_out · ban · lifted"""
    until: int | None = None
    by: str


# ---- reactions and counts --------------------------------------------------------------------


class SendLikes(Command, frozen=True, kw_only=True, tag="send_likes"):
    """Taps gathered by the client since its last report (every 500 ms at most)."""

    count: Annotated[int, msgspec.Meta(ge=1, le=15)]


class LikesCounted(VolatileEvent, frozen=True, kw_only=True, tag="likes_counted"):
    """Key `likes`: all of this show."""

    total: int


class ViewersCounted(VolatileEvent, frozen=True, kw_only=True, tag="viewers_counted"):
    """Key `viewers`: connections watching now, over all nodes."""

    count: int


class VisitorsCounted(VolatileEvent, frozen=True, kw_only=True, tag="visitors_counted"):
    """Key `visitors`, for the staff: who came so far, over all nodes.

    An estimate, within a few percent. It begins anew when a room was empty for six hours.
    """

    unique_viewers: int


# ---- roles -----------------------------------------------------------------------------------


class GrantDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person_id: EntityId
    role: Annotated[str, msgspec.Meta(pattern=whole("co_host|moderator"))]
    expires_at: Moment | None = None


class GrantView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    person_id: str
    name: str
    role: str
    expires_at: int | None = None


class GrantList(msgspec.Struct, frozen=True, kw_only=True):
    grants: list[GrantView]
