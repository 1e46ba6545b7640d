"""At most one process leads, and another takes over when it is gone."""

import os
import signal

import asyncpg
import pytest

from livecommerce.database import leader
from livecommerce.database.engine import Database
from livecommerce.database.group_commit.postgresql import connect_arguments
from livecommerce.database.leader import Leadership
from tests.database.shop import open_shop


async def test_one_process_leads(url: str):
    shops = [await open_shop(url), await open_shop(url, create=False)]
    first, second = (Leadership(shop, "expiry") for shop in shops)
    other = Leadership(shops[1], "purge")
    assert await first.held()
    assert await second.held() is (shops[0].dialect == "sqlite")
    assert await other.held()
    await first.close()
    assert await second.held()
    assert await first.held() is (shops[0].dialect == "sqlite")
    for leadership in (first, second, other):
        await leadership.close()
    for shop in shops:
        await shop.close()


async def test_the_lead_is_lost_with_the_connection(postgres_url: str):
    shop: Database = await open_shop(postgres_url)
    first, second = Leadership(shop, "expiry"), Leadership(shop, "expiry")
    assert await first.held()
    killer = await asyncpg.connect(**connect_arguments(shop.url))
    await killer.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'livecommerce leader'"
    )
    while await second.held() is False:
        pass
    assert await first.held() is False
    await second.close()
    assert await first.held()
    await first.close()
    await killer.close()
    await shop.close()


async def test_a_lead_is_given_up_while_the_database_does_not_answer(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leader, "_ANSWER_S", 0.3)
    shop: Database = await open_shop(postgres_url)
    leading = Leadership(shop, "expiry")
    assert await leading.held()
    watcher = await asyncpg.connect(**connect_arguments(shop.url))
    pid = await watcher.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'livecommerce leader' "
        "AND datname = current_database()"
    )
    os.kill(pid, signal.SIGSTOP)
    try:
        await leading.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await leading.held()
    await leading.close()
    await watcher.close()
    await shop.close()
