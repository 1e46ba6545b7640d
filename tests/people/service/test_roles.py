"""Roles given, taken and asked for, on both databases."""

import asyncio
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from livecommerce.database import verify
from livecommerce.database.group_commit import Rows, Write
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation import invariants  # noqa: F401 - registers them
from livecommerce.moderation.store import audit_log
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import CAPABILITIES, SHOP, Capability, Role
from livecommerce.people.service import record_founder
from tests.people.house import House, open_house

ROOM = "01ROOM"


@dataclass(frozen=True)
class MakeRoom(Write[None]):
    """Stands for the write of `shows` that makes a room."""

    person_id: str
    scope_id: str = ROOM
    role: Role = Role.HOST

    def needs(self):
        return ()

    def decide(self, rows: Rows, now: int) -> None:
        record_founder(
            rows, scope_id=self.scope_id, person_id=self.person_id, role=self.role, now=now
        )


@dataclass
class Staffed:
    host: Actor
    sara: Actor
    omar: Actor


@pytest.fixture
async def staffed(house: House) -> Staffed:
    host = await house.account("Host")
    await house.database.writer.submit(MakeRoom(host.person_id))
    return Staffed(host, await house.account("Sara"), await house.account("Omar"))


async def refused(call) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value


async def test_the_founder_is_the_host(house: House, staffed: Staffed):
    host = staffed.host
    assert await house.people.role(ROOM, host.person_id) is Role.HOST
    assert await house.people.capabilities(ROOM, host.person_id) == CAPABILITIES[Role.HOST]
    await house.people.require(host, ROOM, Capability.ROLES_GRANT)
    assert await house.people.capabilities("01OTHER", host.person_id) == frozenset()


async def test_a_viewer_may_nothing(house: House, staffed: Staffed):
    for capability in Capability:
        problem = await refused(house.people.require(staffed.sara, ROOM, capability))
        assert problem.code is Code.FORBIDDEN


@pytest.mark.parametrize("role", ["co_host", "moderator"])
async def test_a_role_is_given_and_taken_at_once(house: House, staffed: Staffed, role: str):
    sara = staffed.sara
    grant = await house.people.grant(staffed.host, ROOM, person_id=sara.person_id, role=role)
    assert await house.people.capabilities(ROOM, sara.person_id) == CAPABILITIES[Role(role)]
    assert await house.people.staff(ROOM) == {
        staffed.host.person_id: Role.HOST,
        sara.person_id: Role(role),
    }
    assert [one.role for one in await house.people.grants(sara, ROOM)] == [Role.HOST, Role(role)]
    assert await house.people.revoke_grant(staffed.host, ROOM, grant.id) == sara.person_id
    assert await house.people.capabilities(ROOM, sara.person_id) == frozenset()
    rows = await house.database.fetch(sa.select(audit_log).order_by(audit_log.c.seq))
    assert [row["action"] for row in rows] == ["grant_role", "revoke_role"]
    assert await house.moderation.first_fault(ROOM) is None


async def test_a_role_takes_the_place_of_the_one_before(house: House, staffed: Staffed):
    sara = staffed.sara
    for role in ("moderator", "co_host"):
        await house.people.grant(staffed.host, ROOM, person_id=sara.person_id, role=role)
    assert await house.people.role(ROOM, sara.person_id) is Role.CO_HOST
    assert len(await house.people.grants(staffed.host, ROOM)) == 2


async def test_a_role_ends_at_its_moment(house: House, staffed: Staffed):
    until = house.clock.now_ms() + 1_500
    sara = staffed.sara
    await house.people.grant(
        staffed.host, ROOM, person_id=sara.person_id, role="moderator", expires_at=until
    )
    assert await house.people.role(ROOM, sara.person_id) is Role.MODERATOR
    house.clock.advance(1_500)
    assert await house.people.role(ROOM, sara.person_id) is None
    assert len(await house.people.grants(staffed.host, ROOM)) == 1
    assert sara.person_id not in await house.people.staff(ROOM)


async def test_who_was_given_a_role_cannot_give_one(house: House, staffed: Staffed):
    sara, omar = staffed.sara, staffed.omar
    await house.people.grant(staffed.host, ROOM, person_id=sara.person_id, role="co_host")
    given = await house.people.grant(staffed.host, ROOM, person_id=omar.person_id, role="moderator")
    for actor in (sara, omar):
        call = house.people.grant(actor, ROOM, person_id=omar.person_id, role="co_host")
        assert (await refused(call)).code is Code.FORBIDDEN
        taking = house.people.revoke_grant(actor, ROOM, given.id)
        assert (await refused(taking)).code is Code.FORBIDDEN


async def test_the_host_cannot_be_deposed_nor_step_down(house: House, staffed: Staffed):
    host = staffed.host
    call = house.people.grant(host, ROOM, person_id=host.person_id, role="moderator")
    assert (await refused(call)).code is Code.FORBIDDEN
    taking = house.people.revoke_grant(host, ROOM, f"{ROOM}.{host.person_id}")
    assert (await refused(taking)).code is Code.FORBIDDEN
    assert await house.people.role(ROOM, host.person_id) is Role.HOST


async def test_grants_that_are_refused_leave_nothing(house: House, staffed: Staffed):
    guest = await house.guest()
    past = house.clock.now_ms()
    for change, code, field in (
        ({"person_id": "nobody"}, Code.NOT_FOUND, "person_id"),
        ({"person_id": guest.person_id}, Code.BAD_FIELD, "person_id"),
        ({"expires_at": past}, Code.BAD_FIELD, "expires_at"),
        ({"role": "host"}, Code.BAD_FIELD, "role"),
        ({"role": "emperor"}, Code.BAD_FIELD, "role"),
    ):
        asked = {"person_id": staffed.sara.person_id, "role": "moderator", "expires_at": None}
        problem = await refused(house.people.grant(staffed.host, ROOM, **(asked | change)))
        assert (problem.code, problem.field) == (code, field)
    assert len(await house.people.grants(staffed.host, ROOM)) == 1
    assert await house.database.fetch(sa.select(audit_log)) == []


async def test_a_host_has_no_power_in_another_room(house: House, staffed: Staffed):
    other = await house.account("Other host")
    await house.database.writer.submit(MakeRoom(other.person_id, scope_id="01OTHER"))
    grant = await house.people.grant(
        other, "01OTHER", person_id=staffed.sara.person_id, role="moderator"
    )
    for call in (
        house.people.grant(
            staffed.host, "01OTHER", person_id=staffed.omar.person_id, role="co_host"
        ),
        house.people.revoke_grant(staffed.host, "01OTHER", grant.id),
        house.people.grants(staffed.host, "01OTHER"),
    ):
        assert (await refused(call)).code is Code.FORBIDDEN
    call = house.people.revoke_grant(staffed.host, ROOM, grant.id)
    assert (await refused(call)).code is Code.NOT_FOUND


async def test_powers_over_the_shop(house: House, staffed: Staffed):
    guest = await house.guest()
    await house.people.require_shop(staffed.sara, Capability.ROOM_CREATE)
    problem = await refused(house.people.require_shop(guest, Capability.ROOM_CREATE))
    assert problem.code is Code.FORBIDDEN
    assert await house.people.capabilities(SHOP, staffed.sara.person_id) == frozenset()


async def test_another_process_knows_within_two_seconds(postgres_url: str, vault_url: str):
    clock = FakeClock()
    async with (
        open_house(postgres_url, vault_url, clock=clock) as here,
        open_house(postgres_url, vault_url, clock=clock) as there,
    ):
        host, sara = await here.account("Host"), await here.account("Sara")
        await here.database.writer.submit(MakeRoom(host.person_id))
        assert await there.people.role(ROOM, sara.person_id) is None
        await here.people.grant(host, ROOM, person_id=sara.person_id, role="moderator")
        assert await there.people.role(ROOM, sara.person_id) is None
        clock.advance(2_001)
        assert await there.people.role(ROOM, sara.person_id) is Role.MODERATOR
        await here.people.revoke_grant(host, ROOM, f"{ROOM}.{sara.person_id}")
        # With the round of `run` nobody has to wait for the database.
        clock.advance(1_000)
        await there.people.refresh()
        assert await there.people.role(ROOM, sara.person_id) is None
        assert await verify.run(there.database) == []


async def test_ten_thousand_questions_are_one_query(
    house: House, staffed: Staffed, monkeypatch: pytest.MonkeyPatch
):
    asked = 0
    fetch = house.database.fetch

    async def counted(statement):
        nonlocal asked
        asked += 1
        return await fetch(statement)

    monkeypatch.setattr(house.database, "fetch", counted)
    async with asyncio.TaskGroup() as tasks:
        for n in range(10_000):
            tasks.create_task(house.people.capabilities(ROOM, f"viewer-{n}"))
    assert asked == 1


async def test_ids_that_no_database_can_hold(house: House, staffed: Staffed):
    for id in ("a\0b", "\ud800", "x" * 10_000):
        call = house.people.grant(staffed.host, ROOM, person_id=id, role="moderator")
        assert (await refused(call)).code is Code.NOT_FOUND
        taking = house.people.revoke_grant(staffed.host, ROOM, id)
        assert (await refused(taking)).code is Code.NOT_FOUND
        removing = house.people.remove_address(staffed.sara, id)
        assert (await refused(removing)).code is Code.NOT_FOUND
        assert await house.people.names([id]) == {}
        opening = house.people.address(staffed.sara.person_id, id, reader="x", purpose="order")
        assert (await refused(opening)).code is Code.NOT_FOUND
