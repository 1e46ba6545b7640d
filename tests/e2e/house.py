"""The people, products and rooms of a test, made through the public interface alone."""

import io
import itertools
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import ClientSession

from livecommerce.catalogue.wire import (
    MerchantDraft,
    MerchantView,
    PictureView,
    ProductDraft,
    ProductView,
    Text,
    VariantDraft,
)
from livecommerce.client import ApiClient, RoomClient
from livecommerce.demo.pictures import draw_product
from livecommerce.demo.shop import demo_shop
from livecommerce.kernel.ids import new_id
from livecommerce.orders.wire import RoomOrderList
from livecommerce.payments.wire import CardDraft, CardView
from livecommerce.people.wire import AddressDraft, AddressView, ContactDraft, ContactView, Tokens
from livecommerce.protocol.commands import Command
from livecommerce.shows.wire import AddOffer, MoveShow, OfferView, RoomDraft, RoomView
from livecommerce.stock.wire import ArmSale, PlanSale, SaleView, StartSale

MARKET = "SA"
PASSWORD = "a long enough passphrase"
POSTER_URL = "/media/poster.webp"
ADDRESS = AddressDraft(
    country="SA",
    recipient="Layan",
    phone="+966512345678",
    fields={"short_address": "RRRD2929", "city": "Riyadh"},
)
PRODUCT_KEYS = ("dallah-set", "oud-malaki", "headphones", "sukkari-bowl")

T = TypeVar("T")
_numbers = itertools.count(1)


class Api(ApiClient):
    """A client from a network address of its own, as every household has one."""

    async def __aenter__(self) -> "Api":
        self._session = ClientSession(headers={"X-Forwarded-For": new_address()})
        return self

    async def upload(self, path: str, body: bytes, content_type: str, kind: type[T]) -> T:
        """Posts bytes as they are."""
        assert self._session is not None
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {self.token}"}
        async with self._session.post(self.base + path, data=body, headers=headers) as answer:
            raw = await answer.read()
            assert answer.status < 300, raw
            return msgspec.convert(orjson.loads(raw), kind)


def new_address() -> str:
    """A network address nobody else of this run has: the server believes us as its proxy."""
    number = next(_numbers)
    return f"10.77.{number // 250}.{number % 250 + 1}"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, and how they sign in."""

    api: Api
    id: str
    name: str
    login: str


@dataclass(slots=True)
class Room:
    """A room with its host and what is in its bag."""

    view: RoomView
    host: Person
    offers: Sequence[OfferView]

    @property
    def path(self) -> str:
        return f"/r/{self.view.slug}"

    @property
    def studio(self) -> str:
        return f"/studio/{self.view.slug}"

    async def command(self, command: Command, kind: type[T], by: Person | None = None) -> T:
        """Carries out a room command as the host, or as somebody else."""
        api = (by or self.host).api
        return await api.post(f"/v1/rooms/{self.view.id}/commands", command, kind)

    @asynccontextmanager
    async def socket(self, by: Person | None = None) -> AsyncIterator[RoomClient]:
        """A live connection to the room."""
        api = (by or self.host).api
        url = api.base.replace("http", "ws", 1) + "/v1/live"
        async with RoomClient(url, room=self.view.id, token=api.token) as client:
            yield client

    async def orders(self) -> RoomOrderList:
        """What the host's feed says."""
        return await self.host.api.get(f"/v1/rooms/{self.view.id}/orders", RoomOrderList)

    async def sale(
        self, offer: OfferView, *, quota: int, per_buyer: int = 1, duration_s: int = 300
    ) -> SaleView:
        """Plans a flash sale at half the price, and starts its warm-up."""
        plan = PlanSale(
            id=new_id(),
            offer_id=offer.id,
            variant_id=offer.variant_id,
            price_minor=offer.price_minor // 2,
            quota=quota,
            per_buyer=per_buyer,
            warm_up_s=10,
            duration_s=duration_s,
        )
        sale = await self.command(plan, SaleView)
        if sale.phase == "scheduled":
            await self.command(ArmSale(id=new_id(), sale_id=sale.id), SaleView)
        return await self.command(StartSale(id=new_id(), sale_id=sale.id), SaleView)


@dataclass(frozen=True, slots=True)
class Flash:
    """A room in which a flash sale runs."""

    room: Room
    sale: SaleView


class House:
    """Makes what a test needs on a running server, and closes its connections at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open: list[Api] = []

    async def close(self) -> None:
        for api in self._open:
            await api.__aexit__(None, None, None)

    async def visitor(self) -> Api:
        """Somebody who is not signed in."""
        api = await Api(self.url).__aenter__()
        self._open.append(api)
        return api

    async def person(self, name: str) -> Person:
        """Somebody with an account."""
        api = await self.visitor()
        login = f"{secrets.token_hex(6)}@example.com"
        body = {"name": name, "login": login, "password": PASSWORD, "market": MARKET}
        tokens = await api.post("/v1/auth/sign-up", body, Tokens)
        api.token = tokens.access_token
        return Person(api, tokens.person.id, name, login)

    async def buyer(self, name: str, *, card: str | None = "tok_visa") -> Person:
        """Somebody with a phone, an address and a card: one who buys with one tap."""
        person = await self.person(name)
        await person.api.put("/v1/me/contact", ContactDraft(phone=ADDRESS.phone), ContactView)
        await person.api.post("/v1/me/addresses", ADDRESS, AddressView)
        if card is not None:
            await person.api.post("/v1/me/cards", CardDraft(token=card), CardView)
        return person

    async def room(
        self,
        *,
        units: int = 50,
        is_live: bool = True,
        playback_url: str | None = None,
        products: Sequence[str] = PRODUCT_KEYS[:2],
    ) -> Room:
        """A room of a new host, with products of the host's own shop in its bag."""
        host = await self.person("نورة")
        merchant = await self.merchant(host)
        draft = RoomDraft(
            slug=f"room-{secrets.token_hex(5)}",
            title=Text(en="Evening majlis", ar="مجلس المساء"),
            market=MARKET,
            playback_url=playback_url,
            poster_url=POSTER_URL,
        )
        view = await host.api.post("/v1/rooms", draft, RoomView)
        room = Room(view, host, [])
        offers = []
        for key in products:
            product = await self.product(host, merchant, key, units=units)
            add = AddOffer(id=new_id(), product_id=product.id)
            offers.append(await room.command(add, OfferView))
        room.offers = offers
        if is_live:
            await room.command(MoveShow(id=new_id(), to="live"), dict[str, Any])
        return room

    async def merchant(self, host: Person) -> MerchantView:
        name = Text(en="House of Oud", ar="بيت العود")
        draft = MerchantDraft(name=name, slug=f"shop-{secrets.token_hex(5)}")
        return await host.api.post("/v1/merchants", draft, MerchantView)

    async def product(
        self, host: Person, merchant: MerchantView, key: str, *, units: int
    ) -> ProductView:
        """One of the demo's products, with its drawn picture and a single variant."""
        picture = await host.api.upload(
            f"/v1/merchants/{merchant.id}/pictures", _picture(key), "image/webp", PictureView
        )
        shown = next(one for one in demo_shop().products if one.key == key)
        draft = ProductDraft(
            market=MARKET,
            title=Text(en=shown.title.en, ar=shown.title.ar),
            description=Text(en=shown.description.en, ar=shown.description.ar),
            category=shown.category_key,
            picture_ids=[picture.id],
            variants=[
                VariantDraft(
                    sku=f"{key}-{secrets.token_hex(4)}",
                    price_minor=shown.variants[0].price_minor,
                    on_hand=units,
                )
            ],
        )
        return await host.api.post(f"/v1/merchants/{merchant.id}/products", draft, ProductView)


@cache
def _picture(key: str) -> bytes:
    drawn = io.BytesIO()
    draw_product(key, side_px=480).save(drawn, "WEBP", quality=80)
    return drawn.getvalue()
