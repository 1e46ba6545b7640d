"""The program that plays rows: whatever goes wrong is told with the row it happened to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from tests.faults.all_rows import rows_of
from tests.faults.report import Report, broken, markdown
from tests.faults.rows import FAST, Profile, Row, play_rows
from tests.support.postgres import PostgresServer

NO_SERVER = cast("PostgresServer", None)
"""The stages here need none."""


class Stages:
    """Opens stages and counts them."""

    def __init__(self, *, fail_at: int = 0, fail_at_end: bool = False) -> None:
        self.opened = 0
        self.closed = 0
        self._fail_at = fail_at
        self._fail_at_end = fail_at_end

    @asynccontextmanager
    async def __call__(self, _postgres: PostgresServer) -> AsyncIterator[int]:
        self.opened += 1
        if self.opened == self._fail_at:
            raise RuntimeError("no stage today")
        yield self.opened
        self.closed += 1
        if self._fail_at_end:
            raise RuntimeError("the curtain fell")


async def good(_stage: Any, report: Report, _profile: Profile) -> None:
    report.injections += 1
    report.bound("seen after", 1.0, 2.0)


async def slow(_stage: Any, report: Report, _profile: Profile) -> None:
    report.bound("seen after", 3.0, 2.0)


async def bad(_stage: Any, _report: Report, _profile: Profile) -> None:
    raise RuntimeError("nobody came")


async def test_rows_of_a_group_share_a_stage():
    stages = Stages()
    rows = [Row(number, "good", "group", stages, good) for number in (1, 2, 3)]
    reports = await play_rows(rows, FAST, NO_SERVER)
    assert [report.row for report in reports] == ["1", "2", "3"]
    assert broken(reports) == []
    assert (stages.opened, stages.closed) == (1, 1)


@pytest.mark.parametrize(("play", "said"), [(bad, "nobody came"), (slow, "seen after ≤ 2 s: 3")])
async def test_a_row_that_fails_says_so_and_the_next_has_a_new_stage(play: Any, said: str):
    stages = Stages()
    rows = [
        Row(1, "fails", "group", stages, play),
        Row(2, "good", "group", stages, good),
        Row(3, "good", "other", Stages(), good, "a"),
    ]
    reports = await play_rows(rows, FAST, NO_SERVER)
    assert [report.row for report in reports] == ["1", "2", "3a"]
    (breach,) = broken(reports)
    assert breach.startswith("row 1: ")
    assert said in breach
    assert (stages.opened, stages.closed) == (2, 2)


async def test_a_stage_that_does_not_open_or_close_is_told_with_its_row():
    stages = Stages(fail_at=1)
    rows = [Row(number, "good", "group", stages, good) for number in (1, 2)]
    reports = await play_rows(rows, FAST, NO_SERVER)
    assert [bool(report.breaches) for report in reports] == [True, False]
    reports = await play_rows(
        [Row(1, "good", "group", Stages(fail_at_end=True), good)], FAST, NO_SERVER
    )
    assert "the curtain fell" in reports[0].breaches[0]


async def test_the_worst_of_a_figure_is_told():
    report = Report("1", "fault")
    for measured in (1.0, 1.5, 0.5):
        report.bound("seen after", measured, 2.0)
    assert report.breaches == []
    assert markdown([report]).splitlines()[-1].endswith("| seen after 1.5 s (≤ 2 s) |")


def test_every_row_has_a_name_of_its_own_and_groups_have_one_stage():
    rows = rows_of()
    assert len({each.name for each in rows}) == len(rows)
    stages: dict[str, Any] = {}
    assert all(stages.setdefault(each.group, each.stage) is each.stage for each in rows)


def test_rows_are_asked_for_by_number_or_by_name():
    assert [each.name for each in rows_of(["6a"])] == ["6a"]
    assert [each.name for each in rows_of(["7", "6"])] == ["6a", "6b", "7"]
    assert rows_of() == rows_of({str(each.number) for each in rows_of()})
    for wrong in ("99", "6z", "", "six"):
        with pytest.raises(ValueError, match=f"there is no row {wrong}"):
            rows_of(["6a", wrong])
