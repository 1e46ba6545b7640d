"""Our headers are the library's: what it writes we read, what we write it reads, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.streams import StreamReader

from livecommerce.protocol.codec import JSON, MESSAGE_PACK, Codec
from livecommerce.realtime.framing import framed, unframed

_EDGES = (0, 1, 125, 126, 127, 255, 256, 65_535, 65_536)


def read_by_library(data: bytes) -> Frame | None:
    """The one frame these bytes are; None when they are more, or less, or nonsense."""
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Frame.parse(reader.read_exact, mask=True)
    try:
        next(parsing)
    except StopIteration as read:
        frame: Frame = read.value
        return None if reader.buffer else frame
    except ProtocolError:
        return None
    return None


@pytest.mark.parametrize("codec", [JSON, MESSAGE_PACK], ids=lambda codec: codec.name)
@pytest.mark.parametrize("length", _EDGES)
def test_what_we_write_is_what_the_library_writes(codec: Codec, length: int):
    payload = b"x" * length
    opcode = Opcode.TEXT if codec.is_text else Opcode.BINARY
    assert framed(codec, payload) == Frame(opcode, payload).serialize(mask=False)


@pytest.mark.parametrize("opcode", list(Opcode), ids=lambda opcode: opcode.name)
@pytest.mark.parametrize("fin", [True, False], ids=["whole", "part"])
def test_whole_messages_are_read_and_nothing_else(opcode: Opcode, fin: bool):
    is_data = opcode in DATA_OPCODES
    for length in _EDGES if is_data else (0, 1, 125):
        _check_reading(opcode, fin or not is_data, length)


def _check_reading(opcode: Opcode, fin: bool, length: int) -> None:
    payload = b"y" * length
    data = Frame(opcode, payload, fin).serialize(mask=True)
    is_ours = fin and opcode in (Opcode.TEXT, Opcode.BINARY) and length < 65_536
    assert unframed(data) == ((payload, opcode is Opcode.TEXT) if is_ours else None)
    assert unframed(data[:-1]) is None
    assert unframed(data + data) is None


@given(
    head=st.binary(min_size=2, max_size=2)
    | st.tuples(st.sampled_from([0x81, 0x82]), st.integers(0, 255)).map(bytes),
    rest=st.binary(max_size=200),
)
@example(head=b"\x81\xfe", rest=b"\x00\x02mask..")
@example(head=b"\x81\xff", rest=bytes(7) + b"\x01mask.")
@example(head=b"\x81\x05", rest=b"hello")
def test_we_read_nothing_that_the_library_reads_otherwise(head: bytes, rest: bytes):
    message, frame = unframed(head + rest), read_by_library(head + rest)
    if message is not None:
        assert frame is not None
        assert frame.fin
        assert message == (bytes(frame.data), frame.opcode is Opcode.TEXT)
