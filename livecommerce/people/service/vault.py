"""The vault of one region: the only place that holds phones, e-mail and delivery addresses.

Everything is sealed under a key of the person's own. Nothing is read without an entry, made first,
that says who reads and why.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.people.store.vault import (
    DestroyKey,
    DropRecord,
    KeepKey,
    KeepRecord,
    LogAccess,
    vault_keys,
    vault_records,
)
from livecommerce.people.vault import (
    KEY_LENGTH,
    NONCE_LENGTH,
    blind_index,
    open_sealed,
    region_keys,
    seal,
    unwrap_key,
    wrap_key,
)

PURPOSE_MAX: Final = 40
_ROUNDS: Final = 5


class Vault:
    """Seals, opens and forgets personal records.

    Args:
        database: of the vault alone; a region's vault is run where that region's law wants it.
        region: its name; part of every seal.
        region_key: the secret all keys of the region come from. Whoever loses it loses the data.
    """

    def __init__(self, *, database: Database, region: str, region_key: bytes) -> None:
        self.database = database
        self._keys = region_keys(region, region_key)

    def blind_index(self, kind: str, value: str) -> str:
        """Returns what stands for a login outside the vault."""
        return blind_index(self._keys, kind, value)

    async def keep(self, person_id: str, record_id: str, *, kind: str, plain: bytes) -> None:
        """Stores a record, in place of one of the same id. Raises Refused(UNAVAILABLE)."""
        # A person erased meanwhile has another key; the next round seals with that one.
        for _ in range(_ROUNDS):
            wrapped = await self._wrapped_key(person_id)
            sealed = seal(
                unwrap_key(self._keys, person_id, wrapped),
                plain,
                region=self._keys.region,
                person_id=person_id,
                record_id=record_id,
                nonce=secrets.token_bytes(NONCE_LENGTH),
            )
            if await self.database.writer.submit(
                KeepRecord(
                    person_id=person_id,
                    record_id=record_id,
                    kind=kind,
                    sealed=sealed,
                    wrapped_key=wrapped,
                )
            ):
                return
        raise Refused(Code.CONFLICT)

    async def read(
        self, person_id: str, record_ids: Sequence[str], *, reader_id: str, purpose: str
    ) -> Mapping[str, bytes]:
        """Opens records of a person; those that are not there are missing from the answer.

        Raises:
            SealBroken: a record was tampered with.
            Refused: UNAVAILABLE. Nothing is opened that could not be logged.
        """
        assert 0 < len(purpose) <= PURPOSE_MAX
        rows = await self.database.fetch(
            sa.select(vault_records.c.id, vault_records.c.sealed, vault_keys.c.wrapped_key)
            .join(vault_keys, vault_keys.c.id == vault_records.c.person_id)
            .where(vault_records.c.id.in_(record_ids), vault_records.c.person_id == person_id)
        )
        if not rows:
            return {}
        entries = tuple((new_id(), row["id"]) for row in rows)
        await self.database.writer.submit(LogAccess(entries, person_id, reader_id, purpose))
        data_key = unwrap_key(self._keys, person_id, rows[0]["wrapped_key"])
        return {
            row["id"]: open_sealed(
                data_key,
                row["sealed"],
                region=self._keys.region,
                person_id=person_id,
                record_id=row["id"],
            )
            for row in rows
        }

    async def drop(self, person_id: str, record_id: str) -> None:
        """Deletes one record."""
        await self.database.writer.submit(DropRecord(person_id, record_id))

    async def erase(self, person_id: str) -> None:
        """Destroys all of a person's records, by destroying the key they are sealed with.

        Raises Refused(CONFLICT) when records keep coming in; then nothing was destroyed.
        """
        for _ in range(_ROUNDS):
            rows = await self.database.fetch(
                sa.select(vault_records.c.id).where(vault_records.c.person_id == person_id)
            )
            record_ids = tuple(row["id"] for row in rows)
            if await self.database.writer.submit(DestroyKey(person_id, record_ids)):
                return
        raise Refused(Code.CONFLICT)

    async def _wrapped_key(self, person_id: str) -> bytes:
        """The person's key, made when there is none. Asked through the writer, which asks for
        many people at once."""
        fresh = wrap_key(
            self._keys,
            person_id,
            secrets.token_bytes(KEY_LENGTH),
            nonce=secrets.token_bytes(NONCE_LENGTH),
        )
        return await self.database.writer.submit(KeepKey(person_id, self._keys.region, fresh))
