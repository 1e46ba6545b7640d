"""The market place of the order tests: `url`, `market`, `markets`."""

from tests.orders.conftest import market, markets, postgres_url

__all__ = ["market", "markets", "postgres_url"]
