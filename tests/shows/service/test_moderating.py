"""Moderation carried out: messages vanish, people fall silent or leave."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor
from livecommerce.protocol.events import STAFF
from livecommerce.shows.store.tables import chat_messages
from livecommerce.shows.wire import (
    Ban,
    ChatPosted,
    ChatRemoved,
    DeleteMessage,
    Lift,
    MoveShow,
    Sanctioned,
    SendChat,
    SendLikes,
    TimeOut,
)
from tests.shows.world import World, command


@pytest.fixture
async def live(world: World) -> World:
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="live"))
    return world


async def delete(world: World, actor: Actor, message_id: str, room_id: str | None = None):
    sent = command(DeleteMessage, message_id=message_id)
    await world.shows.moderating.delete_message(actor, room_id or world.room_id, sent)


async def sanction(world: World, actor: Actor, kind, person: Actor, **fields):
    sent = command(kind, person_id=person.person_id, **fields)
    verb = {TimeOut: "time_out", Ban: "ban", Lift: "lift"}[kind]
    await getattr(world.shows.moderating, verb)(actor, world.room_id, sent)


async def refused_with(call) -> Refused:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value


async def rows(world: World) -> dict[str, dict]:
    await world.shows.archive.store()
    found = await world.database.fetch(chat_messages.select())
    return {row["id"]: dict(row) for row in found}


def removed(world: World) -> list[str]:
    return [id for event in world.events(ChatRemoved) for id in event.message_ids]


def told_to(world: World) -> list[tuple[str, str]]:
    return [
        (person_id, event.kind)
        for person_id, event in world.publisher.told
        if isinstance(event, Sanctioned)
    ]


@pytest.mark.parametrize("is_archived", [True, False])
async def test_a_deleted_message_is_gone_everywhere(live: World, is_archived: bool):
    sami, moderator = await live.person("Sami"), await live.moderator()
    kept = await live.say(sami, "fine")
    bad = await live.say(sami, "something bad")
    if is_archived:
        await live.shows.archive.store()
    await delete(live, moderator, bad)
    (event,) = live.events(ChatRemoved)
    assert (event.message_ids, event.by, event.redacts()) == ([bad], "Mona", (bad,))
    archived = await rows(live)
    assert archived[bad]["text"] == ""
    assert archived[bad]["removed_by"] == moderator.person_id
    assert archived[kept]["text"] == "fine"
    assert [message.id for message in await live.recent()] == [kept]
    room = await live.shows.memory.room(live.room_id)
    assert "something bad" not in repr(room.messages.get(bad))


async def test_what_quotes_it_goes_with_it(live: World):
    sami, rana = await live.person("Sami"), await live.person("Rana")
    bad = await live.say(sami, "something bad")
    await live.shows.archive.store()
    quoting = await live.say(rana, "how rude", reply_to=bad)
    await live.shows.archive.store()
    deeper = await live.say(live.host, "indeed", reply_to=quoting)
    other = await live.say(rana, "nice lamp")
    await delete(live, live.host, bad)
    assert set(removed(live)) == {bad, quoting, deeper}
    assert (await rows(live))[other]["removed_at"] is None
    assert (await rows(live))[quoting]["reply_text"] is None
    refused = await refused_with(live.say(rana, "what was it?", reply_to=bad))
    assert refused.code is Code.NOT_FOUND


async def test_old_quotes_are_found_in_the_archive(live: World):
    bad = await live.say(live.host, "something bad")
    quoting = await live.say(live.host, "how rude", reply_to=bad)
    for number in range(60):
        await live.say(live.host, f"{number}")
    await live.shows.archive.store()
    live.clock.advance(700_000)
    await live.shows.memory.refresh()
    await delete(live, live.host, bad)
    assert set(removed(live)) == {bad, quoting}


async def test_a_message_of_another_room_cannot_be_deleted(live: World):
    sami = await live.person("Sami")
    other = await live.make_room("other")
    message = await live.say(sami, "mine")
    for is_archived in (False, True):
        if is_archived:
            await live.shows.archive.store()
        refused = await refused_with(delete(live, live.host, message, room_id=other.id))
        assert (refused.code, refused.field) == (Code.NOT_FOUND, "message_id")
    assert removed(live) == []
    assert (await rows(live))[message]["text"] == "mine"


async def test_deleting_needs_the_power_and_a_message(live: World):
    sami, rana = await live.person("Sami"), await live.person("Rana")
    message = await live.say(sami, "mine")
    assert (await refused_with(delete(live, rana, message))).code is Code.FORBIDDEN
    assert (await refused_with(delete(live, live.host, "nothing"))).code is Code.NOT_FOUND
    await delete(live, live.host, message)
    await delete(live, live.host, message)


async def test_a_deleted_message_sent_again_stays_deleted(live: World):
    sami = await live.person("Sami")
    sent = command(SendChat, text="bad")
    first = await live.shows.chat.send_chat(sami, live.room_id, sent)
    await delete(live, live.host, first.id)
    again = await live.shows.chat.send_chat(sami, live.room_id, sent)
    assert again.id == first.id
    assert len(live.events(ChatPosted)) == 1
    assert (await rows(live))[first.id]["text"] == ""


async def test_a_time_out_silences_and_clears(live: World):
    sami, moderator = await live.person("Sami"), await live.moderator()
    said = [await live.say(sami, f"spam {n}") for n in range(3)]
    await live.shows.archive.store()
    said.append(await live.say(sami, "spam, not archived"))
    kept = await live.say(live.host, "welcome")
    await sanction(live, moderator, TimeOut, sami, duration_s=60, reason="spam")
    assert set(removed(live)) == set(said)
    archived = await rows(live)
    assert {id for id, row in archived.items() if row["text"]} == {kept}
    told = [(room, event, audience) for room, event, audience in live.publisher.published
            if isinstance(event, Sanctioned)]  # fmt: skip
    ((_, event, audience),) = told
    assert audience == STAFF
    assert (event.person_id, event.name, event.kind, event.by) == (
        sami.person_id, "Sami", "time_out", "Mona",
    )  # fmt: skip
    assert told_to(live) == [(sami.person_id, "time_out")]
    refused = await refused_with(live.say(sami, "hey"))
    assert (refused.code, refused.retry_after_ms) == (Code.MUTED, 60_000)
    assert live.shut_out == []
    await live.shows.likes.send_likes(sami, live.room_id, command(SendLikes, count=1))
    live.clock.advance(60_000)
    await live.say(sami, "sorry")


async def test_a_ban_shuts_out_until_it_is_lifted(live: World):
    sami = await live.person("Sami")
    said = await live.say(sami, "bad")
    await sanction(live, live.host, Ban, sami)
    assert live.shut_out == [(live.room_id, sami.person_id)]
    assert removed(live) == [said]
    assert (await refused_with(live.say(sami, "hey"))).code is Code.BANNED
    refused = await refused_with(
        live.shows.likes.send_likes(sami, live.room_id, command(SendLikes, count=1))
    )
    assert refused.code is Code.BANNED
    await sanction(live, live.host, Lift, sami)
    live.clock.advance(2_000)
    await live.say(sami, "back")
    assert told_to(live) == [(sami.person_id, "ban"), (sami.person_id, "lifted")]
    assert (await rows(live))[said]["text"] == ""


async def test_a_ban_is_of_one_room(live: World):
    sami = await live.person("Sami")
    other = await live.make_room("other")
    move = command(MoveShow, to="live")
    await live.shows.running.move_show(live.host, other.id, move)
    hello = await live.shows.chat.send_chat(sami, other.id, command(SendChat, text="hello"))
    await sanction(live, live.host, Ban, sami)
    assert removed(live) == []
    assert (await rows(live))[hello.id]["text"] == "hello"
    await live.shows.chat.send_chat(sami, other.id, command(SendChat, text="still here"))


async def test_who_may_not_sanction(live: World):
    sami, moderator = await live.person("Sami"), await live.moderator()
    rana = await live.person("Rana")
    message = await live.say(rana, "hi")
    for actor, kind, person, code in [
        (sami, TimeOut, rana, Code.FORBIDDEN),
        (sami, Ban, rana, Code.FORBIDDEN),
        (sami, Lift, rana, Code.FORBIDDEN),
        (moderator, Ban, live.host, Code.FORBIDDEN),
        (live.host, Ban, live.host, Code.FORBIDDEN),
        (live.host, Ban, Actor("01NOBODY", "Nobody", "account"), Code.NOT_FOUND),
        (live.host, Lift, rana, Code.BAD_TRANSITION),
    ]:
        assert (await refused_with(sanction(live, actor, kind, person))).code is code
    assert removed(live) == []
    assert (await rows(live))[message]["text"] == "hi"


async def test_a_repeated_time_out_clears_once(live: World):
    sami = await live.person("Sami")
    await live.say(sami, "one")
    sent = command(TimeOut, person_id=sami.person_id, duration_s=5)
    await live.shows.moderating.time_out(live.host, live.room_id, sent)
    live.clock.advance(10_000)
    later = await live.say(sami, "two")
    await live.shows.moderating.time_out(live.host, live.room_id, sent)
    assert later not in removed(live)
    assert [message.id for message in await live.recent()] == [later]


async def test_many_messages_go_in_several_events(live: World):
    moderator = await live.moderator("Talker")
    said = [await live.say(moderator, f"{n}") for n in range(250)]
    await live.shows.archive.store()
    await sanction(live, live.host, TimeOut, moderator, duration_s=5)
    assert set(removed(live)) == set(said)
    assert [len(event.message_ids) for event in live.events(ChatRemoved)] == [100, 100, 50]


async def test_what_one_process_removes_the_other_does_not_archive(worlds: tuple[World, World]):
    one, other = worlds
    sami = await one.person("Sami")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    await one.shows.memory.room(one.room_id)
    message = await other.say(sami, "bad")
    await other.shows.archive.store()
    late = await other.say(sami, "worse")
    await asyncio.gather(sanction(one, one.host, Ban, sami), other.shows.archive.store())
    one.clock.advance(1_000)
    await other.moderation.refresh()
    await other.shows.memory.refresh()
    assert other.shut_out == [(one.room_id, sami.person_id)]
    assert (await refused_with(other.say(sami, "hey"))).code is Code.BANNED
    await other.shows.moderating.sweep()
    archived = await rows(other)
    assert (archived[message]["text"], archived[late]["text"]) == ("", "")
    assert {*removed(one), *removed(other)} == {message, late}
    for world in worlds:
        assert await world.recent() == []


async def test_what_another_process_has_just_posted_can_be_removed(worlds: tuple[World, World]):
    one, other = worlds
    sami, rana = await one.person("Sami"), await one.person("Rana")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    await one.shows.memory.room(one.room_id)
    bad = await other.say(sami, "bad")
    quoting = await other.say(rana, "how rude", reply_to=bad)
    kept = await other.say(rana, "nice lamp")
    await delete(one, one.host, bad)
    assert set(removed(one)) == {bad, quoting}
    assert (await refused_with(one.say(rana, "what was it?", reply_to=bad))).code is Code.NOT_FOUND
    # Its archive comes now, and finds what was decided.
    archived = await rows(other)
    assert {id for id, row in archived.items() if row["text"]} == {kept}
    assert archived[bad]["removed_by"] == one.host.person_id
    await other.shows.memory.refresh()
    for world in worlds:
        assert [message.id for message in await world.recent()] == [kept]


async def test_what_another_process_has_just_posted_can_be_answered(worlds: tuple[World, World]):
    one, other = worlds
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    await one.shows.memory.room(one.room_id)
    asked = await other.say(await other.person("Sami"), "how much?")
    answer = await one.say(one.host, "twenty", reply_to=asked)
    (posted,) = [event for event in one.events(ChatPosted) if event.id == answer]
    assert posted.reply_to is not None
    assert posted.reply_to.text == "how much?"


async def test_a_ban_takes_what_was_just_posted_elsewhere(worlds: tuple[World, World]):
    one, other = worlds
    sami = await one.person("Sami")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    await one.shows.memory.room(one.room_id)
    bad = await other.say(sami, "bad")
    await sanction(one, one.host, Ban, sami)
    assert removed(one) == [bad]
    assert (await rows(other))[bad]["text"] == ""


async def test_a_quote_of_what_was_removed_elsewhere_goes_when_it_is_archived(
    worlds: tuple[World, World],
):
    one, other = worlds
    sami, rana = await one.person("Sami"), await one.person("Rana")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    bad = await other.say(sami, "bad")
    await other.shows.archive.store()
    await delete(one, one.host, bad)
    # The other process has not heard of it yet.
    quoting = await other.say(rana, "how rude", reply_to=bad)
    deeper = await other.say(rana, "indeed", reply_to=quoting)
    archived = await rows(other)
    assert [archived[id]["reply_text"] for id in (quoting, deeper)] == [None, None]
    assert [archived[id]["text"] for id in (quoting, deeper)] == ["", ""]
    await other.outbox.close()
    assert set(removed(other)) == {quoting, deeper}
    await other.shows.memory.refresh()
    assert (await other.shows.memory.room(one.room_id)).standing_messages() == []


async def test_a_reply_that_is_archived_while_its_quote_goes_goes_too(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
):
    one, other = worlds
    sami, rana = await one.person("Sami"), await one.person("Rana")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    bad = await other.say(sami, "bad")
    await other.shows.archive.store()
    looked = one.database.writer.submit
    late: list[str] = []

    async def archived_meanwhile(write):
        if not late:
            late.append(await other.say(rana, "how rude", reply_to=bad))
            await other.shows.archive.store()
        return await looked(write)

    with monkeypatch.context() as patch:
        patch.setattr(one.database.writer, "submit", archived_meanwhile)
        await delete(one, one.host, bad)
    assert set(removed(one)) == {bad, *late}
    assert (await rows(one))[late[0]]["reply_text"] is None


@pytest.mark.parametrize("is_deeper", [False, True])
async def test_a_reply_to_what_nobody_has_archived_meets_its_removal(
    worlds: tuple[World, World],
    monkeypatch: pytest.MonkeyPatch,
    is_deeper: bool,
):
    one, other = worlds
    sami, rana = await one.person("Sami"), await one.person("Rana")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    bad = await one.say(sami, "bad")
    submit, connection = one.database.writer.submit, other.database.writer._connection
    save, under_way, is_removed = connection.save, asyncio.Event(), asyncio.Event()
    storing: list[asyncio.Task[None]] = []

    async def saved_late(saves):
        under_way.set()
        await is_removed.wait()
        await save(saves)

    async def answered_meanwhile(write):
        if not storing:
            quoting = await other.say(rana, "how rude", reply_to=bad)
            if is_deeper:
                # As if a third process had said it, which has not archived it either.
                other.shows.archive._waiting.clear()
                await other.say(rana, "indeed", reply_to=quoting)
            # It is decided, and not stored yet, while the removal looks for replies.
            storing.append(asyncio.create_task(other.shows.archive.store()))
            await under_way.wait()
        return await submit(write)

    with monkeypatch.context() as patch:
        patch.setattr(connection, "save", saved_late)
        patch.setattr(one.database.writer, "submit", answered_meanwhile)
        await delete(one, one.host, bad)
        is_removed.set()
        await storing[0]
    assert {row["text"] for row in (await rows(one)).values()} == {""}
    assert {row["reply_text"] for row in (await rows(one)).values()} == {None}
    # The line's own process comes last, and finds it gone.
    await one.shows.archive.store()
    assert (await rows(one))[bad]["text"] == ""


async def test_a_reply_waits_for_a_removal_under_way(worlds: tuple[World, World]):
    one, other = worlds
    sami, rana = await one.person("Sami"), await one.person("Rana")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    bad = await other.say(sami, "bad")
    await other.shows.archive.store()
    quoting = await other.say(rana, "how rude", reply_to=bad)
    engine = create_async_engine(one.database.url)
    async with engine.connect() as removing:
        await removing.execute(
            chat_messages.update()
            .where(chat_messages.c.id == bad)
            .values(text="", removed_at=1, removed_by=one.host.person_id)
        )
        storing = asyncio.create_task(other.shows.archive.store())
        # As long as it may take to store a line of which nothing is held.
        await asyncio.wait([storing], timeout=1.0)
        await removing.commit()
    await engine.dispose()
    await storing
    assert (await rows(other))[quoting]["text"] == ""
    await other.outbox.close()
    assert quoting in removed(other)


async def test_what_slips_in_beside_a_sanction_is_swept(live: World):
    sami = await live.person("Sami")
    await live.say(sami, "before")
    sending = [live.say(sami, f"{n}", mentions=["nobody"]) for n in range(3)]
    await asyncio.gather(
        sanction(live, live.host, TimeOut, sami, duration_s=60), *sending, return_exceptions=True
    )
    await live.shows.moderating.sweep()
    assert await live.recent() == []
    assert {event.id for event in live.events(ChatPosted)} == set(removed(live))
    live.clock.advance(61_000)
    await live.shows.moderating.sweep()
    after = await live.say(sami, "after")
    await live.shows.moderating.sweep()
    assert after not in removed(live)
