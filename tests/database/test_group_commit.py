"""Batches, decisions, undoing, poison, repetition: the contract of the writer on both databases."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import (
    ConstraintViolated,
    Need,
    OutboxEntry,
    Poisoned,
    Rows,
)
from livecommerce.database.tables import commits, idempotency_keys, outbox
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.events import STAFF
from tests.database.shop import (
    Bought,
    Do,
    OrderPlaced,
    StockChanged,
    bookmarks,
    buy,
    change,
    check_book,
    count,
    decode,
    history,
    insert,
    key_of,
    levels,
    open_shop,
    orders,
    quotas,
    row,
)


def refusals(results: Sequence[object]) -> list[Code]:
    return [result.code for result in results if isinstance(result, Refused)]


async def test_what_arrives_together_shares_a_commit(database: Database):
    before = await count(database, commits)
    answers = await asyncio.gather(*(database.writer.submit(buy(f"b{n}")) for n in range(300)))
    assert await count(database, commits) - before <= 2
    assert [answer.left for answer in answers] == list(range(999, 699, -1))
    assert await check_book(database) == 300


async def test_the_last_unit_is_sold_once(database: Database):
    results = await asyncio.gather(
        *(database.writer.submit(buy(f"b{n}")) for n in range(1_200)), return_exceptions=True
    )
    assert sum(isinstance(result, Bought) for result in results) == 1_000
    assert refusals(results) == [Code.SOLD_OUT] * 200
    assert await check_book(database) == 1_000


async def test_a_refused_write_leaves_nothing_behind(database: Database):
    await database.writer.submit(change(levels, "shirt", on_hand=0))
    commits_before = await count(database, commits)
    with pytest.raises(Refused, match="sold_out"):
        await database.writer.submit(buy("mona"))
    for table in (quotas, orders, history, outbox):
        assert await count(database, table) == 0
    assert await count(database, commits) == commits_before


async def test_a_write_that_raises_undoes_only_itself(database: Database):
    def fail(rows: Rows, now: int) -> None:
        rows.change(levels, "shirt", on_hand=5)
        rows.insert(history, {"id": "lost"})
        rows.publish("room", OrderPlaced(id="lost", at=now, order_id="lost"))
        raise LookupError("a bug")

    results: Sequence[Any] = await asyncio.gather(
        database.writer.submit(buy("before")),
        database.writer.submit(Do(fail, [Need(levels, "shirt")])),
        database.writer.submit(buy("after")),
        return_exceptions=True,
    )
    assert isinstance(results[1], LookupError)
    assert [results[0].left, results[2].left] == [999, 998]
    assert await check_book(database) == 2
    assert await row(database, history, "lost") is None


async def test_a_limit_is_kept_within_one_batch(database: Database):
    results = await asyncio.gather(
        *(database.writer.submit(buy("mona", limit=2)) for _ in range(5)), return_exceptions=True
    )
    assert refusals(results) == [Code.LIMIT_REACHED] * 3
    assert await row(database, quotas, "shirt|mona") == {
        "id": "shirt|mona",
        "taken": 2,
        "version": 2,
    }


async def test_a_later_write_sees_the_rows_an_earlier_one_made(database: Database):
    def use(rows: Rows, now: int) -> object:
        found = rows.get(bookmarks, "page")
        assert found is not None
        return found["seen"]

    first = database.writer.submit(insert(bookmarks, id="page", seen=0.5))
    second = database.writer.submit(Do(use, [Need(bookmarks, "page")]))
    assert (await asyncio.gather(first, second))[1] == 0.5


async def test_a_row_must_be_declared(database: Database):
    with pytest.raises(AssertionError, match="not in needs"):
        await database.writer.submit(Do(lambda rows, now: rows.get(levels, "shirt")))
    with pytest.raises(AssertionError, match="not in needs"):
        await database.writer.submit(Do(lambda rows, now: rows.add(levels, "shirt", reserved=1)))


async def test_versions_count_writes(database: Database):
    def twice(rows: Rows, now: int) -> int:
        rows.change(levels, "shirt", note="a")
        rows.add(levels, "shirt", on_hand=1)
        return rows.version(levels, "shirt")

    write = Do(twice, [Need(levels, "shirt")])
    versions = await asyncio.gather(*(database.writer.submit(write) for _ in range(3)))
    assert versions == [2, 3, 4]
    stored = await row(database, levels, "shirt")
    assert stored is not None
    assert (stored["version"], stored["on_hand"], stored["note"]) == (4, 1_003, "a")


async def test_the_version_of_an_unchanged_row_is_not_guessed(database: Database):
    write = Do(lambda rows, now: rows.version(levels, "shirt"), [Need(levels, "shirt")])
    with pytest.raises(AssertionError, match="unchanged"):
        await database.writer.submit(write)


async def test_what_was_read_does_not_change_under_the_reader(database: Database):
    def look(rows: Rows, now: int) -> tuple[int, int]:
        before = rows.get(levels, "shirt")
        rows.add(levels, "shirt", reserved=3)
        after = rows.get(levels, "shirt")
        assert before is not None
        assert after is not None
        return before["reserved"], after["reserved"]

    assert await database.writer.submit(Do(look, [Need(levels, "shirt")])) == (0, 3)


async def test_adding_and_setting_the_same_column_ends_at_the_last_word(database: Database):
    def mixed(rows: Rows, now: int) -> None:
        rows.add(levels, "shirt", reserved=3)
        rows.change(levels, "shirt", reserved=10)
        rows.add(levels, "shirt", reserved=2, on_hand=1)

    await database.writer.submit(Do(mixed, [Need(levels, "shirt")]))
    stored = await row(database, levels, "shirt")
    assert stored is not None
    assert (stored["reserved"], stored["on_hand"]) == (12, 1_001)


async def test_rows_are_deleted_and_made_again(database: Database):
    def delete(rows: Rows, now: int) -> None:
        rows.delete(levels, "shirt")

    def make(rows: Rows, now: int) -> None:
        rows.insert(levels, {"id": "shirt", "on_hand": 7, "is_open": False})

    needs = [Need(levels, "shirt")]
    await asyncio.gather(
        database.writer.submit(Do(delete, needs)), database.writer.submit(Do(make, needs))
    )
    made = await row(database, levels, "shirt")
    assert made is not None
    assert (made["on_hand"], made["is_open"], made["note"]) == (7, False, None)
    assert made["version"] > 1, "a viewer must take the new row for the newer one"
    await database.writer.submit(Do(delete, needs))
    assert await row(database, levels, "shirt") is None
    with pytest.raises(AssertionError, match="does not exist"):
        await database.writer.submit(Do(delete, needs))


async def test_new_rows_are_deleted_made_again_and_changed_within_one_batch(database: Database):
    def make_anew(rows: Rows, now: int) -> None:
        rows.insert(levels, {"id": "hat", "on_hand": 1})
        rows.delete(levels, "hat")
        rows.insert(levels, {"id": "hat", "on_hand": 2})
        rows.add(levels, "hat", on_hand=1)
        assert rows.version(levels, "hat") == 1
        rows.insert(bookmarks, {"id": "page"})

    def go_on(rows: Rows, now: int) -> None:
        rows.change(levels, "hat", note="seen")
        rows.delete(bookmarks, "page")
        rows.insert(bookmarks, {"id": "page", "seen": 2.0})

    def undo(rows: Rows, now: int) -> None:
        rows.delete(levels, "hat")
        rows.delete(bookmarks, "page")
        raise LookupError("a bug")

    needs = [Need(levels, "hat")]
    results = await asyncio.gather(
        *(database.writer.submit(Do(what, needs)) for what in (make_anew, go_on, undo)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), type(None), LookupError]
    stored = await row(database, levels, "hat")
    assert stored is not None
    assert (stored["on_hand"], stored["note"], stored["version"]) == (3, "seen", 2)
    kept = await row(database, bookmarks, "page")
    assert kept is not None
    assert kept["seen"] == 2.0


async def test_rows_without_a_version_are_deleted_blindly(database: Database):
    await database.writer.submit(insert(bookmarks, id="page"))

    def delete(rows: Rows, now: int) -> None:
        rows.delete(bookmarks, "page")
        rows.delete(bookmarks, "never there")

    await database.writer.submit(Do(delete))
    assert await count(database, bookmarks) == 0


async def test_every_type_comes_back_as_it_went(database: Database):
    await database.writer.submit(
        insert(levels, id="bag", on_hand=2**62, is_open=False, note="حقيبة 👜 'quoted'")
    )
    seen = await database.writer.submit(
        Do(lambda rows, now: rows.get(levels, "bag"), [Need(levels, "bag")])
    )
    assert seen == await row(database, levels, "bag")
    assert (seen["on_hand"], seen["note"]) == (2**62, "حقيبة 👜 'quoted'")
    assert seen["is_open"] is False


@pytest.mark.parametrize(
    ("poison", "kind", "constraint", "table"),
    [
        (lambda: change(levels, "shirt", reserved=5_000), "check", "ck_levels_within", "levels"),
        (lambda: insert(history, id="twin"), "unique", "pk_history", "history"),
        (
            lambda: insert(
                orders, id="o2", level_id="shirt", buyer_id="b", token="t", created_at=1
            ),
            "unique",
            "uq_purchases_token",
            "purchases",
        ),
        (lambda: insert(history, id="void", what=None), "not_null", "what", "history"),
    ],
)
async def test_one_poison_fails_alone(database: Database, poison, kind, constraint, table):
    await database.writer.submit(insert(history, id="twin"))
    await database.writer.submit(
        insert(orders, id="o1", level_id="shirt", buyer_id="b", token="t", created_at=1)
    )
    writes = [buy(f"b{n}") for n in range(100)]
    results: list[Any] = await asyncio.gather(
        *(database.writer.submit(write) for write in writes[:60]),
        database.writer.submit(poison()),
        *(database.writer.submit(write) for write in writes[60:]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Bought] * 60 + [ConstraintViolated] + [
        Bought
    ] * 40
    violated = results[60]
    assert (violated.kind, violated.constraint, violated.table) == (kind, constraint, table)
    level = await row(database, levels, "shirt")
    assert level is not None
    assert level["reserved"] == 100


async def test_a_dangling_reference_is_refused(database: Database):
    with pytest.raises(ConstraintViolated) as caught:
        await database.writer.submit(
            insert(orders, id="o", level_id="nothing", buyer_id="b", created_at=1)
        )
    assert caught.value.kind == "foreign_key"


@pytest.mark.parametrize("value", ["many", b"\x00", 2**70, object()])
async def test_a_value_of_the_wrong_type_fails_alone(database: Database, value):
    good, bad = await asyncio.gather(
        database.writer.submit(buy()),
        database.writer.submit(change(levels, "shirt", on_hand=value)),
        return_exceptions=True,
    )
    assert isinstance(good, Bought)
    assert isinstance(bad, Poisoned)


async def test_a_write_translates_the_violation_it_expects(database: Database):
    write = Do(
        lambda rows, now: rows.change(levels, "shirt", reserved=5_000),
        [Need(levels, "shirt")],
        translated=Refused(Code.SOLD_OUT),
    )
    with pytest.raises(Refused, match="sold_out"):
        await database.writer.submit(write)


async def test_history_cannot_be_rewritten(database: Database):
    await database.writer.submit(insert(history, id="fact"))

    def forget(rows: Rows, now: int) -> None:
        rows.delete(history, "fact")

    with pytest.raises(ConstraintViolated) as caught:
        await database.writer.submit(Do(forget))
    assert (caught.value.kind, caught.value.table) == ("append_only", "history")
    assert await row(database, history, "fact") is not None


async def test_a_repeated_command_gets_the_first_answer(database: Database):
    first, was_replay = await database.writer.submit_replayable(
        buy("mona", idempotency=key_of("key-1"))
    )
    again, is_replay = await database.writer.submit_replayable(
        buy("mona", idempotency=key_of("key-1"))
    )
    assert (again, was_replay, is_replay) == (first, False, True)
    other = await database.writer.submit(buy("mona", idempotency=key_of("key-2")))
    assert other.order_id != first.order_id
    assert await check_book(database) == 2


async def test_a_command_repeated_within_a_batch_happens_once(database: Database):
    results = await asyncio.gather(
        *(
            database.writer.submit_replayable(buy("mona", idempotency=key_of("key")))
            for _ in range(20)
        )
    )
    assert len({answer.order_id for answer, _ in results}) == 1
    assert [is_replay for _, is_replay in results] == [False] + [True] * 19
    assert await check_book(database) == 1


async def test_a_key_stands_for_one_wish_of_one_person(database: Database):
    await database.writer.submit(buy(idempotency=key_of("key")))
    with pytest.raises(Refused, match="idempotency_mismatch"):
        await database.writer.submit(buy(idempotency=key_of("key", fingerprint=b"other wish")))
    await database.writer.submit(buy(idempotency=key_of("key", principal="omar")))
    assert await check_book(database) == 2


async def test_a_refusal_is_not_remembered(database: Database):
    await database.writer.submit(change(levels, "shirt", on_hand=0))
    with pytest.raises(Refused, match="sold_out"):
        await database.writer.submit(buy(idempotency=key_of("key")))
    assert await count(database, idempotency_keys) == 0
    await database.writer.submit(change(levels, "shirt", on_hand=1))
    assert (await database.writer.submit(buy(idempotency=key_of("key")))).left == 0


async def test_a_caller_that_leaves_does_not_take_the_write_along(database: Database):
    task = asyncio.create_task(database.writer.submit(buy("gone")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.writer.submit(buy("next"))
    assert await check_book(database) == 2


async def test_a_full_queue_refuses_with_the_wait(database: Database):
    database.writer.queue_max = 10
    results = await asyncio.gather(
        *(database.writer.submit(buy(f"b{n}")) for n in range(15)), return_exceptions=True
    )
    busy = [result for result in results if isinstance(result, Refused)]
    assert [refused.code for refused in busy] == [Code.SERVER_BUSY] * 5
    assert all((refused.retry_after_ms or 0) >= 100 for refused in busy)
    assert await check_book(database) == 10


async def test_events_are_handed_over_after_the_commit_and_before_the_answer(database: Database):
    seen: list[OutboxEntry] = []
    answered: list[str] = []

    def on_committed(entries) -> None:
        assert not answered
        seen.extend(entries)

    database.writer.on_committed(on_committed)
    task = asyncio.create_task(database.writer.submit(buy("mona")))
    task.add_done_callback(lambda _: answered.append("done"))
    await task
    assert [(entry.room_id, entry.person_id) for entry in seen] == [
        ("room", None),
        (None, "mona"),
    ]
    stored = await database.fetch(sa.select(outbox).order_by(outbox.c.position))
    assert [entry.id for entry in seen] == [one["id"] for one in stored]
    assert [entry.event for entry in seen] == [decode(one["payload"]) for one in stored]


async def test_a_batch_is_answered_though_the_next_one_waits(url: str, monkeypatch):
    database = await open_shop(url, batch_max=2)
    await database.writer.submit(insert(levels, id="shirt", on_hand=10))
    connection = database.writer._connection
    load, let_go, loaded = connection.load, asyncio.Event(), 0

    async def slow_load(loads):
        nonlocal loaded
        loaded += 1
        if loaded == 2:
            await let_go.wait()
        return await load(loads)

    monkeypatch.setattr(connection, "load", slow_load)
    first, second, third = (
        asyncio.create_task(database.writer.submit(buy(f"b{n}"))) for n in range(3)
    )
    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert loaded == 2
    assert not third.done()
    let_go.set()
    await third
    await database.close()


async def test_batches_are_answered_in_their_order(url: str):
    database = await open_shop(url, batch_max=3)
    await database.writer.submit(insert(levels, id="shirt", on_hand=100))
    answered: list[int] = []

    async def one(number: int) -> None:
        await database.writer.submit(buy(f"b{number}"))
        answered.append(number)

    await asyncio.gather(*map(one, range(50)))
    assert answered == list(range(50))
    await database.close()


async def test_a_half_that_was_committed_is_not_told_of_the_other_halfs_failure(
    url: str, monkeypatch
):
    database = await open_shop(url, batch_max=4)
    await database.writer.submit(insert(levels, id="shirt", on_hand=100))
    connection = database.writer._connection
    load, save, loads, saves = connection.load, connection.save, 0, 0

    async def loading(wanted):
        nonlocal loads
        loads += 1
        if loads == 3:  # the second half
            raise RuntimeError("a bug of ours")
        return await load(wanted)

    async def saving(wanted):
        nonlocal saves
        saves += 1
        if saves == 1:
            await connection.rollback()
            raise Poisoned("one of them")
        await save(wanted)

    monkeypatch.setattr(connection, "load", loading)
    monkeypatch.setattr(connection, "save", saving)
    answers = await asyncio.gather(
        *(database.writer.submit(buy(f"b{n}")) for n in range(8)), return_exceptions=True
    )
    told = [type(answer).__name__ for answer in answers]
    assert told == ["Bought"] * 2 + ["RuntimeError"] * 2 + ["Bought"] * 4
    assert await check_book(database) == 6
    await database.close()


async def test_closing_answers_what_is_committed_though_the_last_batch_fails(url: str, monkeypatch):
    database = await open_shop(url, batch_max=1)
    await database.writer.submit(insert(levels, id="shirt", on_hand=100))
    connection = database.writer._connection
    load, loads = connection.load, 0

    async def loading(wanted):
        nonlocal loads
        loads += 1
        if loads == 2:
            raise RuntimeError("a bug of ours")
        return await load(wanted)

    monkeypatch.setattr(connection, "load", loading)
    first, second = (asyncio.create_task(database.writer.submit(buy(name))) for name in "ab")
    await asyncio.sleep(0)
    await database.close()
    assert first.done()
    assert isinstance(first.result(), Bought)
    with pytest.raises(RuntimeError, match="a bug"):
        second.result()


async def test_a_decision_that_stops_an_iteration_fails_alone(database: Database):
    def stop(rows: Rows, now: int) -> None:
        next(iter(()))

    answers = await asyncio.wait_for(
        asyncio.gather(
            *(database.writer.submit(write) for write in (buy("a"), Do(stop), buy("c"))),
            return_exceptions=True,
        ),
        5,
    )
    assert [type(answer).__name__ for answer in answers] == ["Bought", "RuntimeError", "Bought"]


async def test_a_misspelt_column_fails_alone(database: Database):
    def misspell(rows: Rows, now: int) -> None:
        rows.insert(levels, {"id": "scarf", "on_hnad": 5})

    answers = await asyncio.gather(
        *(database.writer.submit(write) for write in (buy("a"), Do(misspell), buy("c"))),
        return_exceptions=True,
    )
    assert [type(answer).__name__ for answer in answers] == ["Bought", "AssertionError", "Bought"]


async def test_a_callback_that_raises_harms_nobody(database: Database, caplog):
    def on_committed(entries) -> None:
        raise RuntimeError("deaf")

    database.writer.on_committed(on_committed)
    await database.writer.submit(buy("mona"))
    assert await check_book(database) == 1
    assert "telling a committed batch failed" in caplog.text


async def test_of_a_state_key_only_the_last_value_of_a_batch_is_told(database: Database):
    seen: list[OutboxEntry] = []
    database.writer.on_committed(seen.extend)
    await asyncio.gather(*(database.writer.submit(buy(f"b{n}")) for n in range(50)))
    stock = [entry.event for entry in seen if isinstance(entry.event, StockChanged)]
    assert [(event.version, event.left) for event in stock] == [(51, 950)]
    assert await count(database, outbox) == 51


async def test_one_event_reaches_several_audiences(database: Database):
    def say(rows: Rows, now: int) -> None:
        event = OrderPlaced(id="event", at=now, order_id="o")
        rows.publish("room", event)
        rows.publish("room", event, audience=STAFF)
        rows.tell("mona", event)
        rows.tell("omar", event)

    seen: list[OutboxEntry] = []
    database.writer.on_committed(seen.extend)
    await database.writer.submit(Do(say))
    assert [entry.id for entry in seen] == ["event", "event#staff", "event@mona", "event@omar"]


async def test_an_event_that_cannot_be_stored_fails_its_own_write(database: Database):
    def say(rows: Rows, now: int) -> None:
        rows.publish("room", OrderPlaced(id="event", at=now, order_id=object()))  # type: ignore[arg-type]

    good, bad = await asyncio.gather(
        database.writer.submit(buy()), database.writer.submit(Do(say)), return_exceptions=True
    )
    assert isinstance(good, Bought)
    assert isinstance(bad, TypeError)


async def test_closing_commits_what_has_arrived(url: str):
    database = await open_shop(url)
    await database.writer.submit(insert(levels, id="shirt", on_hand=10))
    tasks = [asyncio.create_task(database.writer.submit(buy(f"b{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*tasks)
    with pytest.raises(Refused, match="unavailable"):
        await database.writer.submit(buy())
    again = await open_shop(url, create=False)
    assert await check_book(again) == 5
    await again.close()


async def test_a_batch_is_never_larger_than_allowed(url: str):
    database = await open_shop(url, batch_max=10)
    await database.writer.submit(insert(levels, id="shirt", on_hand=100))
    before = database.writer.counts.batches
    await asyncio.gather(*(database.writer.submit(buy(f"b{n}")) for n in range(95)))
    assert database.writer.counts.batches - before == 10
    await database.close()
