"""The one writer: every write of a process, decided in order and committed in batches."""

from livecommerce.database.group_commit.errors import ConstraintViolated, Poisoned
from livecommerce.database.group_commit.rows import OutboxEntry, Rows
from livecommerce.database.group_commit.writer import Writer
from livecommerce.database.group_commit.writes import Idempotency, Made, Need, Write

__all__ = [
    "ConstraintViolated",
    "Idempotency",
    "Made",
    "Need",
    "OutboxEntry",
    "Poisoned",
    "Rows",
    "Write",
    "Writer",
]
