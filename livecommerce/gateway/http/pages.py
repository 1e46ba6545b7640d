"""The web client: four pages and their hashed assets, from the built folder.

A room page is sent with what it needs to paint at once (`#boot`): the room, its market and its
pins. On a slow phone that saves two round trips before the poster, the price and the card show.
"""

from __future__ import annotations

import hashlib
import html
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import orjson
from aiohttp import web

from livecommerce.kernel.errors import Code, Refused

Boot = Callable[[str], Awaitable[msgspec.Struct | None]]
"""Room slug to what its page starts with; None when there is no such room."""

_BOOT_MARK = b"<!--boot-->"
_HEAD_MARK = b"<!--head-->"
_YEAR = "public, max-age=31536000, immutable"


class _Asset(NamedTuple):
    body: bytes
    zipped: bytes | None
    kind: str
    etag: str


def routes(folder: Path, boot: Boot) -> list[web.RouteDef]:
    """Makes the routes of the pages in `folder` (the web client's build)."""
    pages = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.html"))}
    assets = {
        path.relative_to(folder).as_posix(): _load(path)
        for path in sorted(folder.rglob("*"))
        if _is_asset(path)
    }

    async def asset(request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        hashed = path.startswith("assets/")
        found = assets.get(path)
        if found is None:
            # In a rolling restart another node may have sent a page of the next build already.
            file = folder / "assets" / Path(path).name
            if path != f"assets/{file.name}" or not _is_asset(file):
                raise Refused(Code.NOT_FOUND)
            found = assets[path] = _load(file)
        headers = {
            "Cache-Control": _YEAR if hashed else "public, max-age=300",
            "ETag": found.etag,
            "Vary": "Accept-Encoding",
        }
        if _is_known(request.headers.get("If-None-Match", ""), found.etag):
            return web.Response(status=304, headers=headers)
        if found.zipped is not None and _reads_gzip(request.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=found.zipped, content_type=found.kind, headers=headers)
        return web.Response(body=found.body, content_type=found.kind, headers=headers)

    def page(name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def paged(request: web.Request) -> web.StreamResponse:
            return _page(pages, name)

        return paged

    async def room(request: web.Request) -> web.StreamResponse:
        start = await boot(request.match_info["slug"])
        if start is None:
            raise Refused(Code.NOT_FOUND)
        return _page(pages, "room", start)

    made = [
        web.get("/", page("index")),
        web.get("/r/{slug}", room),
        web.get("/studio/{slug}", page("studio")),
        web.get("/studio", page("studio")),
        web.get("/account", page("account")),
    ]
    if assets:
        top = [name for name in assets if "/" not in name]
        made.append(web.get("/{path:assets/.+}", asset))
        made.extend(web.get(f"/{{path:{name}}}", asset) for name in top)
    return made


def _is_asset(path: Path) -> bool:
    try:
        return path.is_file() and path.suffix not in {".html", ".gz", ".map"}
    except OSError:  # a stranger's name, too long for a file
        return False


def _is_known(said: str, etag: str) -> bool:
    """Tells whether If-None-Match names our tag; a proxy that packs anew makes it a weak one."""
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in said.split(","))


def _reads_gzip(accepted: str) -> bool:
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _load(path: Path) -> _Asset:
    body = path.read_bytes()
    packed = path.with_name(path.name + ".gz")
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return _Asset(body, packed.read_bytes() if packed.exists() else None, kind, etag)


def _page(pages: dict[str, bytes], name: str, boot: msgspec.Struct | None = None) -> web.Response:
    body = pages.get(name)
    if body is None:
        return web.Response(
            text="The web client is not built. Run: make setup",
            status=503,
            content_type="text/plain",
        )
    if boot is not None:
        plain = msgspec.to_builtins(boot)
        # `<` may not stand in a script element; as an escape it is the same JSON.
        data = orjson.dumps(plain).replace(b"<", b"\\u003c")
        body = body.replace(
            _BOOT_MARK, b'<script type="application/json" id="boot">' + data + b"</script>"
        )
        poster = plain.get("room", {}).get("poster_url")
        if poster:
            link = (
                f'<link rel="preload" as="image" fetchpriority="high" href="{html.escape(poster)}">'
            )
            body = body.replace(_HEAD_MARK, link.encode())
    return web.Response(
        body=body, content_type="text/html", charset="utf-8", headers={"Cache-Control": "no-cache"}
    )
