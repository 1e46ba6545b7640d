import asyncio
import threading

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.service.hashing import THREADS, WAITING_MAX, Hashing


@pytest.fixture
def hashing():
    pool = Hashing()
    yield pool
    pool.close()


async def test_a_password_is_made_and_checked(hashing: Hashing):
    stored = await hashing.make("correct horse")
    assert await hashing.check(stored, "correct horse") == (True, None)
    assert await hashing.check(stored, "wrong") == (False, None)


async def test_a_flood_costs_time_not_memory(hashing: Hashing):
    gate, running, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(10)
        with lock:
            running -= 1

    tasks = [asyncio.create_task(hashing._run(work)) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0.05)
    with pytest.raises(Refused) as refused:
        await hashing.make("one too many")
    assert refused.value.code is Code.SERVER_BUSY
    assert refused.value.retry_after_ms
    gate.set()
    await asyncio.gather(*tasks)
    assert most == THREADS
    await hashing.make("there is room again")
