"""The order of one connection's commands."""

from typing import ClassVar

from livecommerce.gateway.lanes import Lanes
from livecommerce.protocol.commands import Command, Hello, Join, Leave


class Chat(Command, frozen=True, kw_only=True, tag="chat"):
    pass


class Buy(Command, frozen=True, kw_only=True, tag="buy"):
    pass


class Like(Command, frozen=True, kw_only=True, tag="like"):
    concurrent: ClassVar[bool] = True


def ids(number: int) -> str:
    return f"command-{number:016}"


def test_one_verb_runs_in_order_and_others_beside_it():
    lanes = Lanes()
    chats = [Chat(id=ids(number)) for number in range(3)]
    buy = Buy(id=ids(9))
    for command in (chats[0], chats[1], buy, chats[2]):
        lanes.add(command)
    assert lanes.start() == [chats[0], buy]
    assert lanes.start() == []
    lanes.done(chats[0])
    assert lanes.start() == [chats[1]]
    lanes.done(chats[1])
    assert lanes.start() == [chats[2]]
    lanes.done(chats[2])
    assert lanes
    lanes.done(buy)
    assert not lanes


def test_a_concurrent_verb_does_not_wait_for_its_own_kind():
    lanes = Lanes()
    likes = [Like(id=ids(number)) for number in range(3)]
    for like in likes:
        lanes.add(like)
    assert lanes.start() == likes


def test_session_commands_run_alone_and_everything_after_waits():
    lanes = Lanes()
    hello, join = Hello(id=ids(0)), Join(id=ids(2), room="r")
    first, second, leave = Chat(id=ids(1)), Chat(id=ids(3)), Leave(id=ids(4))
    for command in (hello, first, join, second, leave):
        lanes.add(command)
    order = []
    while lanes:
        started = lanes.start()
        assert len(started) == 1
        order += started
        lanes.done(started[0])
    assert order == [hello, first, join, second, leave]


def test_a_barrier_waits_for_what_runs():
    lanes = Lanes()
    chat, join, buy = Chat(id=ids(0)), Join(id=ids(1), room="r"), Buy(id=ids(2))
    lanes.add(chat)
    assert lanes.start() == [chat]
    lanes.add(join)
    lanes.add(buy)
    assert lanes.start() == []
    lanes.done(chat)
    assert lanes.start() == [join]
    lanes.done(join)
    assert lanes.start() == [buy]
