"""What every request passes: an id, the caller's address and name, and the security headers."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from livecommerce.gateway.http.bodies import ACTOR, CLIENT_IP, REQUEST_ID
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.people.accounts import Actor

Authenticate = Callable[[str], Awaitable[Actor]]

# Styles may be set on elements (Svelte does, through the CSSOM); scripts only come from us. Media
# and pictures may come from anywhere a host keeps them.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data: blob:; "
    "connect-src 'self' https: ws: wss:; media-src 'self' https: blob:; font-src 'self'; "
    "worker-src 'self' blob:; manifest-src 'self'; frame-src 'self'; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'self'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    # Not which versions of which libraries to look up weaknesses of.
    "Server": "livecommerce",
}
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_TOKEN_PARAMETERS = frozenset({"token", "access_token", "refresh_token", "jwt"})


def proxies(networks: Sequence[str]) -> Callable[[str], bool]:
    """Returns a test: is this address one of the configured proxies?"""
    trusted = [ipaddress.ip_network(network, strict=False) for network in networks]

    def is_trusted(address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in trusted)

    return is_trusted


def remote_address(peer: str, forwarded_for: str | None, is_trusted: Callable[[str], bool]) -> str:
    """Returns the caller's address: the last of X-Forwarded-For that no proxy of ours has written.

    The header is believed only from a configured proxy; anybody may send one.
    """
    address = peer
    hops = [hop.strip() for hop in (forwarded_for or "").split(",") if hop.strip()]
    while hops and is_trusted(address):
        address = hops.pop()
    return address


def identify(
    authenticate: Authenticate, *, is_trusted: Callable[[str], bool], allowed_origins: Sequence[str]
) -> Middleware:
    """Makes the middleware that finds out who asks and from where."""
    allowed = frozenset(origin.rstrip("/") for origin in allowed_origins)

    @web.middleware
    async def identified(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _TOKEN_PARAMETERS & request.query.keys():
            raise Refused(Code.TOKEN_IN_URL)
        if not all(map(_is_storable, request.match_info.values())):
            raise Refused(Code.NOT_FOUND)
        for name, value in request.query.items():
            if not _is_storable(value):
                raise Refused(Code.BAD_FIELD, field=name)
        if request.method in _UNSAFE:
            _check_origin(request, allowed)
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise Refused(Code.UNAUTHENTICATED)
            request[ACTOR] = await authenticate(token.strip())
        return await handler(request)

    @web.middleware
    async def located(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CLIENT_IP] = remote_address(
            request.remote or "", request.headers.get("X-Forwarded-For"), is_trusted
        )
        return await identified(request, handler)

    return located


def _is_storable(text: str) -> bool:
    """Tells whether a database can hold this: PostgreSQL knows no NUL, UTF-8 no half characters."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _check_origin(request: web.Request, allowed: frozenset[str]) -> None:
    """Refuses a changing request that another site made a browser send (CSRF).

    Programs send no Origin and carry no cookie of ours, so a missing one is fine.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin in allowed:
        return
    if urlsplit(origin).netloc.lower() != request.host.lower():
        raise Refused(Code.ORIGIN_NOT_ALLOWED)


@web.middleware
async def number(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the request its id, and the answer the security headers."""
    request[REQUEST_ID] = new_id()
    answer = await handler(request)
    if not answer.prepared:
        answer.headers["X-Request-Id"] = request[REQUEST_ID]
        for name, value in SECURITY_HEADERS.items():
            answer.headers.setdefault(name, value)
        if request.secure:
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return answer
