"""The HTTP side: sign in, and call any route with typed bodies."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import ClientSession

from livecommerce.people.wire import Tokens

T = TypeVar("T")


class ApiRefused(Exception):
    """The server answered with a problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}")
        self.status = status
        self.code: str = problem.get("code", "")
        self.problem = problem


class ApiClient:
    """A person at the HTTP interface. `base` is the server's address without a slash at the end."""

    def __init__(self, base: str, *, token: str | None = None) -> None:
        self.base = base
        self.token = token
        self._session: ClientSession | None = None

    async def __aenter__(self) -> ApiClient:
        self._session = ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, kind: type[T]) -> T:
        return await self._ask("GET", path, None, kind, {})

    async def post(
        self,
        path: str,
        body: msgspec.Struct | dict[str, Any] | None,
        kind: type[T],
        *,
        key: str | None = None,
    ) -> T:
        """Posts a body. `key` is the Idempotency-Key of a changing request."""
        return await self._ask(
            "POST", path, body, kind, {} if key is None else {"Idempotency-Key": key}
        )

    async def put(self, path: str, body: msgspec.Struct | dict[str, Any], kind: type[T]) -> T:
        return await self._ask("PUT", path, body, kind, {})

    async def patch(self, path: str, body: msgspec.Struct | dict[str, Any], kind: type[T]) -> T:
        return await self._ask("PATCH", path, body, kind, {})

    async def guest(self, name: str) -> Tokens:
        """Becomes a guest; keeps the token."""
        tokens = await self.post("/v1/auth/guest", {"name": name}, Tokens)
        self.token = tokens.access_token
        return tokens

    async def sign_in(self, login: str, password: str) -> Tokens:
        """Signs in; keeps the token."""
        body = {"login": login, "password": password}
        tokens = await self.post("/v1/auth/sign-in", body, Tokens)
        self.token = tokens.access_token
        return tokens

    async def _ask(
        self, method: str, path: str, body: Any, kind: type[T], headers: dict[str, str]
    ) -> T:
        assert self._session is not None, "use `async with`"
        if self.token is not None:
            headers = {**headers, "Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            data = orjson.dumps(msgspec.to_builtins(body))
            headers = {**headers, "Content-Type": "application/json"}
        async with self._session.request(
            method, self.base + path, data=data, headers=headers
        ) as answer:
            raw = await answer.read()
            if answer.status >= 400:
                problem = orjson.loads(raw) if raw.startswith(b"{") else {"code": "", "raw": raw}
                raise ApiRefused(answer.status, problem)
            return msgspec.convert(orjson.loads(raw), kind)
