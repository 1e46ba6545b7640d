"""What every request passes: an id, the caller's address and name, and the security headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from livecommerce.gateway.admission import ClientAddresses
from livecommerce.gateway.handshake import Origins
from livecommerce.gateway.http.bodies import ACTOR, CLIENT_IP, REQUEST_ID
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.kernel.limits import Throttle
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


def identify(
    authenticate: Authenticate,
    *,
    trusted_proxies: Sequence[str],
    allowed_origins: Sequence[str],
    pace: Throttle,
) -> Middleware:
    """Makes the middleware that finds out who asks and from where.

    Addresses and origins are judged as the live socket's are, by the same two objects.

    Args:
        pace: how quickly one person may change things.
    """
    addresses, origins = ClientAddresses(trusted_proxies), Origins(allowed_origins)

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
            _check_origin(request, addresses, origins)
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise Refused(Code.UNAUTHENTICATED)
            actor = request[ACTOR] = await authenticate(token.strip())
            if request.method in _UNSAFE:
                pace.take(actor.person_id)
        return await handler(request)

    @web.middleware
    async def located(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CLIENT_IP] = addresses.resolve(
            request.remote, request.headers.getall("X-Forwarded-For", ())
        )
        return await identified(request, handler)

    return located


def _is_storable(text: str) -> bool:
    """Tells whether a database can hold this: PostgreSQL knows no NUL, UTF-8 no half characters."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _check_origin(request: web.Request, addresses: ClientAddresses, origins: Origins) -> None:
    """Refuses a changing request that another site made a browser send (CSRF).

    Programs send no Origin and carry no cookie of ours, so a missing one is fine.
    """
    hosts = request.headers.getall("Host", ())
    if addresses.trusts(request.remote):
        hosts = request.headers.getall("X-Forwarded-Host", ()) or hosts
    sent = request.headers.getall("Origin", ())
    host = hosts[0] if len(hosts) == 1 else None
    if len(sent) > 1 or not origins.allow(sent[0] if sent else None, host):
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
