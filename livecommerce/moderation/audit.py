"""The audit log's chain: each entry's hash covers the entry before it.

Whoever changes, drops, adds or moves one entry must redo all that follow, and the head with them;
`first_fault` tells where a chain stops being what was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

GENESIS: Final = "0" * 64
"""What stands in the place of the hash before the first entry."""
DETAILS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain: its number and hash."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One use of power.

    Args:
        chain: the room (or other scope) it was used in; chains are independent.
        subject: who or what it was used on.
        details: JSON, as `written` makes it.
    """

    chain: str
    seq: int
    at: int
    actor_id: str
    action: str
    subject: str | None
    details: str
    hash: str


def written(details: Mapping[str, Any] | None) -> str:
    """Returns details as they are stored and hashed: JSON with its keys in order."""
    text = json.dumps(
        details or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    assert len(text) <= DETAILS_MAX, "the log is for facts, not for documents"
    return text


def next_entry(
    head: Head,
    *,
    chain: str,
    at: int,
    actor_id: str,
    action: str,
    subject: str | None,
    details: str,
) -> Entry:
    """Returns the entry that follows `head`."""
    draft = Entry(
        chain=chain,
        seq=head.seq + 1,
        at=at,
        actor_id=actor_id,
        action=action,
        subject=subject,
        details=details,
        hash="",
    )
    return replace(draft, hash=hash_of(draft, head.hash))


def hash_of(entry: Entry, before: str) -> str:
    """Returns the hash an entry must have after one with the hash `before`."""
    # A JSON list, so that no two entries can be written the same.
    fields = [
        before,
        entry.chain,
        entry.seq,
        entry.at,
        entry.actor_id,
        entry.action,
        entry.subject,
        entry.details,
    ]
    return sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


def first_fault(entries: Iterable[Entry], head: Head | None) -> int | None:
    """Returns the number of the first entry that is not as written; None for a sound chain.

    Args:
        entries: all of one chain, by number.
        head: as stored; None when there is none, which is right for an empty chain alone.
    """
    last = Head(0, GENESIS)
    for entry in entries:
        if entry.seq != last.seq + 1 or entry.hash != hash_of(entry, last.hash):
            return last.seq + 1
        last = Head(entry.seq, entry.hash)
    if head is None:
        return None if last.seq == 0 else 1
    if head == last:
        return None
    # Entries at the end are gone, or were added past the head.
    return min(head.seq, last.seq) + (head.seq != last.seq)
