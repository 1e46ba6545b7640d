from typing import Any, get_args

import msgspec

from livecommerce.gateway.schema import schema
from livecommerce.gateway.wire import REPLIES, AnyCommand, AnyEvent
from livecommerce.kernel.errors import Code
from livecommerce.protocol.codes import TABLE, CloseCode


def test_every_command_event_and_reply_is_in_it():
    definitions = schema()["$defs"]
    for struct in (*get_args(AnyCommand), *get_args(AnyEvent), *REPLIES.values()):
        assert struct.__name__ in definitions


def test_every_reference_leads_somewhere():
    document = schema()
    missing = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and reference.split("/")[-1] not in document["$defs"]:
                missing.append(reference)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(document["$defs"])
    assert missing == []


def test_codes_and_close_codes_are_those_of_the_table():
    document = schema()
    assert set(document["x-codes"]) == {code.value for code in Code} == set(TABLE)
    assert document["x-close-codes"] == {code.name.lower(): int(code) for code in CloseCode}


def test_what_is_strict_in_the_schema_is_strict_in_the_server():
    """Commands refuse fields nobody knows; a schema that allowed them would be a trap."""
    definitions = schema()["$defs"]
    for command in get_args(AnyCommand):
        assert definitions[command.__name__].get("additionalProperties") is False, command
        assert msgspec.structs.fields(command)
