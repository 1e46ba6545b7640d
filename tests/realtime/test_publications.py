"""Publications carry what a node must know of an event, and no audience leaks."""

import msgspec
import pytest

from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import JSON, MESSAGE_PACK
from livecommerce.protocol.events import EVERYONE, STAFF, Lane
from livecommerce.realtime.publications import Publication, publication_of, sees, transcode
from tests.realtime.support import Hearts, Removed, likes, said, shelf


def test_state_events_carry_key_and_version():
    publication = publication_of(shelf("offer:1", 7, is_off=True), STAFF)
    assert (publication.lane, publication.slot) == (Lane.STATE, (STAFF, "offer:1"))
    assert (publication.version, publication.gone, publication.is_logged) == (7, True, True)


def test_counters_have_a_key_and_no_offset():
    publication = publication_of(likes(3))
    assert (publication.key, publication.is_logged) == ("likes", False)
    assert not publication_of(Hearts(id=new_id(), at=1)).is_logged


def test_redactions_and_urgency_travel_along():
    publication = publication_of(Removed(id=new_id(), at=1, message_id="m"))
    assert publication.redacts == ("m",)
    assert publication.urgent
    assert publication_of(said()).replayed


@pytest.mark.parametrize(
    ("audience_class", "audience", "is_seen"),
    [
        ("viewer", EVERYONE, True),
        ("viewer", STAFF, False),
        ("staff", EVERYONE, True),
        ("staff", STAFF, True),
        ("staff", "an audience nobody declared", False),
        ("viewer", "", False),
    ],
)
def test_who_sees_what(audience_class, audience, is_seen):
    assert sees(audience_class, audience) is is_seen


def test_publications_travel_between_nodes_as_bytes():
    publication = publication_of(shelf("a", 1))
    packed = msgspec.msgpack.encode(publication)
    assert msgspec.msgpack.decode(packed, type=Publication) == publication


def test_an_encoded_event_is_written_in_another_codec():
    publication = publication_of(said("سلام"))
    assert transcode(publication.json, JSON) is publication.json
    packed = transcode(publication.json, MESSAGE_PACK)
    assert MESSAGE_PACK.parse(packed) == JSON.parse(publication.json)
