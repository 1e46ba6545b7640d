"""The crowd's own measuring: what it takes for a frame, and whom it takes for gone."""

import socket

from benchmarks.support.viewers import Staller, whole_frame
from livecommerce.protocol.codec import JSON
from livecommerce.realtime.framing import framed


def payload(kind: str, size: int) -> bytes:
    return b'{"t":"%s","x":"%s"}' % (kind.encode(), b"x" * size)


def test_a_frame_is_found_once_it_is_whole():
    for size in (1, 100, 200, 70_000):
        wanted = payload("recovered", size)
        stream = framed(JSON, b'{"t":"welcome"}') + framed(JSON, wanted)
        assert whole_frame(stream[:-1]) is None
        assert whole_frame(stream) == ("recovered", wanted)
        assert whole_frame(stream + b"more") == ("recovered", wanted)


def test_a_snapshot_is_told_from_what_was_missed():
    found = whole_frame(framed(JSON, payload("snapshot", 10)))
    assert found is not None
    assert found[0] == "snapshot"
    assert whole_frame(framed(JSON, payload("batch", 10))) is None


def test_a_stalled_viewer_notices_a_reset_without_reading():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        staller = Staller(listener.getsockname()[1])
        held, _ = listener.accept()
        held.sendall(b"x" * 1000)
        assert not staller.is_gone()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        held.close()
        assert staller.is_gone()
        staller.socket.close()
