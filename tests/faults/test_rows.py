"""The fast profile of the failure suite, on every push: a test a row.

The rows that were asked for are played together, side by side where they can be, when the first of
them is wanted.
"""

import asyncio
import faulthandler
from collections.abc import Mapping

import pytest

from tests.faults.all_rows import rows_of
from tests.faults.report import Report
from tests.faults.rows import FAST, Row, play_rows
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]


PATIENCE_S = 900.0


@pytest.fixture(scope="module")
def reports(
    request: pytest.FixtureRequest, postgres_server: PostgresServer
) -> Mapping[str, Report]:
    asked = [
        row
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_row
        if isinstance(row := item.callspec.params["row"], Row)
    ]
    # All rows take their time together, and that is more than the watchdog allows a single test.
    faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
    played = asyncio.run(play_rows(asked, FAST, postgres_server))
    return {report.row: report for report in played}


@pytest.mark.parametrize(
    "row", rows_of(), ids=lambda row: f"{row.name}-{row.title}".replace(" ", "-")
)
def test_row(row: Row, reports: Mapping[str, Report]):
    assert reports[row.name].breaches == []
    assert reports[row.name].injections > 0
