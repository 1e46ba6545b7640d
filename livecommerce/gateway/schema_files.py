"""The files that are made from the code: wire schema, TypeScript types, OpenAPI."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import orjson

from livecommerce.gateway import openapi
from livecommerce.gateway.schema import schema

_ROOT = Path(__file__).resolve().parents[2]
_WEB = _ROOT / "clients" / "web"
_PROTOCOL = _WEB / "src" / "core" / "protocol"


def write(*, check: bool) -> list[str]:
    """Writes the files of a checkout, or with `check` only compares them.

    Returns the paths that differed. Types need Node and the web client's packages; without them
    they are left as they are, and `npm run types` makes them later.
    """
    made: dict[Path, Any] = {
        _PROTOCOL / "schema.json": schema(),
        _ROOT / "docs" / "reference" / "openapi.json": openapi.document(),
    }
    differing = [path for path, value in made.items() if _differs(path, _text(value))]
    if not check:
        for path in differing:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_text(made[path]))
    if _types_differ(check=check):
        differing.append(_PROTOCOL / "generated.ts")
    return [str(path.relative_to(_ROOT)) for path in differing]


def _text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _differs(path: Path, text: bytes) -> bool:
    return not path.exists() or path.read_bytes() != text


def _types_differ(*, check: bool) -> bool:
    node = shutil.which("node")
    if node is None or not (_WEB / "node_modules").is_dir():
        return False
    target = _PROTOCOL / "generated.ts"
    before = target.read_bytes() if target.exists() else b""
    arguments = [node, "scripts/types.mjs", *(["--check"] if check else [])]
    done = subprocess.run(arguments, cwd=_WEB, capture_output=True, check=False)  # noqa: S603
    if check:
        return done.returncode != 0
    done.check_returncode()
    return target.read_bytes() != before
