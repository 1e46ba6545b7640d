"""The wire as one JSON Schema: every command, event, frame and HTTP body, and the error codes.

Everything that is generated for clients (TypeScript types, OpenAPI components) starts here, so that
the Structs of the features stay the only definition.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, get_args

import msgspec

from livecommerce.catalogue import wire as catalogue
from livecommerce.gateway.wire import AnyCommand, AnyEvent, AnyMessage
from livecommerce.kernel.errors import Code
from livecommerce.moderation import wire as moderation
from livecommerce.orders import wire as orders
from livecommerce.payments import wire as payments
from livecommerce.people import wire as people
from livecommerce.protocol import commands, messages
from livecommerce.protocol.codes import TABLE, CloseCode, Retry
from livecommerce.protocol.events import Event, StateEvent, VolatileEvent
from livecommerce.shows import wire as shows
from livecommerce.stock import wire as stock

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODULES = (commands, messages, people, catalogue, stock, shows, moderation, payments, orders)
_BASES = (commands.Command, messages.Message, Event, StateEvent, VolatileEvent)


def schema() -> dict[str, Any]:
    """Returns the whole wire; its types stand by name under `$defs`.

    What only the server writes always carries all of its fields, so they are required even where
    the Struct has a default. `AnyCommand`, `AnyEvent` and `AnyMessage` are the unions by tag.
    """
    structs = _structs()
    _, components = msgspec.json.schema_components(structs, ref_template="#/$defs/{name}")
    definitions: dict[str, Any] = {}
    for struct in structs:
        definition = _events_by_union(components[struct.__name__])
        if _only_written_by_us(struct):
            definition["required"] = list(definition["properties"])
        definitions[struct.__name__] = definition
    definitions["AnyCommand"] = _union(get_args(AnyCommand))
    definitions["AnyEvent"] = _union(get_args(AnyEvent))
    definitions["AnyMessage"] = _union(get_args(AnyMessage))
    definitions["Code"] = {"title": "Code", "type": "string", "enum": [code.value for code in Code]}
    definitions["Retry"] = {
        "title": "Retry",
        "type": "string",
        "enum": [retry.value for retry in Retry],
    }
    return {
        "$schema": DIALECT,
        "title": "livecommerce",
        "$defs": dict(sorted(definitions.items())),
        "x-protocol-version": commands.PROTOCOL_VERSION,
        "x-codes": {
            code.value: {"status": rule.status, "retry": rule.retry.value}
            for code, rule in TABLE.items()
        },
        "x-close-codes": {code.name.lower(): code.value for code in CloseCode},
    }


def _structs() -> list[type[msgspec.Struct]]:
    """Every Struct a client can meet, once, by name."""
    found: dict[str, type[msgspec.Struct]] = {}
    for module in _MODULES:
        for struct in _defined_in(module):
            if struct in _BASES:
                continue
            assert found.get(struct.__name__, struct) is struct, (
                f"two Structs are called {struct.__name__}"
            )
            found[struct.__name__] = struct
    return [found[name] for name in sorted(found)]


def _defined_in(module: ModuleType) -> list[type[msgspec.Struct]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
    ]


def _only_written_by_us(struct: type[msgspec.Struct]) -> bool:
    config = struct.__struct_config__
    return not config.forbid_unknown_fields and not config.omit_defaults


def _union(members: tuple[Any, ...]) -> dict[str, Any]:
    refs = {member.__struct_config__.tag: f"#/$defs/{member.__name__}" for member in members}
    return {
        "anyOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "t", "mapping": refs},
    }


def _events_by_union(value: Any) -> Any:
    """A copy in which the base `Event` is spelled out as the union of what can really come."""
    if isinstance(value, dict):
        return {
            key: "#/$defs/AnyEvent"
            if key == "$ref" and item == "#/$defs/Event"
            else _events_by_union(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_events_by_union(item) for item in value]
    return value
