"""Sanctions decided, recorded and remembered, on both databases."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from livecommerce.database import verify
from livecommerce.database.engine import Database
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.moderation import invariants  # noqa: F401 - registers them
from livecommerce.moderation.service import Consequence, Sanction, SanctionKind
from livecommerce.moderation.store import audit_log, sanctions
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Role
from tests.people.house import House, open_house

ROOM = "01ROOM"


@dataclass
class Staffed:
    host: Actor
    co_host: Actor
    moderator: Actor
    viewer: Actor


async def staff(house: House) -> Staffed:
    people = [await house.account(name) for name in ("Host", "Co", "Mod", "Viewer")]
    for person, role in zip(people, (Role.HOST, Role.CO_HOST, Role.MODERATOR), strict=False):
        await house.people._roles.give(
            ROOM, person_id=person.person_id, role=role, expires_at=None, by="test"
        )
    return Staffed(*people)


@pytest.fixture
async def staffed(house: House) -> Staffed:
    return await staff(house)


def time_out(house: House, actor: Actor, person: Actor, seconds: int = 60, **more: Any) -> Any:
    return house.moderation.time_out(
        actor,
        room_id=ROOM,
        person_id=person.person_id,
        duration_s=seconds,
        **{"reason": "spam", "command_id": new_id(), **more},
    )


def ban(house: House, actor: Actor, person: Actor, **more: Any) -> Any:
    return house.moderation.ban(
        actor,
        room_id=ROOM,
        person_id=person.person_id,
        **{"reason": "spam", "command_id": new_id(), **more},
    )


def lift(house: House, actor: Actor, person: Actor, **more: Any) -> Any:
    return house.moderation.lift(
        actor, room_id=ROOM, person_id=person.person_id, **{"command_id": new_id(), **more}
    )


async def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value


async def actions(house: House) -> list[str]:
    rows = await house.database.fetch(
        sa.select(audit_log.c.action)
        .where(audit_log.c.actor_id != "test")
        .order_by(audit_log.c.seq)
    )
    return [row["action"] for row in rows]


async def test_a_time_out_silences_for_its_time(house: House, staffed: Staffed):
    person = staffed.viewer.person_id
    await house.moderation.check_may_speak(ROOM, person)
    view = await time_out(house, staffed.moderator, staffed.viewer)
    assert (view.name, view.by, view.kind) == ("Viewer", "Mod", "time_out")
    assert view.until == house.clock.now_ms() + 60_000
    problem = await refused(house.moderation.check_may_speak(ROOM, person))
    assert (problem.code, problem.retry_after_ms) == (Code.MUTED, 60_000)
    assert problem.data == {"until": view.until}
    await house.moderation.check_may_enter(ROOM, person)
    await house.moderation.check_may_speak("01OTHER", person)
    house.clock.advance(60_000)
    await house.moderation.check_may_speak(ROOM, person)
    assert await actions(house) == ["time_out"]


async def test_a_ban_holds_until_it_is_lifted(house: House, staffed: Staffed):
    person = staffed.viewer.person_id
    told: list[tuple[str, str, Sanction | None]] = []
    house.moderation.on_sanctioned(lambda *what: told.append(what))
    await ban(house, staffed.moderator, staffed.viewer)
    house.clock.advance(10**9)
    for check in (house.moderation.check_may_speak, house.moderation.check_may_enter):
        assert (await refused(check(ROOM, person))).code is Code.BANNED
    for again in (ban, time_out):
        problem = await refused(again(house, staffed.host, staffed.viewer))
        assert problem.code is Code.BAD_TRANSITION
    await lift(house, staffed.moderator, staffed.viewer)
    await house.moderation.check_may_speak(ROOM, person)
    problem = await refused(lift(house, staffed.moderator, staffed.viewer))
    assert problem.code is Code.BAD_TRANSITION
    assert await actions(house) == ["ban", "lift"]
    assert [what[2] and what[2].kind for what in told] == [SanctionKind.BAN, None]
    assert await verify.run(house.database) == []


async def test_staff_see_what_is_in_force(house: House, staffed: Staffed):
    other = await house.account("Other")
    await time_out(house, staffed.moderator, staffed.viewer)
    house.clock.advance(1_000)
    await ban(house, staffed.host, other)
    listed = await house.moderation.sanctions(staffed.moderator, ROOM)
    seen = [(one.name, one.kind, one.by) for one in listed]
    assert seen == [("Other", "ban", "Host"), ("Viewer", "time_out", "Mod")]
    # what is over is not listed, and nobody else may look
    house.clock.advance(60_000)
    await lift(house, staffed.host, other)
    assert await house.moderation.sanctions(staffed.host, ROOM) == []
    problem = await refused(house.moderation.sanctions(staffed.viewer, ROOM))
    assert problem.code is Code.FORBIDDEN


async def test_who_may_sanction_whom(house: House, staffed: Staffed):
    order = [staffed.viewer, staffed.moderator, staffed.co_host, staffed.host]
    for place, actor in enumerate(order):
        for other, person in enumerate(order):
            if place > other:
                await ban(house, actor, person)
                await lift(house, actor, person)
                await time_out(house, actor, person)
                await lift(house, actor, person)
            else:
                for call in (ban, time_out, lift):
                    assert (await refused(call(house, actor, person))).code is Code.FORBIDDEN


async def test_what_is_refused_leaves_nothing(house: House, staffed: Staffed):
    nobody = Actor("nobody", "Nobody", "account", None)
    for call, code, field in (
        (ban(house, staffed.host, nobody), Code.NOT_FOUND, "person_id"),
        (time_out(house, staffed.host, staffed.viewer, 4), Code.BAD_FIELD, "duration_s"),
        (time_out(house, staffed.host, staffed.viewer, 2_000_000), Code.BAD_FIELD, "duration_s"),
        (ban(house, staffed.host, staffed.viewer, reason="x" * 201), Code.BAD_FIELD, "reason"),
        (ban(house, staffed.viewer, staffed.moderator), Code.FORBIDDEN, None),
    ):
        problem = await refused(call)
        assert (problem.code, problem.field) == (code, field)
    assert await house.database.fetch(sa.select(sanctions)) == []
    assert await actions(house) == []


async def test_the_same_command_has_one_effect(house: House, staffed: Staffed):
    id = new_id()
    first = await ban(house, staffed.host, staffed.viewer, command_id=id)
    assert await ban(house, staffed.host, staffed.viewer, command_id=id) == first
    problem = await refused(ban(house, staffed.host, staffed.moderator, command_id=id))
    assert problem.code is Code.IDEMPOTENCY_MISMATCH
    await lift(house, staffed.host, staffed.viewer)
    # Sent once more, late: it is answered as before and bans nobody again.
    assert await ban(house, staffed.host, staffed.viewer, command_id=id) == first
    await house.moderation.check_may_enter(ROOM, staffed.viewer.person_id)
    house.clock.advance(2_001)
    await house.moderation.check_may_enter(ROOM, staffed.viewer.person_id)
    assert await actions(house) == ["ban", "lift"]


async def test_consequences_happen_with_it_or_not_at_all(house: House, staffed: Staffed):
    seen: list[Any] = []

    def note(rows: Any, view: Any, now: int) -> None:
        seen.append((view.kind, view.at == now))

    await ban(house, staffed.host, staffed.viewer, then=Consequence((), note))
    assert seen == [("ban", True)]

    def fail(rows: Any, view: Any, now: int) -> None:
        raise Refused(Code.CONFLICT)

    problem = await refused(lift(house, staffed.host, staffed.viewer, then=Consequence((), fail)))
    assert problem.code is Code.CONFLICT
    problem = await refused(house.moderation.check_may_enter(ROOM, staffed.viewer.person_id))
    assert problem.code is Code.BANNED
    assert await actions(house) == ["ban"]


async def test_a_moderator_of_a_moment_ago_has_no_power(house: House, staffed: Staffed):
    grant = f"{ROOM}.{staffed.moderator.person_id}"
    await house.people.revoke_grant(staffed.host, ROOM, grant)
    problem = await refused(ban(house, staffed.moderator, staffed.viewer))
    assert problem.code is Code.FORBIDDEN


async def test_another_process_knows_within_two_seconds(postgres_url: str, vault_url: str):
    clock = FakeClock()
    async with (
        open_house(postgres_url, vault_url, clock=clock) as here,
        open_house(postgres_url, vault_url, clock=clock) as there,
    ):
        staffed = await staff(here)
        person = staffed.viewer.person_id
        told: list[Any] = []
        there.moderation.on_sanctioned(lambda *what: told.append(what))
        await there.moderation.check_may_speak(ROOM, person)
        await ban(here, staffed.host, staffed.viewer)
        clock.advance(1_000)
        await there.moderation.refresh()
        await there.moderation.refresh()
        assert [(room, who, what.kind) for room, who, what in told] == [(ROOM, person, "ban")]
        problem = await refused(there.moderation.check_may_enter(ROOM, person))
        assert problem.code is Code.BANNED
        await lift(there, staffed.host, staffed.viewer)
        clock.advance(2_001)
        await here.moderation.check_may_enter(ROOM, person)


async def test_a_process_that_starts_knows_who_is_banned(url: str, vault_url: str):
    async with open_house(url, vault_url) as before:
        staffed = await staff(before)
        await ban(before, staffed.host, staffed.viewer)
    async with open_house(url, vault_url) as after:
        call = after.moderation.check_may_enter(ROOM, staffed.viewer.person_id)
        assert (await refused(call)).code is Code.BANNED


async def test_many_sanctions_at_once_make_one_chain(house: House, staffed: Staffed):
    crowd = [await house.account(f"V{n}") for n in range(40)]
    await asyncio.gather(*(ban(house, staffed.host, person) for person in crowd))
    assert len(await actions(house)) == 40
    assert await house.moderation.first_fault(ROOM) is None
    assert await verify.run(house.database) == []


async def test_two_processes_make_one_chain(postgres_url: str, vault_url: str):
    async with (
        open_house(postgres_url, vault_url) as here,
        open_house(postgres_url, vault_url) as there,
    ):
        staffed = await staff(here)
        crowd = [await here.account(f"V{n}") for n in range(20)]
        await asyncio.gather(
            *(
                ban(house, staffed.host, person)
                for house, half in ((here, crowd[:10]), (there, crowd[10:]))
                for person in half
            )
        )
        assert len(await actions(there)) == 20
        assert await verify.run(here.database) == []


async def tamper(database: Database, *statements: str) -> None:
    """What somebody with the password of the database can do, triggers taken off first."""
    from livecommerce.database.engine import changing_schema

    async with changing_schema(database.url) as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor_id = 'somebody else' WHERE seq = {seq}",
        "DELETE FROM audit_log WHERE seq = {seq}",
        "UPDATE audit_log SET details = '{{}}' WHERE seq = {seq}",
    ],
)
async def test_verify_finds_who_has_changed_the_log(house: House, staffed: Staffed, statement: str):
    for person in (staffed.viewer, staffed.moderator, staffed.co_host):
        await ban(house, staffed.host, person)
    off = (
        ["DROP TRIGGER append_only_audit_log ON audit_log"]
        if house.database.dialect == "postgresql"
        else [
            "DROP TRIGGER append_only_audit_log_update",
            "DROP TRIGGER append_only_audit_log_delete",
        ]
    )
    await tamper(house.database, *off, statement.format(seq=5))
    assert await house.moderation.first_fault(ROOM) == 5
    found = {(breach.invariant, breach.message) for breach in await verify.run(house.database)}
    assert ("M1", "entry 5 is not as it was written") in found


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET seq = 1", "DELETE FROM audit_log"])
async def test_the_database_itself_guards_the_log(house: House, staffed: Staffed, statement: str):
    await ban(house, staffed.host, staffed.viewer)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        await tamper(house.database, statement)
