"""OpenAPI 3.1 of the HTTP interface, made from the same Structs that decode it.

The table below names, for every route, the Struct it takes and the one it answers with. A test
compares it with the routes of the running application, so no route can be left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from livecommerce import __version__
from livecommerce.catalogue import wire as catalogue
from livecommerce.gateway import wire
from livecommerce.kernel.errors import Code
from livecommerce.moderation import wire as moderation
from livecommerce.orders import wire as orders
from livecommerce.payments import wire as payments
from livecommerce.people import wire as people
from livecommerce.protocol.codes import TABLE
from livecommerce.shows import wire as shows
from livecommerce.stock import wire as stock


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error (RFC 9457). `code` is permanent; the sentence is the client's to choose."""

    type: str
    title: str
    status: int
    code: str
    retry: str
    request_id: str
    field: str | None = None
    after_ms: int | None = None
    data: dict[str, Any] | None = None


class Route(NamedTuple):
    method: str
    path: str
    about: str
    takes: Any = None
    gives: Any = None
    status: int = 200
    open: bool = False
    """Needs no access token."""
    key: bool = False
    """Needs an Idempotency-Key."""
    may_key: bool = False
    """Takes an Idempotency-Key: a repetition answers with what the first one made."""


ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/auth/guest",
        "Enter with a name alone",
        people.GuestDraft,
        people.Tokens,
        201,
        open=True,
    ),
    Route(
        "POST",
        "/v1/auth/sign-up",
        "Make an account; a guest stays the same person",
        people.SignUp,
        people.Tokens,
        201,
        open=True,
    ),
    Route("POST", "/v1/auth/sign-in", "Sign in", people.SignIn, people.Tokens, open=True),
    Route(
        "POST",
        "/v1/auth/refresh",
        "A new access token for the refresh token",
        people.Refresh,
        people.Tokens,
        open=True,
    ),
    Route(
        "POST", "/v1/auth/sign-out", "End this sign-in everywhere", people.Refresh, None, open=True
    ),
    Route(
        "POST",
        "/v1/auth/link",
        "Sign in by a one-time link",
        people.LinkUse,
        people.Tokens,
        open=True,
    ),
    Route("GET", "/v1/me", "Who I am", None, people.PersonView),
    Route("PATCH", "/v1/me", "Change my name or market", people.PersonPatch, people.PersonView),
    Route("GET", "/v1/me/contact", "My phone and e-mail", None, people.ContactView),
    Route(
        "PUT",
        "/v1/me/contact",
        "Change my phone and e-mail",
        people.ContactDraft,
        people.ContactView,
    ),
    Route("GET", "/v1/me/addresses", "My addresses", None, people.AddressList),
    Route(
        "POST",
        "/v1/me/addresses",
        "Add an address",
        people.AddressDraft,
        people.AddressView,
        201,
        may_key=True,
    ),
    Route("DELETE", "/v1/me/addresses/{id}", "Forget an address", None, None),
    Route(
        "GET",
        "/v1/address-forms",
        "The address form of every country",
        None,
        people.AddressForms,
        open=True,
    ),
    Route("GET", "/v1/me/payment-methods", "What I can pay with", None, payments.PaymentMethods),
    Route(
        "POST",
        "/v1/me/cards",
        "Save a card by the provider's token",
        payments.CardDraft,
        payments.CardView,
        201,
    ),
    Route("DELETE", "/v1/me/cards/{id}", "Forget a card", None, None),
    Route(
        "GET",
        "/v1/markets",
        "Countries, currencies, VAT and formats",
        None,
        catalogue.MarketList,
        open=True,
    ),
    Route("GET", "/v1/products", "Search the shop", None, catalogue.ProductList, open=True),
    Route(
        "GET",
        "/v1/products/{id}",
        "A product with its variants",
        None,
        catalogue.ProductView,
        open=True,
    ),
    Route(
        "PATCH",
        "/v1/products/{id}",
        "Change a product",
        catalogue.ProductPatch,
        catalogue.ProductView,
    ),
    Route(
        "POST",
        "/v1/merchants",
        "Open a shop",
        catalogue.MerchantDraft,
        catalogue.MerchantView,
        201,
        may_key=True,
    ),
    Route("GET", "/v1/merchants/{slug}", "A shop", None, catalogue.MerchantView, open=True),
    Route(
        "POST",
        "/v1/merchants/{id}/products",
        "Add a product",
        catalogue.ProductDraft,
        catalogue.ProductView,
        201,
        may_key=True,
    ),
    Route(
        "POST",
        "/v1/merchants/{id}/pictures",
        "Upload a picture (image bytes)",
        bytes,
        catalogue.PictureView,
        201,
    ),
    Route(
        "POST",
        "/v1/variants/{id}/stock",
        "Units arrived, or left other than by a sale",
        catalogue.StockAdjustment,
        stock.StockView,
        may_key=True,
    ),
    Route("GET", "/v1/rooms", "Rooms, those on air first", None, shows.RoomList, open=True),
    Route("POST", "/v1/rooms", "Make a room", shows.RoomDraft, shows.RoomView, 201, may_key=True),
    Route("GET", "/v1/rooms/{room}", "A room, by id or slug", None, shows.RoomView, open=True),
    Route("PATCH", "/v1/rooms/{room}", "Change a room", shows.RoomPatch, shows.RoomView),
    Route("GET", "/v1/rooms/{room}/bag", "The bag (ETag)", None, shows.BagView, open=True),
    Route(
        "GET",
        "/v1/rooms/{room}/sales",
        "Flash sales of the room",
        None,
        stock.SaleList,
        open=True,
    ),
    Route(
        "GET",
        "/v1/rooms/{room}/sanctions",
        "Who is silenced or shut out now, for the staff",
        None,
        moderation.SanctionList,
    ),
    Route("GET", "/v1/rooms/{room}/grants", "Who helps in this room", None, shows.GrantList),
    Route("POST", "/v1/rooms/{room}/grants", "Give a role", shows.GrantDraft, shows.GrantView, 201),
    Route("DELETE", "/v1/rooms/{room}/grants/{grant}", "Take a role back", None, None),
    Route(
        "GET",
        "/v1/rooms/{room}/orders",
        "Orders of the room, for its staff",
        None,
        orders.RoomOrderList,
    ),
    Route(
        "POST",
        "/v1/rooms/{room}/commands",
        "Any room command, as on the socket",
        wire.AnyCommand,
        dict,
    ),
    Route(
        "POST", "/v1/quotes", "What it would cost now", orders.QuoteRequest, orders.Quote, open=True
    ),
    Route(
        "POST",
        "/v1/orders",
        "Buy: hold, and pay when payment is given",
        orders.OrderBody,
        orders.OrderView,
        201,
        key=True,
    ),
    Route("GET", "/v1/orders", "My orders", None, orders.OrderList),
    Route("GET", "/v1/orders/{id}", "One of my orders", None, orders.OrderView),
    Route(
        "POST",
        "/v1/orders/{id}/pay",
        "Pay for held units",
        orders.PayBody,
        orders.OrderView,
        key=True,
    ),
    Route("POST", "/v1/orders/{id}/cancel", "Cancel an order", None, orders.OrderView),
)
"""Every documented route under /v1. Pages, pictures, metrics and the provider's callbacks are not
part of the interface for programs."""


def document() -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document."""
    kinds = [kind for route in ROUTES for kind in (route.takes, route.gives) if _is_schema(kind)]
    references, components = msgspec.json.schema_components(
        [*kinds, Problem], ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip([*map(repr, kinds), "problem"], references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "livecommerce",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Errors: " + ", ".join(code.value for code in Code),
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                "Refused": {
                    "description": "Refused: `code` says why",
                    "content": {"application/problem+json": {"schema": schemas["problem"]}},
                }
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _is_schema(kind: Any) -> bool:
    return kind is not None and kind is not bytes and kind is not dict


def _content(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if kind is bytes:
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    schema = {"type": "object"} if kind is dict else schemas[repr(kind)]
    return {"application/json": {"schema": schema}}


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if route.gives is not None:
        done["content"] = _content(route.gives, schemas)
    refused = {"$ref": "#/components/responses/Refused"}
    statuses = sorted({rule.status for rule in TABLE.values() if rule.status != 500})
    operation: dict[str, Any] = {
        "summary": route.about,
        "operationId": _operation_id(route),
        "responses": {
            str(route.status): done,
            **{str(status): refused for status in statuses},
        },
    }
    if route.open:
        operation["security"] = [{}, {"bearer": []}]
    parameters = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in route.path.split("/")
        if part.startswith("{")
    ]
    if route.key or route.may_key:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": route.key,
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
            }
        )
    if parameters:
        operation["parameters"] = parameters
    if route.takes is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.takes, schemas)}
    return operation


def _operation_id(route: Route) -> str:
    words = [part.strip("{}").replace("-", "_") for part in route.path.split("/")[2:]]
    return "_".join([route.method.lower(), *words])
