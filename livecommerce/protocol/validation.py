"""From bytes to typed values, strictly; every fault is one precise `Refused`.

Used by the codecs of the socket and by the HTTP edge, so that both answer a fault with one code.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, TypeVar

import msgspec
import orjson

from livecommerce.kernel.errors import Code, Refused

T = TypeVar("T")

DEPTH_MAX = 16
FIELD_NAME_MAX = 64
"""A client's own field name is told back to it, cut to this."""

_WITH_PATH = re.compile(r"(?P<what>.*) - at `\$(?P<path>.*)`\Z", re.DOTALL)
_NAMED = re.compile(
    r"Object (?P<kind>contains unknown|missing required) field `(?P<name>.*)`\Z", re.DOTALL
)
_CODE_BY_FIELD = {"id": Code.BAD_ID, "t": Code.UNKNOWN_VERB}
"""Only at the top of a message; deeper down these are fields like any other."""
_CODE_BY_LEAF = {"qty": Code.QTY, "currency": Code.CURRENCY}


def parse_json(body: bytes, *, depth_max: int = DEPTH_MAX) -> Any:
    """Reads JSON as RFC 8259 means it, and nothing laxer.

    Raises:
        Refused: BAD_JSON for what is not JSON, trailing bytes, a duplicate key, NaN, a lone
            surrogate, and nesting deeper than `depth_max`.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # 1e400 and integers of 400 digits are valid JSON that orjson will not read. They are read
        # here, so that the field they stand in can be named in the answer.
        if "infinity" not in str(error):
            raise Refused(Code.BAD_JSON) from None
        value = _parse_slowly(body)
        _require_shallow(value, depth_max)
        return value
    # Every level needs a bracket, so few brackets prove few levels.
    if body.count(b"[") + body.count(b"{") > depth_max:
        _require_shallow(value, depth_max)
    # A client that writes compact JSON proves by this that it repeated no key. All others pay.
    if orjson.dumps(value) != body:
        _parse_slowly(body)
    return value


def validate(value: Any, type_: type[T] | Any) -> T:
    """Converts parsed JSON or MessagePack into `type_` without coercing anything.

    Raises:
        Refused: UNKNOWN_VERB, UNKNOWN_FIELD, MISSING_FIELD, BAD_ID, QTY, CURRENCY or BAD_FIELD,
            with the path of the field.
    """
    try:
        converted: T = msgspec.convert(value, type_, strict=True)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from None
    except RecursionError:
        raise Refused(Code.BAD_JSON) from None
    return converted


def reject_repeated(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """An `object_pairs_hook` that refuses duplicate keys."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused(Code.BAD_JSON)
    return found


def depth_exceeds(value: Any, levels: int) -> bool:
    """Tells whether containers nest deeper than `levels`."""
    if isinstance(value, dict):
        children: Any = value.values()
    elif isinstance(value, list):
        children = value
    else:
        return False
    if levels == 0:
        return True
    return any(depth_exceeds(child, levels - 1) for child in children)


def _require_shallow(value: Any, depth_max: int) -> None:
    if depth_exceeds(value, depth_max):
        raise Refused(Code.BAD_JSON)


def _parse_slowly(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode(), object_pairs_hook=reject_repeated, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise Refused(Code.BAD_JSON) from None


def _refuse_constant(_name: str) -> NoReturn:
    raise Refused(Code.BAD_JSON)


def _refused(said: str) -> Refused:
    """Reads msgspec's sentence; its forms are pinned by tests/protocol/test_validation.py."""
    path = ""
    if match := _WITH_PATH.match(said):
        said, path = match["what"], match["path"].removeprefix(".")
    if named := _NAMED.match(said):
        name = named["name"][:FIELD_NAME_MAX]
        field = f"{path}.{name}" if path else name
        unknown = named["kind"] == "contains unknown"
        return Refused(Code.UNKNOWN_FIELD if unknown else Code.MISSING_FIELD, field=field)
    if not path:
        # The message as a whole is not an object, or has keys that are not text.
        return Refused(Code.BAD_JSON)
    leaf = re.split(r"[.\[]", path.removesuffix("[...]"))[-1]
    code = _CODE_BY_FIELD.get(path) or _CODE_BY_LEAF.get(leaf, Code.BAD_FIELD)
    return Refused(code, field=path[: FIELD_NAME_MAX * 4])
