"""A shop on the air, opened as a host opens one: over HTTP and with room commands."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp
import orjson

from tests.support.http import Connector
from tests.support.sockets import new_command_id

ISSUER = "https://platform.example"
AUDIENCE = "livecommerce"
PLATFORM_SECRET = "a secret that the platform and the shop share"
PLATFORM_SETTINGS = {
    "LIVECOMMERCE_PLATFORM_ISSUER": ISSUER,
    "LIVECOMMERCE_PLATFORM_AUDIENCE": AUDIENCE,
    "LIVECOMMERCE_PLATFORM_SECRET": PLATFORM_SECRET,
}
"""Settings of a server that takes our platform's tokens."""

PASSWORD = "a long enough password"
_SIGN_IN_AGAIN_S = 400.0  # access tokens live ten minutes


class Problem(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(f"{status} {document}")
        self.status = status
        self.code = document.get("code")
        self.document = document


def platform_token(subject: str, *, name: str = "", valid_s: int = 4 * 3600, **claims: Any) -> str:
    """A token as the platform would sign it for one of its people (HS256)."""
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "name": name or subject,
        "iat": now,
        "exp": now + valid_s,
        "market": "SA",
        **claims,
    }
    return sign(said)


def sign(
    claims: dict[str, Any], *, header: dict[str, Any] | None = None, secret: str = PLATFORM_SECRET
) -> str:
    """A compact JWS by the standard library alone: what the server must be able to read."""
    head = orjson.dumps({"alg": "HS256", "typ": "JWT"} if header is None else header)
    text = f"{_b64(head)}.{_b64(orjson.dumps(claims))}"
    return f"{text}.{_b64(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Api:
    """The HTTP interface, for any number of people over one pool of connections."""

    def __init__(self, base: str, *, connections: int = 32) -> None:
        self.base = base
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Api:
        self._session = aiohttp.ClientSession(
            connector=Connector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=30),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
    ) -> Any:
        """Ask and give the answer's JSON. Raises Problem."""
        assert self._session is not None, "use `async with`"
        headers = {"X-Client": "native"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = orjson.dumps(body)
        async with self._session.request(
            method, self.base + path, data=data, headers=headers
        ) as answer:
            raw = await answer.read()
            plain = orjson.loads(raw) if raw.startswith((b"{", b"[")) else {"raw": raw.decode()}
            if answer.status >= 400:
                raise Problem(answer.status, plain)
            return plain

    async def get(self, path: str, *, token: str | None = None) -> Any:
        return await self.ask("GET", path, token=token)

    async def post(
        self, path: str, body: Any, *, token: str | None = None, key: str | None = None
    ) -> Any:
        return await self.ask("POST", path, body, token=token, key=key)

    async def put(self, path: str, body: Any, *, token: str | None = None) -> Any:
        return await self.ask("PUT", path, body, token=token)


@dataclass(kw_only=True)
class Host:
    """Somebody with an account, signed in for as long as needed."""

    api: Api
    login: str
    token: str
    person_id: str
    signed_in_s: float = field(default_factory=time.monotonic)

    @classmethod
    async def sign_up(cls, api: Api, *, login: str, name: str = "Huda") -> Host:
        body = {"name": name, "login": login, "password": PASSWORD}
        tokens = await api.post("/v1/auth/sign-up", body)
        return cls(
            api=api,
            login=login,
            token=tokens["access_token"],
            person_id=tokens["person"]["id"],
        )

    async def fresh_token(self) -> str:
        """An access token with minutes to live."""
        if time.monotonic() - self.signed_in_s > _SIGN_IN_AGAIN_S:
            body = {"login": self.login, "password": PASSWORD}
            tokens = await self.api.post("/v1/auth/sign-in", body)
            self.token, self.signed_in_s = tokens["access_token"], time.monotonic()
        return self.token

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        return await self.api.ask(method, path, body, token=await self.fresh_token())

    async def command(self, room: str, verb: str, **fields: Any) -> Any:
        """Carry out a room command; gives its reply."""
        said = {"t": verb, "id": new_command_id(), **fields}
        return await self.ask("POST", f"/v1/rooms/{room}/commands", said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """Something for sale in a room."""

    product_id: str
    variant_id: str
    offer_id: str
    price_minor: int


@dataclass(kw_only=True)
class Shop:
    """A room on the air with goods in its bag."""

    host: Host
    room_id: str
    slug: str
    merchant_id: str
    currency: str = "SAR"

    @classmethod
    async def open(cls, api: Api, *, slug: str = "souq") -> Shop:
        """Sign a host up, make merchant and room, and go live."""
        host = await Host.sign_up(api, login=f"{slug}@example.com")
        merchant = await host.ask(
            "POST", "/v1/merchants", {"name": {"en": "Souq"}, "slug": f"{slug}-goods"}
        )
        room = await host.ask("POST", "/v1/rooms", {"slug": slug, "title": {"en": "Souq live"}})
        shop = cls(host=host, room_id=room["id"], slug=slug, merchant_id=merchant["id"])
        await shop.command("move_show", to="live")
        return shop

    async def command(self, verb: str, **fields: Any) -> Any:
        return await self.host.command(self.room_id, verb, **fields)

    async def add_goods(
        self, sku: str, *, on_hand: int, price_minor: int = 20_000, slot: int | None = None
    ) -> Goods:
        """Put a new product with one variant into the bag, and pin it."""
        product = await self.host.ask(
            "POST",
            f"/v1/merchants/{self.merchant_id}/products",
            {
                "market": "SA",
                "title": {"en": f"Lamp {sku}", "ar": "فانوس"},
                "variants": [{"sku": sku, "price_minor": price_minor, "on_hand": on_hand}],
            },
        )
        offer = await self.command("add_offer", product_id=product["id"])
        if slot is not None:
            await self.command("pin_offer", offer_id=offer["id"], slot=slot)
        return Goods(
            product_id=product["id"],
            variant_id=product["variants"][0]["id"],
            offer_id=offer["id"],
            price_minor=price_minor,
        )

    async def start_sale(self, goods: Goods, *, quota: int, **terms: Any) -> dict[str, Any]:
        """Plan, arm and start a flash sale; gives its SaleView, in which `starts_at` stands."""
        sale = await self.command(
            "plan_sale",
            offer_id=goods.offer_id,
            variant_id=goods.variant_id,
            price_minor=terms.pop("price_minor", goods.price_minor // 2),
            quota=quota,
            **terms,
        )
        if sale["phase"] == "scheduled":
            sale = await self.command("arm_sale", sale_id=sale["id"])
        started: dict[str, Any] = await self.command("start_sale", sale_id=sale["id"])
        return started

    async def delivery_minor(self) -> int:
        """What delivery adds to every order of this shop's market."""
        listed = await self.host.ask("GET", "/v1/markets")
        return next(
            int(market["delivery_minor"]) for market in listed["markets"] if market["id"] == "SA"
        )


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a buyer needs to buy in one click."""

    address_id: str
    card_id: str


async def furnish(api: Api, token: str, *, number: int, card: str = "tok_visa") -> Wallet:
    """Give a buyer a phone, an address and a card."""
    phone = f"+9665{number % 100_000_000:08d}"
    await api.put("/v1/me/contact", {"phone": phone}, token=token)
    address = await api.post(
        "/v1/me/addresses",
        {
            "country": "SA",
            "recipient": f"Buyer {number}",
            "phone": phone,
            "fields": {"short_address": "RRRD2929", "city": "Riyadh"},
        },
        token=token,
    )
    return Wallet(address["id"], await add_card(api, token, card))


async def add_card(api: Api, token: str, card: str) -> str:
    """Save another card; gives its id."""
    saved = await api.post("/v1/me/cards", {"token": card}, token=token)
    return str(saved["id"])
