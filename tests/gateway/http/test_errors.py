from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from livecommerce.gateway.http import middleware
from livecommerce.gateway.http.errors import answer_errors, problem
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codes import TABLE


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_document(code: Code):
    answer = problem(Refused(code, field="qty", retry_after_ms=1_001, most=3), "the-request")
    assert answer.status == TABLE[code].status
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Retry-After"] == "2"
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {
        "type": f"urn:livecommerce:error:{code.value}",
        "title": code.value.replace("_", " "),
        "status": TABLE[code].status,
        "code": code.value,
        "retry": TABLE[code].retry.value,
        "request_id": "the-request",
        "field": "qty",
        "after_ms": 1_001,
        "data": {"most": 3},
    }


def test_what_is_not_known_is_left_out():
    body = problem(Refused(Code.SOLD_OUT), "r").body
    assert isinstance(body, bytes)
    assert set(orjson.loads(body)) == {"type", "title", "status", "code", "retry", "request_id"}


FAILURES: dict[str, Exception] = {
    "bug": ZeroDivisionError("a secret detail"),
    "late": TimeoutError("a secret detail"),
    "teapot": web.HTTPRequestRangeNotSatisfiable(),
    "large": web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2),
}


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    async def fail(request: web.Request) -> web.Response:
        raise FAILURES[request.match_info["how"]]

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    app = web.Application(middlewares=[middleware.number, answer_errors])
    app.router.add_routes([web.get("/fail/{how}", fail), web.get("/moved", moved)])
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("bug", 500, "internal"),
        ("late", 500, "internal"),
        ("teapot", 400, "bad_frame"),
        ("large", 413, "too_large"),
    ],
)
async def test_whatever_happens_becomes_a_document(
    client: TestClient, how: str, status: int, code: str
):
    answer = await client.get(f"/fail/{how}")
    raw = await answer.read()
    document = orjson.loads(raw)
    assert (answer.status, document["code"]) == (status, code)
    assert b"secret detail" not in raw
    if code == "internal":
        assert document["data"]["incident"] == answer.headers["X-Request-Id"]


async def test_a_redirection_is_no_error(client: TestClient):
    answer = await client.get("/moved", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")
