"""Requests in, answers out: the few lines every route would otherwise repeat."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import web

from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import is_client_id
from livecommerce.people.accounts import Actor
from livecommerce.protocol.validation import parse_json, validate

T = TypeVar("T")

ACTOR = web.RequestKey("actor", Actor)
CLIENT_IP = web.RequestKey("client_ip", str)
BODY_BYTES_MAX = 65_536
"""JSON bodies. Pictures have a limit of their own."""
BODY_LEAST_S = 10.0
BODY_BYTES_PER_S = 32 * 1024
"""Slower than a phone at the edge of its network; whoever trickles on would keep us waiting."""

REQUEST_ID = web.RequestKey("request_id", str)


async def read(request: web.Request, kind: type[T]) -> T:
    """Reads a JSON body as `kind`. Raises Refused with the code and field of the first fault."""
    if request.content_type != "application/json":
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, wanted="application/json")
    return validate(parse_json(await body(request)), kind)


async def body(request: web.Request, most: int = BODY_BYTES_MAX) -> bytes:
    """Reads the whole body.

    Raises:
        Refused: TOO_LARGE as soon as it passes `most` bytes; BAD_FRAME when it does not come to an
            end in the time a slow phone needs for so many.
    """
    if (request.content_length or 0) > most:
        raise Refused(Code.TOO_LARGE, most=most)
    parts = bytearray()
    try:
        async with asyncio.timeout(BODY_LEAST_S + most / BODY_BYTES_PER_S):
            async for part in request.content.iter_any():
                parts += part
                if len(parts) > most:
                    raise Refused(Code.TOO_LARGE, most=most)
    except TimeoutError:
        raise Refused(Code.BAD_FRAME, reason="body_timeout") from None
    return bytes(parts)


def reply(
    value: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Answers with a Struct as JSON."""
    return web.Response(
        body=orjson.dumps(msgspec.to_builtins(value)),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def reply_raw(value: Any, status: int = 200) -> web.Response:
    """Answers with plain JSON values; for documents that have no Struct (OpenAPI, health)."""
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def actor_or_none(request: web.Request) -> Actor | None:
    """Returns who asks, or None for a visitor without a token."""
    return request.get(ACTOR)


def actor(request: web.Request) -> Actor:
    """Returns who asks. Raises Refused(UNAUTHENTICATED) for a visitor."""
    person = actor_or_none(request)
    if person is None:
        raise Refused(Code.UNAUTHENTICATED)
    return person


def client_ip(request: web.Request) -> str:
    """Returns the caller's address, as far as configured proxies tell it."""
    return request[CLIENT_IP]


def idempotency_key(request: web.Request) -> str:
    """Returns the `Idempotency-Key` header.

    Raises Refused: IDEMPOTENCY_KEY_REQUIRED without one, BAD_ID when it is malformed or doubled.
    """
    keys = request.headers.getall("Idempotency-Key", [])
    if not keys:
        raise Refused(Code.IDEMPOTENCY_KEY_REQUIRED)
    # The header is a structured-field string, so a quoted key is as good as a bare one.
    key = keys[0].removeprefix('"').removesuffix('"')
    if len(keys) > 1 or not is_client_id(key):
        raise Refused(Code.BAD_ID, field="Idempotency-Key")
    return key


def idempotency_key_or_none(request: web.Request) -> str | None:
    """Returns the `Idempotency-Key` header where it may be left out. Raises as the other one."""
    return idempotency_key(request) if "Idempotency-Key" in request.headers else None


def page_limit(request: web.Request, *, default: int = 50, most: int = 200) -> int:
    """Returns `?limit=`. Raises Refused(BAD_FIELD) when it is no whole number from 1 to `most`."""
    text = request.query.get("limit")
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= most:
        raise Refused(Code.BAD_FIELD, field="limit", most=most)
    return int(text)
