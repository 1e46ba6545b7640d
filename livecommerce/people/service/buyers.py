"""A person's own details: contact and addresses in the vault, and what may be known without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Idempotency, Made, Write
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.people.accounts import Actor
from livecommerce.people.addresses import Address, check_address, summary
from livecommerce.people.logins import Login, read_email, read_phone
from livecommerce.people.service.cache import RecentValues
from livecommerce.people.service.vault import Vault
from livecommerce.people.store.buyers import (
    AddAddressRef,
    ChangePerson,
    ErasePerson,
    HideAddress,
)
from livecommerce.people.store.tables import address_refs, grants, logins, people, sign_ins
from livecommerce.people.wire import (
    AddressDraft,
    AddressList,
    AddressView,
    ContactDraft,
    ContactView,
    PersonPatch,
    PersonView,
)

R = TypeVar("R")

OWNER: Final = "own details"
"""The purpose when people read what is theirs."""
KNOWN_S: Final = 60.0
"""How long a buyer with phone and address is taken to have them still: only the buyer's own hand
takes them away, and an order may go to an address removed a moment ago."""


@dataclass(frozen=True, slots=True)
class AddressRef:
    """That there is an address, and in which country: all a price needs to know."""

    id: str
    country: str


@dataclass(frozen=True, slots=True)
class Buyer:
    """What the buy path needs to know of a person; nothing of it is personal."""

    person_id: str
    market: str
    has_phone: bool
    addresses: tuple[AddressRef, ...]
    """Newest first."""

    @property
    def is_complete(self) -> bool:
        return self.has_phone and bool(self.addresses)

    def has(self, address_id: str | None) -> bool:
        """Tells whether the address is one of theirs; None always is."""
        return address_id is None or any(known.id == address_id for known in self.addresses)


@dataclass(frozen=True, slots=True)
class Erased:
    sign_in_ids: tuple[str, ...]
    scope_ids: tuple[str, ...]


class Buyers:
    """Keeps people's details, and answers about them."""

    def __init__(self, *, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._buyers = RecentValues(self._load, clock=clock)

    # ---- the person --------------------------------------------------------------------------

    async def person(self, person_id: str) -> PersonView:
        row = await self._database.fetch_one(sa.select(people).where(people.c.id == person_id))
        if row is None or row["erased_at"] is not None:
            raise Refused(Code.NOT_FOUND)
        return PersonView(id=row["id"], name=row["name"], kind=row["kind"], market=row["market"])

    async def change(self, person_id: str, patch: PersonPatch, *, name: str | None) -> None:
        market = None if patch.market is msgspec.UNSET else patch.market
        await self._database.writer.submit(
            ChangePerson(person_id=person_id, name=name, market=market)
        )
        self._buyers.forget(person_id)

    async def buyer(self, person_id: str, *, address_id: str | None = None) -> Buyer:
        found = await self._buyers.get(person_id, age_s=KNOWN_S)
        if isinstance(found, Nobody) or not found.is_complete or not found.has(address_id):
            # What is missing may just have been added, through another process too.
            self._buyers.forget(person_id)
            found = await self._buyers.get(person_id)
        if isinstance(found, Nobody):
            raise Refused(Code.NOT_FOUND)
        return found

    # ---- contact -----------------------------------------------------------------------------

    async def contact(self, person_id: str, *, reader_id: str, purpose: str) -> ContactView:
        record_id = _contact_id(person_id)
        opened = await self._vault.read(
            person_id, [record_id], reader_id=reader_id, purpose=purpose
        )
        if record_id not in opened:
            return ContactView(phone=None, email=None)
        return msgspec.msgpack.decode(opened[record_id], type=ContactView)

    async def set_contact(self, actor: Actor, draft: ContactDraft, *, market: str) -> ContactView:
        email = None if draft.email is None else read_email(draft.email)
        view = ContactView(phone=read_phone(draft.phone, market), email=email)
        await self._keep_contact(actor.person_id, view)
        return view

    async def keep_login(self, person_id: str, login: Login) -> None:
        """Makes the login the first entry of the contact, so that nobody types it twice."""
        phone = login.value if login.kind == "phone" else None
        email = login.value if login.kind == "email" else None
        await self._keep_contact(person_id, ContactView(phone=phone, email=email))

    async def _keep_contact(self, person_id: str, view: ContactView) -> None:
        await self._vault.keep(
            person_id,
            _contact_id(person_id),
            kind="contact",
            plain=msgspec.msgpack.encode(view),
        )
        await self._refer(
            ChangePerson(person_id=person_id, has_phone=view.phone is not None),
            person_id,
            _contact_id(person_id),
        )

    # ---- addresses ---------------------------------------------------------------------------

    async def add_address(
        self, actor: Actor, draft: AddressDraft, *, key: str | None
    ) -> AddressView:
        address = check_address(
            country=draft.country,
            recipient=draft.recipient,
            phone=draft.phone,
            fields=draft.fields,
        )
        address_id = new_id()
        # The vault first: a reference to an address that is not there would break an order.
        await self._vault.keep(
            actor.person_id, address_id, kind="address", plain=msgspec.msgpack.encode(address)
        )
        # A digest of all of it would be something personal outside the vault.
        once = Idempotency.of(actor.person_id, "add_address", key, address.country, Made)
        made = await self._refer(
            AddAddressRef(actor.person_id, address_id, address.country, once),
            actor.person_id,
            address_id,
        )
        if made.id != address_id:
            await self._vault.drop(actor.person_id, address_id)
            first = await self.address(
                actor.person_id, made.id, reader_id=actor.person_id, purpose=OWNER
            )
            if first != _address_view(made.id, address):
                raise Refused(Code.IDEMPOTENCY_MISMATCH)
        await self._adopt_phone(actor.person_id, address.phone)
        return _address_view(made.id, address)

    async def _adopt_phone(self, person_id: str, phone: str) -> None:
        """Takes the courier's number for the buyer's own when there is none."""
        if (await self.buyer(person_id)).has_phone:
            return
        known = await self.contact(person_id, reader_id=person_id, purpose=OWNER)
        await self._keep_contact(person_id, ContactView(phone=phone, email=known.email))

    async def addresses(self, actor: Actor) -> AddressList:
        refs = await self._database.fetch(
            sa.select(address_refs.c.id)
            .where(address_refs.c.person_id == actor.person_id, address_refs.c.removed_at.is_(None))
            .order_by(address_refs.c.created_at.desc(), address_refs.c.id.desc())
        )
        ids = [row["id"] for row in refs]
        opened = await self._open(actor.person_id, ids, reader_id=actor.person_id, purpose=OWNER)
        return AddressList(addresses=[opened[id] for id in ids if id in opened])

    async def address(
        self, person_id: str, address_id: str, *, reader_id: str, purpose: str
    ) -> AddressView:
        opened = await self._open(person_id, [address_id], reader_id=reader_id, purpose=purpose)
        if address_id not in opened:
            raise Refused(Code.NOT_FOUND)
        return opened[address_id]

    async def remove_address(self, actor: Actor, address_id: str) -> None:
        await self._database.writer.submit(HideAddress(actor.person_id, address_id))
        self._buyers.forget(actor.person_id)

    async def _open(
        self, person_id: str, ids: Sequence[str], *, reader_id: str, purpose: str
    ) -> dict[str, AddressView]:
        if not ids:
            return {}
        # Of the same person, but no address: its id is not asked for as one.
        wanted = [id for id in ids if id != _contact_id(person_id)]
        opened = await self._vault.read(person_id, wanted, reader_id=reader_id, purpose=purpose)
        return {
            id: _address_view(id, msgspec.msgpack.decode(plain, type=Address))
            for id, plain in opened.items()
        }

    async def _refer(self, write: Write[R], person_id: str, record_id: str) -> R:
        """Makes a record of the vault count; one that is refused leaves nothing there."""
        try:
            return await self._database.writer.submit(write)
        except Refused as refused:
            if refused.code not in (Code.UNAVAILABLE, Code.SERVER_BUSY):
                await self._vault.drop(person_id, record_id)
            raise
        finally:
            self._buyers.forget(person_id)

    # ---- the end -----------------------------------------------------------------------------

    async def erase(self, person_id: str) -> Erased:
        async with self._database.reading() as connection:

            async def ids(table: sa.Table) -> tuple[str, ...]:
                of_person = sa.select(table.c.id).where(table.c.person_id == person_id)
                return tuple((await connection.execute(of_person)).scalars())

            write = ErasePerson(
                person_id=person_id,
                login_ids=await ids(logins),
                sign_in_ids=await ids(sign_ins),
                address_ids=await ids(address_refs),
                grant_ids=await ids(grants),
            )
        await self._database.writer.submit(write)
        # The vault last: from now on nothing new is taken there for this person.
        await self._vault.erase(person_id)
        self._buyers.forget(person_id)
        scopes = tuple(id.removesuffix(f".{person_id}") for id in write.grant_ids)
        return Erased(write.sign_in_ids, scopes)

    async def _load(self, person_ids: Collection[str]) -> Mapping[str, Buyer | Nobody]:
        async with self._database.reading() as connection:
            rows = (
                await connection.execute(
                    sa.select(people.c.id, people.c.market, people.c.has_phone).where(
                        people.c.id.in_(person_ids), people.c.erased_at.is_(None)
                    )
                )
            ).all()
            refs = (
                await connection.execute(
                    sa.select(address_refs.c.person_id, address_refs.c.id, address_refs.c.country)
                    .where(
                        address_refs.c.person_id.in_(person_ids),
                        address_refs.c.removed_at.is_(None),
                    )
                    .order_by(address_refs.c.created_at.desc(), address_refs.c.id.desc())
                )
            ).all()
        of_person: dict[str, list[AddressRef]] = {}
        for person_id, address_id, country in refs:
            of_person.setdefault(person_id, []).append(AddressRef(address_id, country))
        found: dict[str, Buyer | Nobody] = dict.fromkeys(person_ids, NOBODY)
        for person_id, market, has_phone in rows:
            addresses = tuple(of_person.get(person_id, ()))
            found[person_id] = Buyer(person_id, market, has_phone, addresses)
        return found


@dataclass(frozen=True, slots=True)
class Nobody:
    """There is no such person (yet)."""


NOBODY: Final = Nobody()


def _contact_id(person_id: str) -> str:
    return f"{person_id}.contact"


def _address_view(address_id: str, address: Address) -> AddressView:
    return AddressView(
        id=address_id,
        country=address.country,
        recipient=address.recipient,
        phone=address.phone,
        fields=dict(address.fields),
        summary=summary(address),
    )
