"""People: who they are, what they may do, and what is theirs. The one door of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.people.accounts import Actor, Kind, can_be_id, clean_name
from livecommerce.people.logins import read_login
from livecommerce.people.roles import SHOP, Capability, Role
from livecommerce.people.service.buyers import AddressRef, Buyer, Buyers
from livecommerce.people.service.hashing import Hashing
from livecommerce.people.service.jwks import PlatformKeys
from livecommerce.people.service.names import Names
from livecommerce.people.service.newcomers import Newcomers
from livecommerce.people.service.roles import Grant, Roles
from livecommerce.people.service.sign_ins import PeopleSettings, SignedIn, SignIns, free_name
from livecommerce.people.service.vault import Vault
from livecommerce.people.store.sign_ins import AddPerson, NewPerson
from livecommerce.people.store.tables import AuditTrail, record_founder
from livecommerce.people.tokens import PlatformTrust, own_keys
from livecommerce.people.wire import (
    AddressDraft,
    AddressList,
    AddressView,
    ContactDraft,
    ContactView,
    GuestDraft,
    PersonPatch,
    PersonView,
    SignIn,
    SignUp,
)

__all__ = [
    "AddressRef",
    "Buyer",
    "Grant",
    "People",
    "PeopleSettings",
    "SignedIn",
    "record_founder",
]

log = structlog.get_logger()

REFRESH_S: Final = 1.0
"""Half of what answers may be old, so that one late round does no harm."""
SWEEP_S: Final = 600.0


class People:
    """Everything the rest of the server asks about people.

    Call `start` before use, and keep `run` going beside the server.

    Args:
        vault: holds what is personal; nothing of it is in `database`.
        secret: at least 32 bytes; the keys of access and refresh tokens come from it, so all
            servers of one shop share it, and changing it signs everybody out.
        audit: where giving and taking roles is recorded.
        platform: whose tokens are taken besides our own.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        clock: Clock,
        secret: bytes,
        audit: AuditTrail,
        settings: PeopleSettings | None = None,
        platform: PlatformTrust | None = None,
    ) -> None:
        settings = settings or PeopleSettings()
        self._database = database
        self._clock = clock
        self._platform = None if platform is None else PlatformKeys(platform, clock=clock)
        self._hashing = Hashing()
        self._newcomers = Newcomers(database=database, default_market=settings.default_market)
        self._names = Names(database=database, clock=clock, newcomers=self._newcomers)
        self._buyers = Buyers(database=database, vault=vault, clock=clock)
        self._roles = Roles(
            database=database,
            clock=clock,
            audit=audit,
            everybody_may_sell=settings.everybody_may_sell,
        )
        self._sign_ins = SignIns(
            database=database,
            vault=vault,
            clock=clock,
            keys=own_keys(secret),
            settings=settings,
            platform=self._platform,
            newcomers=self._newcomers,
            hashing=self._hashing,
        )

    async def start(self) -> None:
        """Learns which tokens are no longer good, and the platform's keys."""
        await self._sign_ins.read_ended()
        if self._platform is not None:
            await self._platform.start()

    async def run(self) -> None:
        """Keeps what is answered from memory up to date, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._newcomers.run())
            tasks.create_task(_every(REFRESH_S, self.refresh))
            tasks.create_task(_every(SWEEP_S, self._sign_ins.sweep))

    async def refresh(self) -> None:
        """One round of `run`: ended sign-ins, roles in use, the platform's keys."""
        await self._sign_ins.read_ended()
        await self._roles.refresh()
        if self._platform is not None:
            await self._platform.keep_fresh()

    async def close(self) -> None:
        """Stores the people seen last. Call it before the database is closed."""
        try:
            await self._newcomers.flush()
        except Refused:
            log.warning("people seen last were not stored; their next visit will do it")
        self._hashing.close()

    # ---- who is it ---------------------------------------------------------------------------

    async def authenticate(self, token: str) -> tuple[Actor, int]:
        """Returns whose token it is and until when it is honoured (epoch milliseconds).

        Asks no database. Raises Refused(UNAUTHENTICATED), whatever is wrong.
        """
        return await self._sign_ins.authenticate(token)

    def on_signed_out(self, callback: Callable[[str], None]) -> None:
        """Has `callback` called with the id of each sign-in that ends, within two seconds."""
        self._sign_ins.on_signed_out(callback)

    # ---- coming and going --------------------------------------------------------------------

    async def guest_in(self, draft: GuestDraft, *, ip: str) -> SignedIn:
        """Lets somebody in by name alone. Raises Refused: BAD_FIELD, RATE_LIMITED."""
        return await self._view_shop_powers(await self._sign_ins.guest_in(draft, ip=ip))

    async def sign_up(self, draft: SignUp, *, ip: str, guest: Actor | None = None) -> SignedIn:
        """Makes an account. A guest keeps person, sign-in, holds and orders.

        Raises:
            Refused: BAD_FIELD, RATE_LIMITED, ALREADY_EXISTS when the login has an account.
        """
        login = read_login(draft.login, draft.market)
        signed_in = await self._sign_ins.sign_up(draft, login, ip=ip, guest=guest)
        person_id = signed_in.tokens.person.id
        self._names.forget(person_id)
        try:
            await self._buyers.keep_login(person_id, login)
        except Refused:
            # The account is there and good; only the form will not be filled in beforehand.
            log.warning("contact not kept at sign-up", person_id=person_id)
        return await self._view_shop_powers(signed_in)

    async def sign_in(self, draft: SignIn, *, ip: str) -> SignedIn:
        """Lets an account in. Raises Refused: WRONG_CREDENTIALS, RATE_LIMITED, SERVER_BUSY."""
        return await self._view_shop_powers(await self._sign_ins.sign_in(draft, ip=ip))

    async def refresh_tokens(self, refresh_token: str) -> SignedIn:
        """Exchanges a refresh token for new ones. Raises Refused(UNAUTHENTICATED).

        A token that was exchanged before ends its whole sign-in: one of the two who showed it is
        a thief.
        """
        return await self._view_shop_powers(await self._sign_ins.refresh(refresh_token))

    async def sign_out(self, refresh_token: str | None, actor: Actor | None) -> None:
        """Ends a sign-in: its tokens are refused and its sockets closed. Twice is fine."""
        await self._sign_ins.sign_out(refresh_token, actor)

    async def find(self, login: str, *, market: str = "SA") -> str:
        """Returns whose login this is. For the operator. Raises Refused: BAD_FIELD, NOT_FOUND."""
        return await self._sign_ins.find(read_login(login, market))

    async def make_link(self, person_id: str, *, valid_s: int = 86_400, uses: int = 1) -> str:
        """Returns the token of a link that signs this person in. Raises Refused(NOT_FOUND)."""
        return await self._sign_ins.make_link(person_id, valid_s=valid_s, uses=uses)

    async def link(self, token: str, *, ip: str) -> SignedIn:
        """Lets in who holds the link. Raises Refused: UNAUTHENTICATED, RATE_LIMITED."""
        return await self._view_shop_powers(await self._sign_ins.link(token, ip=ip))

    async def make_account(
        self,
        *,
        name: str,
        market: str = "SA",
        person_id: str | None = None,
        kind: Kind = Kind.ACCOUNT,
    ) -> Actor:
        """Makes an account without a login, for whom a link will be made. Idempotent by id."""
        person = NewPerson(person_id or new_id(), kind, clean_name(name), market)
        await self._database.writer.submit(AddPerson(person=person, sign_in_id=None))
        return Actor(person.id, person.name, person.kind)

    # ---- what they may do --------------------------------------------------------------------

    async def capabilities(self, scope_id: str, person_id: str) -> frozenset[Capability]:
        """Returns what a person may do in a room or for a merchant; at most two seconds old."""
        return await self._roles.capabilities(scope_id, person_id)

    async def require(self, actor: Actor, scope_id: str, capability: Capability) -> None:
        """Raises Refused(FORBIDDEN) unless the actor may do this here."""
        await self._roles.require(actor, scope_id, capability)

    async def require_shop(self, actor: Actor, capability: Capability) -> None:
        """Raises Refused(FORBIDDEN) unless the actor may do this in the shop as a whole."""
        await self._roles.require_shop(actor, capability)

    async def role(self, scope_id: str, person_id: str) -> Role | None:
        """Returns a person's role here."""
        return await self._roles.role(scope_id, person_id)

    async def staff(self, scope_id: str) -> dict[str, Role]:
        """Returns everybody with a role here, by person id."""
        return await self._roles.staff(scope_id)

    async def grant(
        self,
        actor: Actor,
        scope_id: str,
        *,
        person_id: str,
        role: str,
        expires_at: int | None = None,
    ) -> Grant:
        """Gives a role, in place of the one held before.

        Raises:
            Refused: FORBIDDEN when the actor does not hold `roles.grant`, or would change a
                founder's role; NOT_FOUND, BAD_FIELD.
        """
        _require_id(person_id, field="person_id")
        await self._newcomers.settle(person_id)
        return await self._roles.grant(
            actor, scope_id, person_id=person_id, role=role, expires_at=expires_at
        )

    async def revoke_grant(self, actor: Actor, scope_id: str, grant_id: str) -> str:
        """Takes a role; returns whose it was. Raises Refused: FORBIDDEN, NOT_FOUND."""
        _require_id(grant_id)
        return await self._roles.revoke(actor, scope_id, grant_id)

    async def grants(self, actor: Actor, scope_id: str) -> list[Grant]:
        """Returns who works here, first to last. Raises Refused(FORBIDDEN) for those who do not."""
        return await self._roles.grants(actor, scope_id)

    async def make_seller(self, person_id: str) -> None:
        """Lets a person open rooms and shops, where not everybody may. For the operator."""
        await self._roles.give(
            SHOP, person_id=person_id, role=Role.SELLER, expires_at=None, by="operator"
        )

    # ---- what is theirs ----------------------------------------------------------------------

    async def names(self, person_ids: Iterable[str]) -> dict[str, str]:
        """Returns display names by id; people there are not are missing."""
        return await self._names.names(id for id in person_ids if can_be_id(id))

    async def person(self, person_id: str) -> PersonView:
        """Returns a person as others may know them. Raises Refused(NOT_FOUND)."""
        _require_id(person_id)
        await self._newcomers.settle(person_id)
        return await self._buyers.person(person_id)

    async def me(self, actor: Actor) -> PersonView:
        """Returns the actor with the powers over the whole shop."""
        person = await self.person(actor.person_id)
        powers = await self._roles.of_kind(person.id, person.kind)
        return _with_powers(person, powers)

    async def change_me(self, actor: Actor, patch: PersonPatch) -> PersonView:
        """Changes name and market. Raises Refused: BAD_FIELD, FORBIDDEN for a platform's name."""
        name = patch.name if isinstance(patch.name, str) else None
        await self._newcomers.settle(actor.person_id)
        await self._buyers.change(
            actor.person_id, patch, name=None if name is None else free_name(name)
        )
        self._names.forget(actor.person_id)
        return await self.me(actor)

    async def buyer(self, person_id: str, *, address_id: str | None = None) -> Buyer:
        """Returns what the buy path needs to know, from memory. Raises Refused(NOT_FOUND).

        Args:
            address_id: an address that memory does not know is looked for once more.
        """
        await self._newcomers.settle(person_id)
        return await self._buyers.buyer(person_id, address_id=address_id)

    async def contact(self, person_id: str, *, reader: str, purpose: str) -> ContactView:
        """Opens a person's phone and e-mail; who reads and why is logged first."""
        return await self._buyers.contact(person_id, reader_id=reader, purpose=purpose)

    async def set_contact(self, actor: Actor, draft: ContactDraft) -> ContactView:
        """Stores phone and e-mail. Raises Refused(BAD_FIELD)."""
        buyer = await self.buyer(actor.person_id)
        return await self._buyers.set_contact(actor, draft, market=buyer.market)

    async def add_address(
        self, actor: Actor, draft: AddressDraft, *, key: str | None = None
    ) -> AddressView:
        """Stores an address.

        Args:
            key: made by the client; a repetition answers with the address the first one stored.

        Raises:
            Refused: BAD_FIELD, MISSING_FIELD, LIMIT_REACHED, NOT_FOUND, IDEMPOTENCY_MISMATCH.
        """
        await self.buyer(actor.person_id)
        return await self._buyers.add_address(actor, draft, key=key)

    async def addresses(self, actor: Actor) -> AddressList:
        """Returns the actor's own addresses, newest first."""
        return await self._buyers.addresses(actor)

    async def address(
        self, person_id: str, address_id: str, *, reader: str, purpose: str
    ) -> AddressView:
        """Opens an address, removed ones too: an order may still go there.

        Who reads and why is logged first. Raises Refused(NOT_FOUND).
        """
        _require_id(address_id)
        return await self._buyers.address(person_id, address_id, reader_id=reader, purpose=purpose)

    async def remove_address(self, actor: Actor, address_id: str) -> None:
        """Takes an address off the actor's list. Raises Refused(NOT_FOUND)."""
        _require_id(address_id)
        await self._buyers.remove_address(actor, address_id)

    async def erase(self, person_id: str) -> None:
        """Forgets a person: destroys the vault's key, logins and roles, and signs them out.

        The id stays, in orders and in the audit trail; nothing leads from it to a person.
        """
        erased = await self._buyers.erase(person_id)
        self._sign_ins.take_note(erased.sign_in_ids)
        self._names.forget(person_id)
        for scope_id in erased.scope_ids:
            self._roles.forget(scope_id)

    async def _view_shop_powers(self, signed_in: SignedIn) -> SignedIn:
        person = signed_in.tokens.person
        powers = await self._roles.of_kind(person.id, person.kind)
        return signed_in.showing(_with_powers(person, powers))


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await work()
        except Refused as refused:
            # The database is away; what is known stays, and the next round asks again.
            log.warning("people not refreshed", refused=str(refused))
        except Exception:
            log.exception("a round of people failed")
        await asyncio.sleep(seconds)


def _require_id(text: str, *, field: str | None = None) -> None:
    if not can_be_id(text):
        raise Refused(Code.NOT_FOUND, field=field)


def _with_powers(person: PersonView, powers: Iterable[Capability]) -> PersonView:
    return PersonView(
        id=person.id,
        name=person.name,
        kind=person.kind,
        market=person.market,
        capabilities=sorted(power.value for power in powers),
    )
