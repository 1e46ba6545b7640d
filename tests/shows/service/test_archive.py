"""The archive behind the chat: bounded, in order, each message once."""

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.service import archive as module
from livecommerce.shows.service.archive import Archive
from livecommerce.shows.store.tables import chat_messages
from livecommerce.shows.wire import Author, ChatPosted, ReplyTo
from tests.shows.world import World


def message(number: int, **fields) -> ChatPosted:
    author = Author(id="p1", name="Sami", role="viewer")
    return ChatPosted(id=f"m{number}", at=number, author=author, text=f"{number}", **fields)


async def test_what_is_kept_is_read_back_as_it_was_said(world: World):
    said = message(1, mentions=["p2"], reply_to=ReplyTo(message_id="m0", name="Rana", text="hi"))
    archive = Archive(database=world.database)
    archive.keep(world.room_id, None, said)
    await archive.store()
    await archive.store()
    seed = await world.snapshots.load_room(world.room_id)
    assert seed.recent == [said]


async def test_many_are_stored_once_and_in_order(world: World):
    archive = Archive(database=world.database)
    for number in [*range(450), 3, 449]:
        archive.keep(world.room_id, None, message(number))
    await archive.store()
    rows = await world.database.fetch(chat_messages.select().order_by(chat_messages.c.said_at))
    assert [row["id"] for row in rows] == [f"m{number}" for number in range(450)]
    assert archive.lost == 0


async def test_what_waits_is_bounded_and_the_oldest_go(world: World, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 10)
    archive = Archive(database=world.database)
    for number in range(25):
        archive.keep(world.room_id, None, message(number))
    assert archive.lost == 15
    await archive.store()
    rows = await world.database.fetch(chat_messages.select())
    assert {row["id"] for row in rows} == {f"m{number}" for number in range(15, 25)}


async def test_what_is_quoted_by_many_waits_once(world: World, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 20)
    archive = Archive(database=world.database)
    thread = [message(number) for number in range(20)]
    for number, said in enumerate(thread):
        archive.keep(world.room_id, None, said, quoted=thread[max(0, number - 5) : number])
    assert archive.lost == 0
    await archive.store()
    rows = await world.database.fetch(chat_messages.select().order_by(chat_messages.c.said_at))
    assert [row["id"] for row in rows] == [said.id for said in thread]


async def test_an_outage_is_waited_out(world: World, monkeypatch):
    archive = Archive(database=world.database)
    for number in range(250):
        archive.keep(world.room_id, None, message(number))
    submit = world.database.writer.submit

    async def away(write):
        raise Refused(Code.UNAVAILABLE, retry_after_ms=1)

    with monkeypatch.context() as patch:
        patch.setattr(world.database.writer, "submit", away)
        await archive.store()
    assert world.database.writer.submit == submit
    await archive.store()
    rows = await world.database.fetch(chat_messages.select().order_by(chat_messages.c.said_at))
    assert [row["id"] for row in rows] == [f"m{number}" for number in range(250)]
    assert archive.lost == 0


async def test_one_that_cannot_be_stored_does_not_stop_the_rest(world: World):
    archive = Archive(database=world.database)
    for number in range(5):
        archive.keep(world.room_id if number != 2 else "no-such-room", None, message(number))
    await archive.store()
    archive.keep("no-such-room", None, message(6))
    await archive.store()
    rows = await world.database.fetch(chat_messages.select().order_by(chat_messages.c.said_at))
    assert [row["id"] for row in rows] == ["m0", "m1", "m3", "m4"]
    assert archive.lost == 2
