"""Bytes <-> messages. The codec of a connection is chosen by its WebSocket subprotocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, Union

import msgpack
import msgspec
import orjson

from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import is_client_id
from livecommerce.protocol.commands import Command, Hello, Join, Leave, Ping, Renew
from livecommerce.protocol.validation import (
    DEPTH_MAX,
    depth_exceeds,
    parse_json,
    reject_repeated,
    validate,
)


class Codec(Protocol):
    """How messages are written on one connection. Stateless, shared by all connections."""

    @property
    def name(self) -> str: ...

    @property
    def subprotocol(self) -> str: ...

    @property
    def is_text(self) -> bool:
        """JSON, which travels in text frames; MessagePack in binary ones otherwise."""
        ...

    @property
    def deflates(self) -> bool:
        """What many are sent alike is deflated once for all of them."""
        ...

    def encode(self, message: msgspec.Struct) -> bytes: ...

    def encode_value(self, value: Any) -> bytes:
        """Encodes builtins: dict, list, str, int, float, bool, None."""
        ...

    def join_array(self, items: Sequence[bytes]) -> bytes:
        """Makes one array of values that are already encoded."""
        ...

    def join_map(self, fields: Sequence[tuple[str, bytes]]) -> bytes:
        """Makes one map of plain ASCII names and values that are already encoded."""
        ...

    def parse(self, payload: bytes) -> Any:
        """Reads builtins.

        Raises:
            Refused: BAD_JSON, whatever is wrong with the bytes.
        """
        ...


class JSONCodec:
    """JSON by orjson, in text frames."""

    __slots__ = ()
    name = "json"
    subprotocol = "livecommerce.v1.json"
    is_text = True
    deflates = False

    def encode(self, message: msgspec.Struct) -> bytes:
        return orjson.dumps(msgspec.to_builtins(message))

    def encode_value(self, value: Any) -> bytes:
        return orjson.dumps(value)

    def join_array(self, items: Sequence[bytes]) -> bytes:
        return b"[%b]" % b",".join(items)

    def join_map(self, fields: Sequence[tuple[str, bytes]]) -> bytes:
        return b"{%b}" % b",".join([b'"%b":%b' % (name.encode(), value) for name, value in fields])

    def parse(self, payload: bytes) -> Any:
        return parse_json(payload)


class DeflatedJSONCodec(JSONCodec):
    """JSON, of which large shared messages come as raw deflate, in binary frames. Commands, and
    what is written to one connection alone, are text: nothing is compressed for one."""

    __slots__ = ()
    name = "json.deflate"
    subprotocol = "livecommerce.v1.json.deflate"
    deflates = True


class MessagePackCodec:
    """MessagePack by msgpack, in binary frames."""

    __slots__ = ()
    name = "msgpack"
    subprotocol = "livecommerce.v1.msgpack"
    is_text = False
    deflates = False

    def encode(self, message: msgspec.Struct) -> bytes:
        return _pack(msgspec.to_builtins(message))

    def encode_value(self, value: Any) -> bytes:
        return _pack(value)

    def join_array(self, items: Sequence[bytes]) -> bytes:
        header: bytes = msgpack.Packer().pack_array_header(len(items))
        return header + b"".join(items)

    def join_map(self, fields: Sequence[tuple[str, bytes]]) -> bytes:
        header: bytes = msgpack.Packer().pack_map_header(len(fields))
        return header + b"".join([_pack(name) + value for name, value in fields])

    def parse(self, payload: bytes) -> Any:
        try:
            value = msgpack.unpackb(payload)
            if _pack(value) != payload:
                # Not written the shortest way, or a key twice: only the slow look can tell.
                msgpack.unpackb(payload, object_pairs_hook=reject_repeated)
        except Refused:
            raise
        except Exception:  # noqa: BLE001
            # msgpack raises ValueError, TypeError, its own StackError and UnpackException, and
            # passes on what Timestamp raises. All of them mean the same here.
            raise Refused(Code.BAD_JSON) from None
        if depth_exceeds(value, DEPTH_MAX) or _has_nan(value):
            raise Refused(Code.BAD_JSON)
        return value


JSON = JSONCodec()
MESSAGE_PACK = MessagePackCodec()
DEFLATED_JSON = DeflatedJSONCodec()
CODECS: tuple[Codec, ...] = (DEFLATED_JSON, JSON, MESSAGE_PACK)
"""In the order in which the server prefers them, of those a client offers."""
CODEC_BY_SUBPROTOCOL: dict[str, Codec] = {codec.subprotocol: codec for codec in CODECS}
SESSION_COMMANDS: tuple[type[Command], ...] = (Hello, Join, Leave, Renew, Ping)


class Decoded(NamedTuple):
    """One frame as far as it could be understood."""

    verb: str | None
    command_id: str | None
    command: Command | None
    refused: Refused | None


class CommandDecoder:
    """Decodes frames into the commands the composition root joined.

    Args:
        commands: the commands of all features; those of the session itself are added.
    """

    __slots__ = ("_by_verb", "_union")

    def __init__(self, commands: Iterable[type[Command]] = ()) -> None:
        types = dict.fromkeys((*SESSION_COMMANDS, *commands))
        # msgspec works a union out anew at every call, which costs more than all the rest of a
        # message: it is left to say what is wrong with those that name no verb of ours.
        self._union: Any = Union[tuple(types)]  # noqa: UP007 - as many as there are
        self._by_verb = {type_.__struct_config__.tag: type_ for type_ in types}

    def decode(self, codec: Codec, payload: bytes) -> Decoded:
        """Decodes one message. Never raises: a fault is told in `refused`, with the id if any."""
        try:
            value = codec.parse(payload)
        except Refused as refused:
            return Decoded(None, None, None, refused)
        verb = command_id = None
        if isinstance(value, dict):
            verb, command_id = value.get("t"), value.get("id")
            verb = verb if isinstance(verb, str) else None
            if not (isinstance(command_id, str) and is_client_id(command_id)):
                command_id = None
        try:
            command: Command = validate(value, self._by_verb.get(verb, self._union))
        except Refused as refused:
            return Decoded(verb, command_id, None, refused)
        if command_id is None:
            # The pattern's $ lets a final newline pass; is_client_id does not.
            return Decoded(verb, None, None, Refused(Code.BAD_ID, field="id"))
        return Decoded(verb, command_id, command, None)


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def _has_nan(value: Any) -> bool:
    if isinstance(value, float):
        return value != value
    if isinstance(value, dict):
        return any(map(_has_nan, value.values()))
    return isinstance(value, list) and any(map(_has_nan, value))
