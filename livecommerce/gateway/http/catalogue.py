"""The shop over HTTP: markets, products, merchants, pictures, stock."""

from __future__ import annotations

from aiohttp import web

from livecommerce.catalogue.pictures import BYTES_MAX
from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.wire import MerchantDraft, ProductDraft, ProductPatch, StockAdjustment
from livecommerce.gateway.http.bodies import (
    actor,
    actor_or_none,
    body,
    idempotency_key_or_none,
    page_limit,
    read,
    reply,
)
from livecommerce.kernel.errors import Code, Refused
from livecommerce.stock.service import Stock

_PICTURE_HEADERS = {
    # The name is made from the content, so it never means anything else.
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Type": "image/webp",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_MARKETS_HEADERS = {"Cache-Control": "public, max-age=300"}
_WORD_MAX = 100


def routes(catalogue: Catalogue, stock: Stock) -> list[web.RouteDef]:
    """Makes the routes of the shop."""

    async def markets(request: web.Request) -> web.Response:
        return reply(catalogue.markets(), headers=_MARKETS_HEADERS)

    async def products(request: web.Request) -> web.Response:
        found = await catalogue.search(
            q=_word(request, "q") or "",
            category=_word(request, "category"),
            merchant=_word(request, "merchant"),
            after=_word(request, "after"),
            limit=page_limit(request, default=24, most=100),
            actor=actor_or_none(request),
        )
        return reply(found)

    async def product(request: web.Request) -> web.Response:
        return reply(await catalogue.product(request.match_info["id"], actor_or_none(request)))

    async def update_product(request: web.Request) -> web.Response:
        person = actor(request)
        patch = await read(request, ProductPatch)
        return reply(await catalogue.update_product(person, request.match_info["id"], patch))

    async def create_merchant(request: web.Request) -> web.Response:
        person = actor(request)
        key = idempotency_key_or_none(request)
        draft = await read(request, MerchantDraft)
        return reply(await catalogue.create_merchant(person, draft, key=key), 201)

    async def merchant(request: web.Request) -> web.Response:
        return reply(await catalogue.merchant(request.match_info["slug"]))

    async def create_product(request: web.Request) -> web.Response:
        person = actor(request)
        key = idempotency_key_or_none(request)
        draft = await read(request, ProductDraft)
        made = await catalogue.create_product(person, request.match_info["id"], draft, key=key)
        return reply(made, 201)

    async def upload_picture(request: web.Request) -> web.Response:
        person = actor(request)
        if not request.content_type.startswith(("image/", "application/octet-stream")):
            raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, wanted="image/*")
        upload = await body(request, BYTES_MAX)
        stored = await catalogue.upload_picture(person, request.match_info["id"], upload)
        return reply(stored, 201)

    async def picture(request: web.Request) -> web.FileResponse:
        path = await catalogue.picture_file(request.match_info["name"])
        return web.FileResponse(path, headers=_PICTURE_HEADERS)

    async def adjust_stock(request: web.Request) -> web.Response:
        person = actor(request)
        key = idempotency_key_or_none(request)
        wish = await read(request, StockAdjustment)
        level = await stock.adjust(
            person, request.match_info["id"], delta=wish.delta, reason=wish.reason, key=key
        )
        return reply(level)

    return [
        web.get("/v1/markets", markets),
        web.get("/v1/products", products),
        web.get("/v1/products/{id}", product),
        web.patch("/v1/products/{id}", update_product),
        web.post("/v1/merchants", create_merchant),
        web.get("/v1/merchants/{slug}", merchant),
        web.post("/v1/merchants/{id}/products", create_product),
        web.post("/v1/merchants/{id}/pictures", upload_picture),
        web.get("/v1/pictures/{name}", picture),
        web.post("/v1/variants/{id}/stock", adjust_stock),
    ]


def _word(request: web.Request, name: str) -> str | None:
    """A query parameter, or None; `bad_field` when it is longer than anybody's word."""
    text = request.query.get(name)
    if text is None or text == "":
        return None
    if len(text) > _WORD_MAX or "\0" in text:
        raise Refused(Code.BAD_FIELD, field=name)
    return text
