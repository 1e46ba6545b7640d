"""The market place of the order tests: `url`, `market`, `markets`."""

from tests.orders.conftest import market, markets, url

__all__ = ["market", "markets", "url"]
