"""The house of `tests/people`, on both databases."""

from tests.people.conftest import house, postgres_url, vault_url

__all__ = ["house", "postgres_url", "vault_url"]
