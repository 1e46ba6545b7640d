"""What is documented is what is served."""

import re
from typing import Any

import pytest

from livecommerce.gateway import openapi
from livecommerce.kernel.errors import Code
from livecommerce.people.wire import Tokens
from tests.support.house import OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Not for programs of others: the socket has a document of its own, pictures are named by the
# answers, and the sandbox is spoken to by the provider and by its own page.
NOT_DOCUMENTED = re.compile(
    r"^/v1/(live|openapi\.json|pictures/.*|sandbox/.*|payments/sandbox/webhook)$"
)


def names_hidden(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


async def test_every_route_is_documented_and_every_documented_route_exists(house: OpenedHouse):
    served = {
        (route.method, names_hidden(route.resource.canonical))
        for route in house.house.application.router.routes()
        if route.resource is not None
        and route.method != "HEAD"
        and route.resource.canonical.startswith("/v1/")
        and not NOT_DOCUMENTED.match(route.resource.canonical)
    }
    documented = {(route.method, names_hidden(route.path)) for route in openapi.ROUTES}
    assert served - documented == set(), "served, but not documented"
    assert documented - served == set(), "documented, but not served"
    assert len(documented) == len(openapi.ROUTES)


async def test_the_served_document_is_the_document(house: OpenedHouse):
    assert await house.api.get("/v1/openapi.json") == openapi.document()


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    if isinstance(value, list):
        return set().union(*map(references, value))
    return set()


async def test_every_reference_leads_somewhere():
    document = openapi.document()
    for reference in references(document):
        at = document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
        assert at


async def test_operations_are_named_once():
    ids = [
        operation["operationId"]
        for methods in openapi.document()["paths"].values()
        for operation in methods.values()
    ]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("route", openapi.ROUTES, ids=lambda r: f"{r.method} {r.path}")
async def test_who_needs_a_token_is_told_without_one(house: OpenedHouse, route: openapi.Route):
    """Whatever is not marked `open` answers 401 to a visitor, and nothing else does."""
    path = re.sub(r"\{[^}]*\}", "nothing-here", route.path)
    key = {"Idempotency-Key": "k" * 20} if route.key else {}
    body: dict[str, Any] = {"json": {}} if route.takes not in (None, bytes) else {}
    answer = await house.fetch(path, method=route.method, headers=key, **body)
    refused = b'"code":"unauthenticated"' in answer.body
    # Refreshing and signing out are about the refresh token, which is missing as well.
    if route.path not in ("/v1/auth/refresh", "/v1/auth/sign-out"):
        assert refused is not route.open, answer.body
    assert answer.status < 500


async def test_codes_and_problems_are_described():
    document = openapi.document()
    assert all(code.value in document["info"]["description"] for code in Code)
    assert Tokens.__name__ in document["components"]["schemas"]
    refused = document["components"]["responses"]["Refused"]["content"]
    assert list(refused) == ["application/problem+json"]
