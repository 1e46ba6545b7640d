"""The sandbox: the provider's contract, its test cards, its book and its webhooks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.payments.providers import signatures
from livecommerce.payments.providers.port import (
    CARD,
    PAY_ON_DELIVERY,
    IntentDraft,
    IntentStatus,
    NoAnswer,
)
from livecommerce.payments.providers.sandbox import SIGNATURE_HEADER, Sandbox
from tests.payments.contract import ProviderContract

SECRET = b"the secret of the webhooks"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def opened(folder: Path, clock: FakeClock) -> Sandbox:
    return await Sandbox.open(
        folder / "book.db", clock=clock, secret=SECRET, webhook_delay_ms=0, timeout_s=0.0
    )


@pytest.fixture
async def sandbox(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Sandbox]:
    sandbox = await opened(tmp_path, clock)
    yield sandbox
    await sandbox.close()


@pytest.fixture
def provider(sandbox: Sandbox) -> Sandbox:
    return sandbox


class TestContract(ProviderContract):
    good_card = "tok_visa"
    bad_card = "tok_declined"
    challenged_card = "tok_challenge"


async def made(sandbox: Sandbox, token: str) -> str:
    draft = IntentDraft(new_id(), new_id(), 500, "SAR", token)
    return (await sandbox.create(draft, key=draft.attempt_id)).ref


@pytest.mark.parametrize(
    ("token", "comes_to"),
    [
        ("tok_timeout_paid", IntentStatus.SUCCEEDED),
        ("tok_timeout_failed", IntentStatus.DECLINED),
    ],
)
async def test_no_answer_now_the_truth_later(sandbox, clock, token, comes_to):
    ref = await made(sandbox, token)
    with pytest.raises(NoAnswer):
        await sandbox.confirm(ref, key="k", return_url="")
    assert (await sandbox.retrieve(ref)).status is IntentStatus.PROCESSING
    # What is being processed cannot be cancelled: the answer says so.
    assert (await sandbox.cancel(ref, key="c")).status is IntentStatus.PROCESSING
    clock.advance(5_000)
    assert (await sandbox.retrieve(ref)).status is comes_to


async def test_late_money_is_told_by_webhook(sandbox, clock):
    ref = await made(sandbox, "tok_late")
    intent = await sandbox.confirm(ref, key="k", return_url="")
    assert intent.status is IntentStatus.PROCESSING
    sent: list[tuple[dict[str, str], bytes]] = []

    async def deliver(headers, body):
        sent.append((dict(headers), body))

    assert await sandbox.send_due(deliver) == 0
    clock.advance(3_000)
    assert await sandbox.send_due(deliver) == 1
    assert await sandbox.send_due(deliver) == 0
    event = sandbox.verify_webhook(*sent[0], clock.now_ms())
    assert (event.kind, event.intent_ref) == ("payment.succeeded", ref)


async def test_a_webhook_that_is_not_taken_comes_again(sandbox, clock):
    ref = await made(sandbox, "tok_challenge")
    await sandbox.confirm(ref, key="k", return_url="")
    await sandbox.answer_challenge(ref, approve=True)
    ids: list[str] = []

    async def fails(headers, body):
        ids.append(json.loads(body)["id"])
        raise ConnectionError

    async def takes(headers, body):
        ids.append(json.loads(body)["id"])

    assert await sandbox.send_due(fails) == 0
    assert await sandbox.send_due(takes) == 0
    clock.advance(1_000)
    assert await sandbox.send_due(takes) == 1
    assert len(set(ids)) == 1


async def test_a_challenge_is_answered_once(sandbox):
    ref = await made(sandbox, "tok_challenge")
    await sandbox.confirm(ref, key="k", return_url="")
    denied = await sandbox.answer_challenge(ref, approve=False)
    assert (denied.status, denied.code) == (IntentStatus.DECLINED, "authentication_failed")
    assert (await sandbox.answer_challenge(ref, approve=True)).status is IntentStatus.DECLINED
    for call in (sandbox.challenge("pi_x"), sandbox.answer_challenge("pi_x", approve=True)):
        with pytest.raises(Refused) as refused:
            await call
        assert refused.value.code is Code.NOT_FOUND


async def test_cash_where_it_is_the_custom(sandbox):
    assert sandbox.methods("SA") == (CARD, PAY_ON_DELIVERY)
    assert sandbox.methods("JP") == (CARD,)


async def test_two_processes_share_the_book(tmp_path, clock):
    here, there = await opened(tmp_path, clock), await opened(tmp_path, clock)
    try:
        refs = await asyncio.gather(*(made(box, "tok_visa") for box in (here, there) * 20))
        await asyncio.gather(
            *(box.confirm(ref, key="k", return_url="") for ref in refs for box in (here, there))
        )
        assert {paid.intent_ref for paid in await here.paid()} == set(refs)
        assert await here.paid() == await there.paid()
    finally:
        await here.close()
        await there.close()


_DYING = """
import asyncio, sys
from pathlib import Path
from livecommerce.kernel.clock import FakeClock
from livecommerce.payments.providers.port import IntentDraft
from livecommerce.payments.providers.sandbox import Sandbox

async def main():
    box = await Sandbox.open(Path(sys.argv[1]), clock=FakeClock(), secret=b"s")
    for n in range(100_000):
        draft = IntentDraft(f"attempt-{n}", "order", 100, "SAR", "tok_visa")
        intent = await box.create(draft, key=draft.attempt_id)
        await box.confirm(intent.ref, key="k", return_url="")
        print(intent.ref, flush=True)

asyncio.run(main())
"""


async def test_what_was_answered_survives_sigkill(tmp_path, clock):
    process = subprocess.Popen(
        [sys.executable, "-c", _DYING, str(tmp_path / "book.db")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline().strip() for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    told += process.stdout.read().split("\n")[:-1]
    process.wait()
    process.stdout.close()
    sandbox = await opened(tmp_path, clock)
    try:
        known = {paid.intent_ref for paid in await sandbox.paid()}
    finally:
        await sandbox.close()
    assert set(told[:-1]) <= known


# Webhooks in.

BODY = b'{"id":"evt_1","type":"payment.succeeded","intent":"pi_1"}'
NOW_S = 1_800_000_000


def refused_webhook(sandbox: Sandbox, header: str | None, body: bytes = BODY) -> Code:
    headers = {} if header is None else {SIGNATURE_HEADER: header}
    with pytest.raises(Refused) as refused:
        sandbox.verify_webhook(headers, body, NOW_S * 1000)
    return refused.value.code


async def test_a_signed_webhook_is_taken(sandbox):
    header = signatures.sign(BODY, SECRET, NOW_S)
    event = sandbox.verify_webhook({SIGNATURE_HEADER.lower(): header}, BODY, NOW_S * 1000)
    assert event.id == "evt_1"
    for age_s in (-300, 300):
        old = signatures.sign(BODY, SECRET, NOW_S + age_s)
        sandbox.verify_webhook({SIGNATURE_HEADER: old}, BODY, NOW_S * 1000)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        f"t={NOW_S}",
        f"t={NOW_S},v1=00",
        f"t={NOW_S},v1=\udcff",
        "v1=00",
        signatures.sign(BODY, b"another secret", NOW_S),
        signatures.sign(BODY + b" ", SECRET, NOW_S),
        signatures.sign(BODY, SECRET, NOW_S - 301),
        signatures.sign(BODY, SECRET, NOW_S + 301),
        f"t={NOW_S}," + signatures.sign(BODY, SECRET, NOW_S),
        signatures.sign(BODY, SECRET, NOW_S).replace("v1", "v0"),
        "t=²,v1=00",
        "t=99999999999999999999,v1=00",
    ],
)
async def test_any_other_is_not(sandbox, header):
    assert refused_webhook(sandbox, header) is Code.BAD_FIELD


async def test_signed_rubbish_is_rubbish(sandbox):
    for body in (b"", b"[]", b"{}", b"null", b"\xff", b'{"id":1}'):
        header = signatures.sign(body, SECRET, NOW_S)
        assert refused_webhook(sandbox, header, body) is Code.BAD_JSON
    large = b"x" * (256 * 1024 + 1)
    assert refused_webhook(sandbox, None, large) is Code.TOO_LARGE


def test_processes_that_start_together_open_one_new_book(tmp_path: Path):
    """The nodes of a shop do, each time on a file that nobody has made yet."""
    opening = (
        "import sys, time; from pathlib import Path;"
        "from livecommerce.payments.providers.sandbox.book import Book;"
        "time.sleep(max(0, float(sys.argv[1]) - time.time()));"
        "[Book(Path(sys.argv[2]) / f'{each}.db').open() for each in range(40)]"
    )
    together_s = time.time() + 2.0
    command = [sys.executable, "-c", opening, str(together_s), str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [each.communicate(timeout=60)[1].decode() for each in running] == [""] * 4
