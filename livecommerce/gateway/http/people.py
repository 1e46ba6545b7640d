"""Signing up, in and out; the person's own name, contact and addresses; roles in a room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from livecommerce.gateway.http.bodies import (
    actor,
    actor_or_none,
    client_ip,
    idempotency_key_or_none,
    read,
    reply,
    reply_raw,
)
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.addresses import FORMS, GENERIC, Form
from livecommerce.people.logins import dial_code
from livecommerce.people.service import Grant, People, SignedIn
from livecommerce.people.service.buyers import OWNER
from livecommerce.people.wire import (
    AddressDraft,
    AddressField,
    AddressForm,
    AddressForms,
    ContactDraft,
    GuestDraft,
    LinkUse,
    PersonPatch,
    Refresh,
    SignIn,
    SignUp,
)
from livecommerce.shows.wire import GrantDraft, GrantList, GrantView

COOKIE: Final = "lc_refresh"
COOKIE_PATH: Final = "/v1/auth"
_NATIVE: Final = "native"
FORMS_MAX_AGE_S: Final = 3600

RoomId = Callable[[str], Awaitable[str]]
"""Finds a room's id by its id or slug. Raises Refused(NOT_FOUND)."""


def routes(people: People, room_id: RoomId, *, behind_https: bool = False) -> list[web.RouteDef]:
    """Makes the routes of /v1/auth, /v1/me, /v1/address-forms and /v1/rooms/{room}/grants.

    Args:
        behind_https: a proxy ends TLS before us, so that cookies must be marked Secure.
    """
    cookies = _Cookies(behind_https=behind_https)
    return [
        *_auth_routes(people, cookies),
        *_me_routes(people),
        *_grant_routes(people, room_id),
        web.get("/v1/address-forms", _address_forms),
    ]


class _Cookies:
    """The refresh token where no script can read it, sent to /v1/auth and nowhere else."""

    def __init__(self, *, behind_https: bool) -> None:
        self._behind_https = behind_https

    def answer(self, request: web.Request, signed_in: SignedIn, status: int = 200) -> web.Response:
        headers = {"Cache-Control": "no-store"}
        if request.headers.get("X-Client", "").lower() == _NATIVE:
            # An app keeps its tokens itself; a cookie would be a second copy nobody looks after.
            tokens = msgspec.structs.replace(
                signed_in.tokens, refresh_token=signed_in.refresh_token
            )
            return reply(tokens, status, headers)
        response = reply(signed_in.tokens, status, headers)
        response.set_cookie(
            COOKIE,
            signed_in.refresh_token,
            max_age=signed_in.refresh_max_age_s,
            path=COOKIE_PATH,
            httponly=True,
            samesite="Strict",
            secure=self._is_secure(request),
        )
        return response

    def clear(self, request: web.Request, response: web.Response) -> web.Response:
        response.del_cookie(
            COOKIE,
            path=COOKIE_PATH,
            httponly=True,
            samesite="Strict",
            secure=self._is_secure(request),
        )
        return response

    def _is_secure(self, request: web.Request) -> bool:
        # A browser says by Origin how it reached the page; on http it would drop a Secure cookie.
        from_https = request.headers.get("Origin", "").startswith("https://")
        return self._behind_https or request.secure or from_https


def _auth_routes(people: People, cookies: _Cookies) -> list[web.RouteDef]:
    async def guest(request: web.Request) -> web.Response:
        draft = await read(request, GuestDraft)
        signed_in = await people.guest_in(draft, ip=client_ip(request))
        return cookies.answer(request, signed_in, 201)

    async def sign_up(request: web.Request) -> web.Response:
        draft = await read(request, SignUp)
        signed_in = await people.sign_up(draft, ip=client_ip(request), guest=actor_or_none(request))
        return cookies.answer(request, signed_in, 201)

    async def sign_in(request: web.Request) -> web.Response:
        draft = await read(request, SignIn)
        return cookies.answer(request, await people.sign_in(draft, ip=client_ip(request)))

    async def link(request: web.Request) -> web.Response:
        use = await read(request, LinkUse)
        return cookies.answer(request, await people.link(use.token, ip=client_ip(request)))

    async def refresh(request: web.Request) -> web.Response:
        token = await _refresh_token(request)
        if token is None:
            raise Refused(Code.UNAUTHENTICATED)
        return cookies.answer(request, await people.refresh_tokens(token))

    async def sign_out(request: web.Request) -> web.Response:
        await people.sign_out(await _refresh_token(request), actor_or_none(request))
        return cookies.clear(request, reply_raw({}))

    return [
        web.post("/v1/auth/guest", guest),
        web.post("/v1/auth/sign-up", sign_up),
        web.post("/v1/auth/sign-in", sign_in),
        web.post("/v1/auth/link", link),
        web.post("/v1/auth/refresh", refresh),
        web.post("/v1/auth/sign-out", sign_out),
    ]


async def _refresh_token(request: web.Request) -> str | None:
    """The token of the body, where an app puts it, or of the cookie."""
    if request.can_read_body and request.content_type == "application/json":
        said = (await read(request, Refresh)).refresh_token
        if said is not None:
            return said
    return request.cookies.get(COOKIE)


def _me_routes(people: People) -> list[web.RouteDef]:
    async def me(request: web.Request) -> web.Response:
        return reply(await people.me(actor(request)))

    async def change_me(request: web.Request) -> web.Response:
        person = actor(request)
        return reply(await people.change_me(person, await read(request, PersonPatch)))

    async def contact(request: web.Request) -> web.Response:
        person_id = actor(request).person_id
        return reply(await people.contact(person_id, reader=person_id, purpose=OWNER))

    async def set_contact(request: web.Request) -> web.Response:
        person = actor(request)
        return reply(await people.set_contact(person, await read(request, ContactDraft)))

    async def addresses(request: web.Request) -> web.Response:
        return reply(await people.addresses(actor(request)))

    async def add_address(request: web.Request) -> web.Response:
        person = actor(request)
        key = idempotency_key_or_none(request)
        draft = await read(request, AddressDraft)
        return reply(await people.add_address(person, draft, key=key), 201)

    async def remove_address(request: web.Request) -> web.Response:
        await people.remove_address(actor(request), request.match_info["id"])
        return reply_raw({})

    return [
        web.get("/v1/me", me),
        web.patch("/v1/me", change_me),
        web.get("/v1/me/contact", contact),
        web.put("/v1/me/contact", set_contact),
        web.get("/v1/me/addresses", addresses),
        web.post("/v1/me/addresses", add_address),
        web.delete("/v1/me/addresses/{id}", remove_address),
    ]


def _grant_routes(people: People, room_id: RoomId) -> list[web.RouteDef]:
    async def views(grants: list[Grant]) -> list[GrantView]:
        names = await people.names(grant.person_id for grant in grants)
        return [
            GrantView(
                id=grant.id,
                person_id=grant.person_id,
                name=names.get(grant.person_id, ""),
                role=grant.role.value,
                expires_at=grant.expires_at,
            )
            for grant in grants
        ]

    async def grants(request: web.Request) -> web.Response:
        person = actor(request)
        held = await people.grants(person, await room_id(request.match_info["room"]))
        return reply(GrantList(grants=await views(held)))

    async def grant(request: web.Request) -> web.Response:
        person = actor(request)
        draft = await read(request, GrantDraft)
        given = await people.grant(
            person,
            await room_id(request.match_info["room"]),
            person_id=draft.person_id,
            role=draft.role,
            expires_at=draft.expires_at,
        )
        return reply((await views([given]))[0], 201)

    async def revoke(request: web.Request) -> web.Response:
        person = actor(request)
        room = await room_id(request.match_info["room"])
        await people.revoke_grant(person, room, request.match_info["grant"])
        return reply_raw({})

    return [
        web.get("/v1/rooms/{room}/grants", grants),
        web.post("/v1/rooms/{room}/grants", grant),
        web.delete("/v1/rooms/{room}/grants/{grant}", revoke),
    ]


async def _address_forms(_request: web.Request) -> web.Response:
    generic = Form(country="ZZ", fields=GENERIC)
    forms = AddressForms(forms=[_form_view(form) for form in (*FORMS.values(), generic)])
    return reply(forms, headers={"Cache-Control": f"public, max-age={FORMS_MAX_AGE_S}"})


def _form_view(form: Form) -> AddressForm:
    return AddressForm(
        country=form.country,
        fields=[
            AddressField(
                name=field.name,
                required=field.required,
                pattern=field.pattern,
                max_length=field.length_max,
                options=list(field.options),
                numeric=field.numeric,
            )
            for field in form.fields
        ],
        dial_code=dial_code(form.country),
        any_of=[list(group) for group in form.any_of],
    )
