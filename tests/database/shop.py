"""A tiny shop for the tests: tables of its own, and the writes that work on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from livecommerce.database import schema
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Idempotency, Need, Rows, Write
from livecommerce.database.schema import append_only, id_column, time_column, version_column
from livecommerce.kernel.clock import Clock, SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.events import Event, StateEvent

declared = schema.new_metadata()

levels = sa.Table(
    "levels",
    declared,
    id_column(),
    sa.Column("on_hand", sa.BigInteger, nullable=False, default=0),
    sa.Column("reserved", sa.BigInteger, nullable=False, default=0),
    sa.Column("is_open", sa.Boolean, nullable=False, default=True),
    sa.Column("note", sa.Text),
    version_column(),
    sa.CheckConstraint("reserved BETWEEN 0 AND on_hand", name="within"),
)
quotas = sa.Table(
    "quotas",
    declared,
    id_column(),
    sa.Column("taken", sa.BigInteger, nullable=False, default=0),
    version_column(),
)
orders = sa.Table(
    "purchases",
    declared,
    id_column(),
    sa.Column("level_id", sa.Text, sa.ForeignKey("levels.id"), nullable=False),
    sa.Column("buyer_id", sa.Text, nullable=False),
    sa.Column("token", sa.Text, unique=True),
    time_column("created_at"),
    version_column(),
)
history = append_only(
    sa.Table(
        "history", declared, id_column(), sa.Column("what", sa.Text, nullable=False, default="made")
    )
)
bookmarks = sa.Table(
    "bookmarks", declared, id_column(), sa.Column("seen", sa.Double, nullable=False, default=0.0)
)


class StockChanged(StateEvent, frozen=True, kw_only=True, tag="stock_changed"):
    left: int


class OrderPlaced(Event, frozen=True, kw_only=True, tag="order_placed"):
    order_id: str


decode = msgspec.msgpack.Decoder(StockChanged | OrderPlaced).decode


class Bought(msgspec.Struct, frozen=True):
    order_id: str
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy(Write[Bought]):
    """One unit: checks the level and the buyer's quota, makes an order, tells room and buyer."""

    order_id: str
    buyer_id: str
    level_id: str = "shirt"
    lock: bool = True
    limit: int = 1_000_000
    idempotency: Idempotency[Bought] | None = None

    @property
    def quota_id(self) -> str:
        return f"{self.level_id}|{self.buyer_id}"

    def needs(self) -> Iterable[Need]:
        yield Need(levels, self.level_id, lock=self.lock)
        yield Need(quotas, self.quota_id, lock=self.lock, create={})

    def decide(self, rows: Rows, now: int) -> Bought:
        level, quota = rows.get(levels, self.level_id), rows.get(quotas, self.quota_id)
        if level is None:
            raise Refused(Code.NOT_FOUND)
        assert quota is not None
        left = level["on_hand"] - level["reserved"] - 1
        # The changes come before the checks: being refused must undo them.
        rows.add(levels, self.level_id, reserved=1)
        rows.change(quotas, self.quota_id, taken=quota["taken"] + 1)
        rows.insert(orders, {
            "id": self.order_id, "level_id": self.level_id, "buyer_id": self.buyer_id,
            "created_at": now,
        })  # fmt: skip
        rows.insert(history, {"id": f"{self.order_id}-placed"})
        if left < 0:
            raise Refused(Code.SOLD_OUT)
        if quota["taken"] >= self.limit:
            raise Refused(Code.LIMIT_REACHED)
        version = rows.version(levels, self.level_id)
        rows.publish("room", StockChanged(
            id=f"{self.order_id}-stock", at=now, key=f"stock:{self.level_id}", version=version,
            left=left,
        ))  # fmt: skip
        placed = OrderPlaced(id=f"{self.order_id}-told", at=now, order_id=self.order_id)
        rows.tell(self.buyer_id, placed)
        return Bought(self.order_id, left)


@dataclass(frozen=True, slots=True)
class Do(Write[Any]):
    """Whatever a test wants done."""

    what: Callable[[Rows, int], Any]
    wanted: Sequence[Need] = ()
    idempotency: Idempotency[Any] | None = None
    translated: Refused | None = None

    def needs(self) -> Iterable[Need]:
        return self.wanted

    def decide(self, rows: Rows, now: int) -> Any:
        return self.what(rows, now)

    def refusal(self, violated: object) -> Refused | None:
        return self.translated


def insert(table: sa.Table, **values: Any) -> Do:
    return Do(lambda rows, now: rows.insert(table, values))


def change(table: sa.Table, id: str, **values: Any) -> Do:
    return Do(lambda rows, now: rows.change(table, id, **values), [Need(table, id)])


def buy(buyer_id: str = "mona", **more: Any) -> Buy:
    return Buy(order_id=new_id(), buyer_id=buyer_id, **more)


def key_of(key: str, *, fingerprint: bytes = b"same wish", principal: str = "mona") -> Idempotency:
    return Idempotency(principal, "buy", key, fingerprint, Bought)


async def open_shop(
    url: str, *, clock: Clock | None = None, create: bool = True, batch_max: int = 256
) -> Database:
    return await Database.open(
        url,
        clock=clock or SystemClock(),
        create=create,
        batch_max=batch_max,
        declared=(schema.metadata, declared),
    )


async def row(database: Database, table: sa.Table, id: str) -> dict[str, Any] | None:
    found = await database.fetch_one(sa.select(table).where(table.c.id == id))
    return None if found is None else dict(found)


async def count(database: Database, table: sa.Table) -> int:
    found = await database.fetch_one(sa.select(sa.func.count().label("rows")).select_from(table))
    assert found is not None
    return int(found["rows"])


async def check_book(database: Database, level_id: str = "shirt") -> int:
    """The counters agree with the rows they count; returns how many were sold."""
    level = await row(database, levels, level_id)
    assert level is not None
    placed = await database.fetch(sa.select(orders).where(orders.c.level_id == level_id))
    told = await database.fetch(sa.text("SELECT id FROM outbox WHERE kind = 'order_placed'"))
    taken = await database.fetch_one(sa.select(sa.func.sum(quotas.c.taken).label("taken")))
    assert taken is not None
    assert level["reserved"] == len(placed) <= level["on_hand"]
    assert level["version"] == 1 + len(placed)
    assert int(taken["taken"] or 0) == len(placed)
    assert len(told) == len(placed)
    return len(placed)
