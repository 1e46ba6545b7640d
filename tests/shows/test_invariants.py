"""`verify` sees each promise broken; the database itself refuses what it can."""

import pytest
import sqlalchemy as sa

from livecommerce.database.group_commit import ConstraintViolated
from livecommerce.shows.bag import Bag, Entry
from livecommerce.shows.store.records import columns_of_bag, pin_id
from livecommerce.shows.store.tables import (
    bags,
    chat_messages,
    chat_rules,
    offers,
    pins,
    room_slugs,
    rooms,
    shows,
)
from livecommerce.shows.wire import DeleteMessage, MoveShow, PinOffer
from tests.shows.world import World, command
from tests.shows.writes import Change, Insert


async def change(world: World, table: sa.Table, id: str, **values) -> None:
    await world.database.writer.submit(Change(table, id, values))


async def broken(world: World) -> set[str]:
    return {breach.invariant for breach in await world.breaches()}


@pytest.fixture
async def evening(world: World) -> World:
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="live"))
    return world


async def test_a_bag_that_lists_something_else(evening: World):
    lamp, oud = await evening.offer("Lamp"), await evening.offer("Oud")
    entries = [Entry(lamp.id, lamp.product_id), Entry(oud.id, oud.product_id)]
    good = columns_of_bag(Bag(tuple(entries)))
    for bad in (entries[:1], [*entries, Entry("x", "y")], [entries[0], entries[0]], []):
        await change(evening, bags, evening.room_id, **columns_of_bag(Bag(tuple(bad))))
        assert "S1" in await broken(evening)
    await change(evening, bags, evening.room_id, **{**good, "count": 1})
    assert "S1" in await broken(evening)
    await change(evening, bags, evening.room_id, **good)
    assert await broken(evening) == set()


async def test_a_pin_that_points_astray(evening: World):
    lamp, oud = await evening.offer("Lamp"), await evening.offer("Oud")
    await evening.shows.pins.pin_offer(
        evening.host, evening.room_id, command(PinOffer, offer_id=lamp.id)
    )
    entries = (Entry(lamp.id, lamp.product_id), Entry(oud.id, oud.product_id))
    await change(evening, bags, evening.room_id, **columns_of_bag(Bag(entries[::-1])))
    assert await broken(evening) == {"S2"}
    await change(evening, bags, evening.room_id, **columns_of_bag(Bag(entries)))
    await change(evening, pins, pin_id(evening.room_id, 1), offer_id=oud.id)
    assert await broken(evening) == {"S2"}
    await change(evening, pins, pin_id(evening.room_id, 1), offer_id=lamp.id)


async def test_a_room_with_parts_missing(evening: World):
    await change(evening, rooms, evening.room_id, slug="elsewhere")
    assert await broken(evening) == {"S3"}
    await change(evening, rooms, evening.room_id, slug=evening.room.slug)
    lone = {
        "id": "lone", "slug": "lone", "title_en": "", "title_ar": "", "host_id": "h",
        "market": "SA", "created_at": 0,
    }  # fmt: skip
    await evening.database.writer.submit(Insert(rooms, lone))
    lone_breaches = [b for b in await evening.breaches() if b.subject == "lone"]
    assert len(lone_breaches) == 6
    await evening.database.writer.submit(Insert(room_slugs, {"id": "lone", "room_id": "lone"}))
    await evening.database.writer.submit(Insert(bags, {"id": "lone", **columns_of_bag(Bag())}))
    await evening.database.writer.submit(Insert(chat_rules, {"id": "lone"}))
    for slot in (1, 2, 3):
        row = {"id": pin_id("lone", slot), "room_id": "lone", "slot": slot}
        await evening.database.writer.submit(Insert(pins, row))


async def test_a_room_that_lost_its_show(evening: World):
    (show,) = await evening.database.fetch(shows.select())
    await change(evening, rooms, evening.room_id, show_id=None)
    assert await broken(evening) == {"S4"}
    await change(evening, rooms, evening.room_id, show_id=show["id"])
    await change(evening, shows, show["id"], started_at=None)
    assert await broken(evening) == {"S4"}
    await change(evening, shows, show["id"], started_at=show["started_at"])
    other = await evening.make_room("other")
    await change(evening, rooms, other.id, show_id=show["id"])
    assert await broken(evening) == {"S4"}
    await change(evening, rooms, other.id, show_id=None)


async def test_a_quote_of_what_was_removed(evening: World):
    bad = await evening.say(evening.host, "bad")
    quoting = await evening.say(evening.host, "what?", reply_to=bad)
    await evening.shows.moderating.delete_message(
        evening.host, evening.room_id, command(DeleteMessage, message_id=bad)
    )
    await evening.shows.archive.store()
    await change(evening, chat_messages, quoting, removed_at=None)
    other = await evening.make_room("other")
    # The quoted one was removed before the archive had it, so the reply names it no more.
    await change(evening, chat_messages, quoting, reply_to=bad)
    assert await broken(evening) == {"S5"}
    await change(evening, chat_messages, quoting, removed_at=1, text="")
    await change(evening, chat_messages, quoting, room_id=other.id)
    assert await broken(evening) == {"S6"}
    await change(evening, chat_messages, quoting, room_id=evening.room_id)


async def test_the_database_keeps_rows_in_their_bounds(evening: World):
    lamp = await evening.offer("Lamp")
    said = await evening.say(evening.host, "hi")
    await evening.shows.archive.store()
    (show,) = await evening.database.fetch(shows.select())
    slot = pin_id(evening.room_id, 2)
    cases: list[tuple[sa.Table, str, dict[str, object], str]] = [
        (shows, show["id"], {"state": "over"}, "ck_shows_state_known"),
        (shows, show["id"], {"ended_at": 5}, "ck_shows_end_is_told"),
        (shows, show["id"], {"state": "ended"}, "ck_shows_end_is_told"),
        (shows, show["id"], {"likes": -1}, "ck_shows_likes_counted"),
        (bags, evening.room_id, {"count": 501}, "ck_bags_within"),
        (bags, evening.room_id, {"count": -1}, "ck_bags_within"),
        (pins, slot, {"slot": 4}, "ck_pins_slot_known"),
        (pins, slot, {"kind": "announcement"}, "ck_pins_shown_is_of_a_kind"),
        (pins, slot, {"kind": "product", "shown": b""}, "ck_pins_points_at_its_kind"),
        (pins, slot, {"offer_id": lamp.id}, "ck_pins_points_at_its_kind"),
        (pins, slot, {"kind": "flash_sale", "shown": b"", "offer_id": lamp.id},
         "ck_pins_points_at_its_kind"),
        (chat_rules, evening.room_id, {"slow_mode_s": 301}, "ck_chat_rules_slow_mode_within"),
        (chat_rules, evening.room_id, {"slow_mode_s": -1}, "ck_chat_rules_slow_mode_within"),
        (chat_messages, said, {"removed_at": 5}, "ck_chat_messages_removed_is_blank"),
    ]  # fmt: skip
    for table, id, values, constraint in cases:
        with pytest.raises(ConstraintViolated) as violated:
            await change(evening, table, id, **values)
        assert violated.value.constraint == constraint, values


async def test_the_database_keeps_one_show_and_one_offer_of_a_product(evening: World):
    lamp = await evening.offer("Lamp")
    second = {
        "id": "s2", "room_id": evening.room_id, "title_en": "", "title_ar": "",
        "state": "lobby", "created_at": 0,
    }  # fmt: skip
    twice = {
        "id": "o2", "room_id": evening.room_id, "product_id": lamp.product_id,
        "added_by": "h", "added_at": 0,
    }  # fmt: skip
    for table, row in ((shows, second), (offers, twice)):
        with pytest.raises(ConstraintViolated) as violated:
            await evening.database.writer.submit(Insert(table, row))
        assert violated.value.kind == "unique"
