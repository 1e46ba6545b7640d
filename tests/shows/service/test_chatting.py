"""Chat: what is said, once, by whom, how often."""

import asyncio
import dataclasses

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor
from livecommerce.shows.store.tables import chat_messages
from livecommerce.shows.wire import ChatPosted, ChatRules, MoveShow, SendChat, SetChatRules
from tests.shows.world import World, command


@pytest.fixture
async def live(world: World) -> World:
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="live"))
    return world


async def send(world: World, actor: Actor, text: str, **fields) -> ChatPosted:
    sent = command(SendChat, text=text, **fields)
    return await world.shows.chat.send_chat(actor, world.room_id, sent)


async def slow(world: World, seconds: int):
    await world.shows.chat.set_chat_rules(
        world.host, world.room_id, command(SetChatRules, slow_mode_s=seconds)
    )


async def refused_with(call) -> Refused:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value


async def test_a_message_is_told_and_archived(live: World):
    sami = await live.person("Sami")
    posted = await send(live, sami, "  Is it \u202e real oud? ")
    assert posted.text == "Is it real oud?"
    assert (posted.author.id, posted.author.name, posted.author.role) == (
        sami.person_id, "Sami", "viewer",
    )  # fmt: skip
    assert live.events(ChatPosted) == [posted]
    await live.shows.archive.store()
    rows = await live.database.fetch(chat_messages.select())
    assert [(row["id"], row["text"], row["author_name"]) for row in rows] == [
        (posted.id, "Is it real oud?", "Sami")
    ]


async def test_who_said_it_and_who_is_spoken_to_are_named_with_it(live: World):
    sami, huda = await live.person("Sami"), await live.person("Huda")
    first = await send(live, huda, "which sizes?")
    assert live.publisher.concerns[first.id] == (huda.person_id,)
    answer = await send(
        live, sami, "all of them", reply_to=first.id, mentions=[live.host.person_id]
    )
    told = (sami.person_id, live.host.person_id, huda.person_id)
    assert live.publisher.concerns[answer.id] == told
    assert first.spare
    assert not (await send(live, live.host, "welcome")).spare


async def test_a_room_in_which_too_much_is_said_says_so(
    live: World, monkeypatch: pytest.MonkeyPatch
):
    limits = dataclasses.replace(live.shows.chat._limits, room_per_s=3.0)
    monkeypatch.setattr(live.shows.chat, "_limits", limits)
    people = [await live.person(f"Person {number}") for number in range(5)]
    posted = [await send(live, each, "me!") for each in people[:3]]
    fourth = command(SendChat, text="me too!")
    refused = await refused_with(live.shows.chat.send_chat(people[3], live.room_id, fourth))
    assert refused.code is Code.SERVER_BUSY
    assert refused.retry_after_ms is not None
    assert 1_000 <= refused.retry_after_ms <= 4_000
    # Nothing was told or kept of it, and the staff is heard.
    assert live.events(ChatPosted) == posted
    posted.append(await send(live, live.host, "one after the other"))
    live.clock.advance(refused.retry_after_ms)
    posted.append(await live.shows.chat.send_chat(people[3], live.room_id, fourth))
    assert live.events(ChatPosted) == posted


async def test_markup_is_text(live: World):
    said = "<img src=x onerror=alert(1)> '); DROP TABLE chat_messages;-- {{7*7}}"
    assert (await send(live, await live.person("Sami"), said)).text == said


async def test_everybody_is_known_by_their_part(live: World):
    moderator, cohost = await live.moderator(), await live.moderator("Co", role="co_host")
    simulated = Actor((await live.person("Robo")).person_id, "Robo", "simulated")
    parts = [
        (await send(live, actor, "hi")).author.role
        for actor in (live.host, cohost, moderator, simulated)
    ]
    assert parts == ["host", "co_host", "moderator", "simulated"]


async def test_sent_again_it_is_one_message(live: World):
    sami = await live.person("Sami")
    sent = command(SendChat, text="hello")
    answers = await asyncio.gather(
        *(live.shows.chat.send_chat(sami, live.room_id, sent) for _ in range(5))
    )
    live.clock.advance(60_000)
    answers.append(await live.shows.chat.send_chat(sami, live.room_id, sent))
    assert len(set(map(repr, answers))) == 1
    assert len(live.events(ChatPosted)) == 1
    other = SendChat(id=sent.id, text="something else")
    refused = await refused_with(live.shows.chat.send_chat(sami, live.room_id, other))
    assert refused.code is Code.IDEMPOTENCY_MISMATCH
    # Ids are each person's own.
    huda = await live.shows.chat.send_chat(live.host, live.room_id, sent)
    assert huda.id != answers[0].id


async def test_a_resend_after_a_restart_is_archived_once(live: World):
    sami = await live.person("Sami")
    sent = command(SendChat, text="hello")
    await live.shows.chat.send_chat(sami, live.room_id, sent)
    await live.shows.archive.store()
    live.clock.advance(3_600_000)
    await live.shows.memory.refresh()
    again = await live.shows.chat.send_chat(sami, live.room_id, sent)
    await live.shows.archive.store()
    assert [row["id"] for row in await live.database.fetch(chat_messages.select())] == [again.id]
    assert live.shows.archive.lost == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.MESSAGE_EMPTY),
        (" \u200b\u202e ", Code.MESSAGE_EMPTY),
        ("x" * 501, Code.MESSAGE_TOO_LONG),
        ("ز" * 4_000, Code.MESSAGE_TOO_LONG),
    ],
)
async def test_what_is_no_message(live: World, text: str, code: Code):
    refused = await refused_with(send(live, await live.person("Sami"), text))
    assert (refused.code, refused.field) == (code, "text")
    assert live.events(ChatPosted) == []


async def test_chat_is_open_from_lobby_to_end(world: World):
    sami = await world.person("Sami")
    assert (await refused_with(send(world, sami, "early"))).code is Code.SHOW_NOT_OPEN
    for to in ("lobby", "live", "paused"):
        await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to=to))
        await send(world, sami, f"in {to}")
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="ended"))
    assert (await refused_with(send(world, sami, "late"))).code is Code.SHOW_NOT_OPEN


async def test_a_flood_is_held_back_and_told_how_long(live: World):
    sami = await live.person("Sami")
    for number in range(5):
        await send(live, sami, f"{number}")
    refused = await refused_with(send(live, sami, "too much"))
    assert (refused.code, refused.retry_after_ms) == (Code.RATE_LIMITED, 1_000)
    # Another person's words, and this one's in another room, are not held up.
    await send(live, await live.person("Rana"), "hi")
    live.clock.advance(1_000)
    await send(live, sami, "now")


async def test_staff_are_not_held_back(live: World):
    moderator = await live.moderator()
    await slow(live, 300)
    for number in range(20):
        await send(live, moderator, f"{number}")
        await send(live, live.host, f"{number}")


async def test_slow_mode_tells_the_wait(live: World):
    sami = await live.person("Sami")
    await slow(live, 30)
    assert [(e.slow_mode_s, e.version) for e in live.events(ChatRules)] == [(30, 2)]
    await send(live, sami, "one")
    live.clock.advance(10_000)
    refused = await refused_with(send(live, sami, "two"))
    assert (refused.code, refused.retry_after_ms) == (Code.SLOW_MODE, 20_000)
    live.clock.advance(20_000)
    await send(live, sami, "two")
    await slow(live, 0)
    await send(live, sami, "three")
    await slow(live, 0)
    assert [e.slow_mode_s for e in live.events(ChatRules)] == [30, 0]


async def test_two_at_once_do_not_slip_through_slow_mode(live: World):
    sami = await live.person("Sami")
    await slow(live, 30)
    answers = await asyncio.gather(
        *(send(live, sami, f"{n}", mentions=["nobody"]) for n in range(4)), return_exceptions=True
    )
    assert sum(isinstance(answer, ChatPosted) for answer in answers) == 1
    assert {a.code for a in answers if isinstance(a, Refused)} == {Code.SLOW_MODE}


async def test_only_who_may_sets_the_rules(live: World):
    sami, moderator = await live.person("Sami"), await live.moderator()
    rules = command(SetChatRules, slow_mode_s=10)
    refused = await refused_with(live.shows.chat.set_chat_rules(sami, live.room_id, rules))
    assert refused.code is Code.FORBIDDEN
    await live.shows.chat.set_chat_rules(moderator, live.room_id, rules)


async def test_a_reply_quotes_what_it_answers(live: World):
    sami = await live.person("Sami")
    first = await send(live, live.host, "x" * 200)
    reply = await send(live, sami, "yes!", reply_to=first.id)
    assert reply.reply_to is not None
    assert (reply.reply_to.message_id, reply.reply_to.name) == (first.id, "Huda")
    assert reply.reply_to.text == "x" * 79 + "…"


async def test_an_old_message_is_found_in_the_archive(live: World):
    sami = await live.person("Sami")
    first = await send(live, live.host, "long ago")
    await live.shows.archive.store()
    live.clock.advance(3_600_000)
    await live.shows.memory.refresh()
    for number in range(60):
        await send(live, live.host, f"{number}")
    await live.shows.archive.store()
    live.clock.advance(3_600_000)
    await live.shows.memory.refresh()
    reply = await send(live, sami, "still?", reply_to=first.id, mentions=[live.host.person_id])
    assert reply.reply_to is not None
    assert reply.reply_to.text == "long ago"
    assert reply.mentions == [live.host.person_id]


async def test_a_reply_to_nothing_or_to_another_room_is_refused(live: World):
    sami = await live.person("Sami")
    other = await live.make_room("other")
    move = command(MoveShow, to="live")
    await live.shows.running.move_show(live.host, other.id, move)
    elsewhere = await live.shows.chat.send_chat(
        live.host, other.id, command(SendChat, text="elsewhere")
    )
    await live.shows.archive.store()
    for message_id in ("no-such-message", elsewhere.id):
        refused = await refused_with(send(live, sami, "hm", reply_to=message_id))
        assert (refused.code, refused.field) == (Code.NOT_FOUND, "reply_to")


async def test_who_has_spoken_or_works_here_can_be_mentioned(live: World):
    sami, rana = await live.person("Sami"), await live.person("Rana")
    moderator, silent = await live.moderator(), await live.person("Silent")
    await send(live, rana, "hi")
    asked = [rana.person_id, silent.person_id, moderator.person_id, rana.person_id, "nobody"]
    posted = await send(live, sami, "@Rana", mentions=asked)
    assert posted.mentions == [rana.person_id, moderator.person_id]


async def test_a_room_there_is_not(live: World):
    sent = command(SendChat, text="hello?")
    refused = await refused_with(live.shows.chat.send_chat(live.host, "nowhere", sent))
    assert refused.code is Code.NOT_FOUND


async def test_another_process_learns_the_rules_within_two_seconds(worlds: tuple[World, World]):
    one, other = worlds
    sami = await one.person("Sami")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    await send(other, sami, "hi")
    await slow(one, 60)
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="paused"))
    await other.shows.memory.refresh()
    assert (await refused_with(send(other, sami, "again"))).code is Code.SLOW_MODE
    # Without a refresh, memory is not believed for more than two seconds.
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="ended"))
    one.clock.advance(2_001)
    assert (await refused_with(send(other, sami, "again"))).code is Code.SHOW_NOT_OPEN


async def test_what_one_process_heard_the_other_can_quote_and_slow_down(
    worlds: tuple[World, World],
):
    one, other = worlds
    sami = await one.person("Sami")
    await one.shows.running.move_show(one.host, one.room_id, command(MoveShow, to="live"))
    await slow(one, 60)
    await other.shows.memory.room(one.room_id)
    first = await send(one, sami, "over here")
    await one.shows.archive.store()
    one.clock.advance(500)
    await other.shows.memory.refresh()
    reply = await send(other, one.host, "I see", reply_to=first.id, mentions=[sami.person_id])
    assert reply.reply_to is not None
    assert reply.mentions == [sami.person_id]
    assert (await refused_with(send(other, sami, "twice"))).code is Code.SLOW_MODE
