"""The house of `tests/people`, on both databases."""

from tests.people.conftest import house, url, vault_url

__all__ = ["house", "url", "vault_url"]
