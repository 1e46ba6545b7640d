"""Signing in and staying signed in: guests, accounts, links, tokens, and the end of each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import msgspec
import sqlalchemy as sa
import structlog

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.kernel.limits import Throttle
from livecommerce.people.accounts import Actor, Kind, claims_office, clean_name
from livecommerce.people.logins import Login, read_login
from livecommerce.people.passwords import NOBODY
from livecommerce.people.service.hashing import Hashing
from livecommerce.people.service.jwks import PlatformKeys
from livecommerce.people.service.newcomers import Newcomers
from livecommerce.people.service.vault import Vault
from livecommerce.people.store.sign_ins import (
    ENDED_KEPT_MS,
    AddAccount,
    AddLink,
    AddPerson,
    EndSignIns,
    NewPerson,
    Opened,
    OpenSignIn,
    Outcome,
    Rotate,
    Sweep,
    UseLink,
)
from livecommerce.people.store.tables import logins, sign_in_links, sign_ins
from livecommerce.people.tokens import (
    ACCESS_S,
    LEEWAY_S,
    OWN,
    OwnKeys,
    RefreshClaims,
    make_refresh,
    read_access,
    read_platform,
    read_refresh,
    sign_access,
    take_apart,
)
from livecommerce.people.wire import GuestDraft, PersonView, SignIn, SignUp, Tokens

log = structlog.get_logger()

_OVERLAP_MS: Final = 60_000
"""Looked back at each reading: a commit may come late, and processes' clocks differ."""
_SWEEP_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """What an operator may set. The limits are per process."""

    sign_in_days: int = 30
    guests_per_minute_per_ip: int = 30
    sign_ins_per_minute_per_ip: int = 20
    sign_ins_per_minute_per_account: int = 5
    default_market: str = "SA"
    everybody_may_sell: bool = True
    """Every account may open rooms and shops; otherwise only who was made a seller."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Tokens for the body, and the refresh token for the cookie."""

    tokens: Tokens
    refresh_token: str
    refresh_max_age_s: int

    def showing(self, person: PersonView) -> SignedIn:
        """Returns the same with the person told more fully."""
        return replace(self, tokens=msgspec.structs.replace(self.tokens, person=person))


class SignIns:
    """Opens, continues and ends sign-ins, and tells from a token who somebody is."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        clock: Clock,
        keys: OwnKeys,
        settings: PeopleSettings,
        platform: PlatformKeys | None,
        newcomers: Newcomers,
        hashing: Hashing,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._keys = keys
        self._settings = settings
        self._platform = platform
        self._newcomers = newcomers
        self._hashing = hashing
        self._sign_in_ms = settings.sign_in_days * 86_400_000
        self._guests = Throttle.per_minute(settings.guests_per_minute_per_ip, clock=clock)
        self._by_ip = Throttle.per_minute(settings.sign_ins_per_minute_per_ip, clock=clock)
        self._by_account = Throttle.per_minute(
            settings.sign_ins_per_minute_per_account, clock=clock
        )
        self._ended: dict[str, int] = {}
        self._read_at: int | None = None
        self._callbacks: list[Callable[[str], None]] = []

    # ---- who is it ---------------------------------------------------------------------------

    async def authenticate(self, token: str) -> tuple[Actor, int]:
        """Returns whose token it is and until when it is honoured; the database is not asked."""
        unproven = take_apart(token)
        now = self._clock.now_ms()
        if unproven.issuer == OWN:
            claims = read_access(unproven, self._keys, now)
            if claims.actor.sign_in_id in self._ended:
                raise Refused(Code.UNAUTHENTICATED)
        elif self._platform is not None and unproven.issuer == self._platform.trust.issuer:
            keys = await self._platform.keys(unproven.key_id)
            claims = read_platform(unproven, self._platform.trust, keys, now)
            self._newcomers.note(claims)
        else:
            raise Refused(Code.UNAUTHENTICATED)
        return claims.actor, claims.expires_at

    # ---- coming in ---------------------------------------------------------------------------

    async def guest_in(self, draft: GuestDraft, *, ip: str) -> SignedIn:
        self._guests.take(ip)
        name = free_name(draft.name)
        person = NewPerson(new_id(), Kind.GUEST, name, self._settings.default_market)
        opened = await self._database.writer.submit(
            AddPerson(person=person, sign_in_id=new_id(), sign_in_ms=self._sign_in_ms)
        )
        assert opened is not None
        return self._signed_in(opened)

    async def sign_up(
        self, draft: SignUp, login: Login, *, ip: str, guest: Actor | None
    ) -> SignedIn:
        self._by_ip.take(ip)
        name = free_name(draft.name)
        is_guest = guest is not None and guest.kind == Kind.GUEST
        person_id, sign_in_id = new_id(), new_id()
        if is_guest:
            assert guest is not None and guest.sign_in_id is not None
            person_id, sign_in_id = guest.person_id, guest.sign_in_id
        opened = await self._database.writer.submit(
            AddAccount(
                person=NewPerson(person_id, Kind.ACCOUNT, name, draft.market),
                login_id=self._login_id(login),
                password_hash=await self._hashing.make(draft.password),
                sign_in_id=sign_in_id,
                is_guest=is_guest,
                sign_in_ms=self._sign_in_ms,
            )
        )
        return self._signed_in(opened)

    async def sign_in(self, draft: SignIn, *, ip: str) -> SignedIn:
        """One refusal, and one time to refuse, for an unknown login and for a wrong password."""
        self._by_ip.take(ip)
        try:
            login = read_login(draft.login, draft.market)
        except Refused as problem:
            raise Refused(Code.WRONG_CREDENTIALS) from problem
        login_id = self._login_id(login)
        self._by_account.take(login_id)
        row = await self._database.fetch_one(
            sa.select(logins.c.person_id, logins.c.password_hash).where(logins.c.id == login_id)
        )
        stored = NOBODY if row is None else row["password_hash"]
        is_right, new_hash = await self._hashing.check(stored, draft.password)
        if row is None or not is_right:
            raise Refused(Code.WRONG_CREDENTIALS)
        opened = await self._database.writer.submit(
            OpenSignIn(
                sign_in_id=new_id(),
                person_id=row["person_id"],
                login_id=login_id,
                password_hash=stored,
                new_hash=new_hash,
                sign_in_ms=self._sign_in_ms,
            )
        )
        return self._signed_in(opened)

    async def find(self, login: Login) -> str:
        row = await self._database.fetch_one(
            sa.select(logins.c.person_id).where(logins.c.id == self._login_id(login))
        )
        if row is None:
            raise Refused(Code.NOT_FOUND, field="login")
        person_id: str = row["person_id"]
        return person_id

    async def make_link(self, person_id: str, *, valid_s: int, uses: int) -> str:
        token = secrets.token_urlsafe(24)
        await self._database.writer.submit(
            AddLink(
                link_id=_link_id(token), person_id=person_id, uses=uses, valid_ms=valid_s * 1000
            )
        )
        return token

    async def link(self, token: str, *, ip: str) -> SignedIn:
        self._by_ip.take(ip)
        link_id = _link_id(token)
        row = await self._database.fetch_one(
            sa.select(sign_in_links.c.person_id).where(sign_in_links.c.id == link_id)
        )
        if row is None:
            raise Refused(Code.UNAUTHENTICATED)
        opened = await self._database.writer.submit(
            UseLink(
                link_id=link_id,
                person_id=row["person_id"],
                sign_in_id=new_id(),
                sign_in_ms=self._sign_in_ms,
            )
        )
        return self._signed_in(opened)

    # ---- staying, and going ------------------------------------------------------------------

    async def refresh(self, refresh_token: str) -> SignedIn:
        claims = read_refresh(self._keys, refresh_token)
        if claims is None:
            raise Refused(Code.UNAUTHENTICATED)
        outcome, opened = await self._database.writer.submit(Rotate(claims, self._sign_in_ms))
        if outcome is Outcome.REUSED:
            log.warning("refresh token reused", sign_in_id=claims.sign_in_id)
            self.take_note([claims.sign_in_id])
        if opened is None:
            raise Refused(Code.UNAUTHENTICATED)
        return self._signed_in(opened)

    async def sign_out(self, refresh_token: str | None, actor: Actor | None) -> None:
        """Ends the sign-ins of the cookie and of the access token; signing out twice is fine."""
        read = None if refresh_token is None else read_refresh(self._keys, refresh_token)
        ids = {
            None if read is None else read.sign_in_id,
            None if actor is None else actor.sign_in_id,
        }
        named = tuple(sorted(id for id in ids if id is not None))
        if named:
            ended = await self._database.writer.submit(EndSignIns(named))
            self.take_note(ended)

    def on_signed_out(self, callback: Callable[[str], None]) -> None:
        self._callbacks.append(callback)

    async def read_ended(self) -> None:
        """Learns which sign-ins were ended, by whatever process."""
        now = self._clock.now_ms()
        # What ended before any living access token was made matters to nobody.
        since = now - (ACCESS_S + 2 * LEEWAY_S) * 1000
        for sign_in_id in [id for id, ended_at in self._ended.items() if ended_at < since]:
            del self._ended[sign_in_id]
        if self._read_at is not None:
            since = max(since, self._read_at - _OVERLAP_MS)
        rows = await self._database.fetch(
            sa.select(sign_ins.c.id).where(sign_ins.c.ended_at >= since)
        )
        self._read_at = now
        self.take_note([row["id"] for row in rows])

    async def sweep(self) -> int:
        """Deletes some of what nobody can use any more; returns how much."""
        now = self._clock.now_ms()
        spent = await self._database.fetch(
            sa.select(sign_ins.c.id)
            .where(sa.or_(sign_ins.c.expires_at <= now, sign_ins.c.ended_at <= now - ENDED_KEPT_MS))
            .limit(_SWEEP_MAX)
        )
        links = await self._database.fetch(
            sa.select(sign_in_links.c.id).where(sign_in_links.c.expires_at <= now).limit(_SWEEP_MAX)
        )
        if not spent and not links:
            return 0
        sweep = Sweep(tuple(row["id"] for row in spent), tuple(row["id"] for row in links))
        return await self._database.writer.submit(sweep)

    def take_note(self, sign_in_ids: Iterable[str]) -> None:
        """Refuses the access tokens of sign-ins that have ended, and has their sockets closed."""
        now = self._clock.now_ms()
        for sign_in_id in sign_in_ids:
            if sign_in_id not in self._ended:
                self._ended[sign_in_id] = now
                for callback in self._callbacks:
                    callback(sign_in_id)

    def _signed_in(self, opened: Opened) -> SignedIn:
        actor = Actor(opened.person_id, opened.name, opened.kind, opened.sign_in_id)
        now = self._clock.now_ms()
        access, expires_at = sign_access(self._keys, actor, market=opened.market, now=now)
        person = PersonView(
            id=opened.person_id, name=opened.name, kind=opened.kind, market=opened.market
        )
        return SignedIn(
            Tokens(access_token=access, expires_at=expires_at, person=person),
            make_refresh(
                self._keys,
                RefreshClaims(opened.sign_in_id, opened.person_id, opened.generation),
            ),
            max(0, opened.expires_at - now) // 1000,
        )

    def _login_id(self, login: Login) -> str:
        return self._vault.blind_index(login.kind, login.value)


def free_name(text: str) -> str:
    """Returns a clean name that claims no office. Raises Refused(BAD_FIELD)."""
    name = clean_name(text)
    if claims_office(name):
        raise Refused(Code.BAD_FIELD, field="name", reason="reserved")
    return name


def _link_id(token: str) -> str:
    return sha256(token.encode()).hexdigest()
