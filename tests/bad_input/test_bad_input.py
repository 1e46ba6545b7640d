"""Every case gets exactly its answer, and nothing is changed by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from livecommerce.kernel.errors import Code
from livecommerce.protocol.codes import TABLE
from tests.bad_input.case import Frame, Request, Wire
from tests.bad_input.frames import FRAMES
from tests.bad_input.requests import REQUESTS, WIRES
from tests.bad_input.scene import Scene
from tests.bad_input.sending import send_bytes, send_frame, send_request

pytestmark = pytest.mark.slow


def _named(case: Frame | Request | Wire) -> str:
    return f"{case.row}: {case.name}"


@pytest.fixture(autouse=True)
def nothing_changed(scene: Scene) -> Iterator[None]:
    before = scene.digest()
    yield
    after = scene.digest()
    changed = [table for table in after if after[table] != before.get(table)]
    assert changed == []


def test_there_are_many_cases():
    assert len(FRAMES) + len(REQUESTS) + len(WIRES) >= 250


@pytest.mark.parametrize("case", FRAMES, ids=_named)
async def test_on_the_socket(scene: Scene, case: Frame):
    heard = await send_frame(scene, case)
    if case.code is not None:
        assert heard.error is not None
        assert (heard.error["t"], heard.error.get("code")) == ("err", case.code), heard.error
        assert heard.error["retry"] == TABLE[Code(case.code)].retry
        if case.field is not None:
            assert heard.error.get("field") == case.field
        for fact in case.data:
            assert fact in heard.error["data"], heard.error
    assert heard.close == case.close


@pytest.mark.parametrize("case", REQUESTS, ids=_named)
async def test_over_http(scene: Scene, case: Request):
    status, problem, headers = await send_request(scene, case)
    assert (status, problem.get("code")) == (case.status, case.code), problem
    assert headers["Content-Type"].startswith("application/problem+json")
    assert problem["status"] == status
    assert problem["request_id"] == headers["X-Request-Id"]
    if case.field is not None:
        assert problem.get("field") == case.field


@pytest.mark.parametrize("case", WIRES, ids=_named)
async def test_bytes(scene: Scene, case: Wire):
    status, head = await send_bytes(scene, case)
    assert status == case.status, head


def test_nothing_was_unexpected_to_the_server(scene: Scene):
    """Runs last in this file: no case may have ended in an unhandled error."""
    log = scene.server.log.read_text(errors="replace")
    faults = [line for line in log.splitlines() if "Traceback" in line or '"error"' in line]
    assert faults == []
