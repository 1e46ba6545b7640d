"""Any batches of any writes leave the database as they leave plain dictionaries, one by one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import ConstraintViolated, Need, Rows, Write
from tests.database.shop import bookmarks, history, levels, open_shop

IDS = ("a", "b", "c")
Model = dict[str, dict[str, Any]]


class Failed(Exception):
    """What a failing script raises."""


@dataclass(frozen=True, slots=True)
class Step:
    verb: str
    id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Script:
    """Some steps, rows to make if they are missing, and whether it all ends in an error."""

    steps: tuple[Step, ...]
    creates: frozenset[str]
    fails: bool


def is_valid(row: Any) -> bool:
    return bool(0 <= row["reserved"] <= row["on_hand"])


def play(before: Model, script: Script) -> Model:  # noqa: C901 - one case a verb
    """The specification: what a script makes of dictionaries; the same ones when it fails."""
    after = deepcopy(before)
    stock = after["levels"]
    for id in script.creates:
        stock.setdefault(id, {"on_hand": 7, "reserved": 0})
    for step in script.steps:
        row = stock.get(step.id)
        match step.verb:
            case "insert" if row is None:
                stock[step.id] = {"on_hand": step.amount, "reserved": 0}
            case "add" if row is not None:
                row["on_hand"] += step.amount
            case "set" if row is not None:
                row["on_hand"] = step.amount
            case "reserve" if row is not None and row["reserved"] < row["on_hand"]:
                row["reserved"] += 1
            case "delete":
                stock.pop(step.id, None)
            case "bookmark":
                after["bookmarks"].setdefault(step.id, float(step.amount))
            case "unmark":
                after["bookmarks"].pop(step.id, None)
            case "record" if f"{step.id}{step.amount}" in after["history"]:
                return before
            case "record":
                after["history"][f"{step.id}{step.amount}"] = "made"
    if script.fails or not all(is_valid(row) for row in stock.values()):
        return before
    return after


@dataclass(frozen=True, slots=True)
class Run(Write[None]):
    """The same script through the writer. Ids have a prefix, so that examples do not meet."""

    script: Script
    prefix: str

    def needs(self) -> Iterator[Need]:
        for id in IDS:
            create = {"on_hand": 7} if id in self.script.creates else None
            yield Need(levels, self.prefix + id, lock=id == "a", create=create)
            yield Need(bookmarks, self.prefix + id)

    def decide(self, rows: Rows, now: int) -> None:
        for step in self.script.steps:
            self._play(rows, step)
        stock = [rows.get(levels, self.prefix + id) for id in IDS]
        if self.script.fails or not all(is_valid(row) for row in stock if row is not None):
            raise Failed

    def _play(self, rows: Rows, step: Step) -> None:
        id = self.prefix + step.id
        row = rows.get(levels, id)
        match step.verb:
            case "insert" if row is None:
                rows.insert(levels, {"id": id, "on_hand": step.amount})
            case "add" if row is not None:
                rows.add(levels, id, on_hand=step.amount)
            case "set" if row is not None:
                rows.change(levels, id, on_hand=step.amount)
            case "reserve" if row is not None and row["reserved"] < row["on_hand"]:
                rows.add(levels, id, reserved=1)
            case "delete" if row is not None:
                rows.delete(levels, id)
            case "bookmark" if rows.get(bookmarks, id) is None:
                rows.insert(bookmarks, {"id": id, "seen": float(step.amount)})
            case "unmark":
                rows.delete(bookmarks, id)
            case "record":
                # Not declared: whether it is there only the database knows, and it refuses.
                rows.insert(history, {"id": f"{id}{step.amount}"})


VERBS = ("insert", "add", "set", "reserve", "delete", "bookmark", "unmark", "record")
steps = st.builds(Step, st.sampled_from(VERBS), st.sampled_from(IDS), st.integers(-3, 9))
scripts = st.builds(
    Script,
    st.lists(steps, max_size=5).map(tuple),
    st.frozensets(st.sampled_from(IDS), max_size=2),
    st.sampled_from([False, False, False, True]),
)


class DatabaseAgainstDictionaries(RuleBasedStateMachine):
    loop: asyncio.AbstractEventLoop
    database: Database
    numbers: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        self.prefix = f"{next(self.numbers)}-"
        self.model: Model = {"levels": {}, "bookmarks": {}, "history": {}}
        self.versions: dict[str, tuple[int, Any]] = {}

    @rule(batch=st.lists(scripts, min_size=1, max_size=6))
    def commit(self, batch: list[Script]) -> None:
        outcomes = self.loop.run_until_complete(self._submit(batch))
        for script, outcome in zip(batch, outcomes, strict=True):
            assert outcome is None or isinstance(
                outcome, Failed | AssertionError | ConstraintViolated
            )
            after = play(self.model, script)
            assert (outcome is None) or after == self.model
            if outcome is None:
                self.model = after

    @invariant()
    def the_database_holds_what_the_dictionaries_hold(self) -> None:
        assert self.loop.run_until_complete(self._stored()) == self.model

    async def _submit(self, batch: list[Script]) -> list[Any]:
        submit = self.database.writer.submit
        return await asyncio.gather(
            *(submit(Run(script, self.prefix)) for script in batch), return_exceptions=True
        )

    async def _stored(self) -> Model:
        found: Model = {"levels": {}, "bookmarks": {}, "history": {}}
        for table in (levels, bookmarks, history):
            statement = sa.select(table).where(table.c.id.startswith(self.prefix))
            for row in await self.database.fetch(statement):
                id = row["id"].removeprefix(self.prefix)
                if table is bookmarks:
                    found["bookmarks"][id] = row["seen"]
                elif table is history:
                    found["history"][id] = row["what"]
                else:
                    found["levels"][id] = {key: row[key] for key in ("on_hand", "reserved")}
                    self._check_version(id, row["version"], found["levels"][id])
        self.versions = {id: seen for id, seen in self.versions.items() if id in found["levels"]}
        return found

    def _check_version(self, id: str, version: int, values: Any) -> None:
        before, old_values = self.versions.get(id, (0, None))
        assert version >= before
        assert version > before or values == old_values
        self.versions[id] = (version, values)


def test_the_writer_does_what_dictionaries_do(url: str):
    with asyncio.Runner() as runner:
        database = runner.run(open_shop(url))
        machine = type(
            "Machine",
            (DatabaseAgainstDictionaries,),
            {"loop": runner.get_loop(), "database": database, "numbers": itertools.count()},
        )
        run_state_machine_as_test(
            machine, settings=settings(max_examples=30, stateful_step_count=7, deadline=None)
        )
        runner.run(database.close())
