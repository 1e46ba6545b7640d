from pathlib import Path

import pytest

from livecommerce import config


def test_without_an_environment_one_machine_is_enough() -> None:
    settings = config.load({})
    assert settings.database_address.startswith("sqlite+aiosqlite:///")
    assert settings.vault_address.endswith("vault.db")


def test_values_are_read_by_their_types() -> None:
    settings = config.load(
        {
            "LIVECOMMERCE_PORT": "9000",
            "LIVECOMMERCE_ALLOWED_ORIGINS": "https://a.example, https://b.example",
            "LIVECOMMERCE_DRAIN_S": "2.5",
            "LIVECOMMERCE_DATA_DIR": "somewhere",
            "HOME": "ignored",
        }
    )
    assert settings.port == 9000
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    assert settings.drain_s == 2.5
    assert settings.data_dir == Path("somewhere")


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(config.BadSettings) as caught:
        config.load(
            {"LIVECOMMERCE_PORT": "x", "LIVECOMMERCE_COLOUR": "red", "LIVECOMMERCE_SECRET": "short"}
        )
    for name in ("PORT", "COLOUR", "SECRET"):
        assert f"LIVECOMMERCE_{name}" in str(caught.value)


def test_the_secret_is_made_once_and_readable_by_us_alone(tmp_path: Path) -> None:
    settings = config.Settings(data_dir=tmp_path)
    first = config.secret_of(settings)
    assert first == config.secret_of(settings)
    assert len(first) >= 32
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0


def test_with_postgresql_the_vault_shares_the_server_unless_told_otherwise() -> None:
    url = "postgresql+asyncpg://shop@db/shop"
    assert config.Settings(database_url=url).vault_address == url
    other = "postgresql+asyncpg://vault@db/vault"
    assert config.Settings(database_url=url, vault_url=other).vault_address == other


def test_redis_is_one_address_or_several():
    assert config.load({}).redis_urls == ()
    one = config.load({"LIVECOMMERCE_REDIS_URL": "redis://cache/0"})
    assert one.redis_urls == ("redis://cache/0",)
    several = config.load({"LIVECOMMERCE_REDIS_SHARDS": "redis://a, rediss://b"})
    assert several.redis_urls == ("redis://a", "rediss://b")
    with pytest.raises(config.BadSettings) as caught:
        config.load(
            {
                "LIVECOMMERCE_REDIS_URL": "http://:hidden@cache",
                "LIVECOMMERCE_REDIS_SHARDS": "redis://a,redis://a",
            }
        )
    assert len(str(caught.value).splitlines()) == 3
    assert "hidden" not in str(caught.value)
    for name, value in (("CLUSTER", "true"), ("PREFIX", "{shop}")):
        with pytest.raises(config.BadSettings):
            config.load({f"LIVECOMMERCE_REDIS_{name}": value})
