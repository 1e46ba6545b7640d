from pathlib import Path

import msgspec
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BEAT_S", "0"),
        ("BATCH_MAX", "0"),
        ("TICK_MS_MIN", "300"),
        ("PORT", "70000"),
        ("DRAIN_S", "-1"),
        ("CONNECTIONS_MAX", "0"),
        ("FRAME_BYTES_MAX", "8191"),
        ("FRAME_BYTES_MAX", "1048577"),
        ("UNPAID_ORDERS_MAX", "0"),
        ("CHAT_THIN_FROM_VIEWERS", "-1"),
        ("SIGN_INS_PER_MINUTE_PER_IP", "0"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("DATABASE_URL", "mysql://shop@db/shop"),
        ("VAULT_URL", "sqlite+aiosqlite://"),
        ("DATABASE_URL", "shop"),
        ("MARKET", "Atlantis"),
        ("OWN_HOST", "127.0.0.1"),
    ],
)
def test_what_nothing_can_be_served_with_is_refused_by_name(name: str, value: str):
    with pytest.raises(config.BadSettings, match=rf"^LIVECOMMERCE_{name}: "):
        config.load({f"LIVECOMMERCE_{name}": value})


def test_every_number_has_a_least():
    """So that one that makes no sense is refused, not found out by a room that is silent."""
    for field in msgspec.structs.fields(config.Settings):
        if isinstance(getattr(config.Settings(), field.name), int | float):
            with pytest.raises(config.BadSettings, match=field.name.upper()):
                config.load({f"LIVECOMMERCE_{field.name.upper()}": "-1"})


def test_what_is_in_force_is_told_without_secrets():
    told = config.in_force(
        config.Settings(
            secret="hidden" * 8,
            platform_secret="hidden" * 8,
            database_url="postgresql+asyncpg://shop:hidden@db/shop",
            vault_url="postgresql+asyncpg://vault:hid/den,hidden@hidden@db/vault?ssl=require",
            redis_url="redis://cache:6379/0?password=hidden&db=1",
            redis_shards=("redis://:hidden@a", "rediss://me:hidden@b"),
            trusted_proxies=("10.0.0.0/8", "::1"),
        )
    )
    assert told["LIVECOMMERCE_DATABASE_URL"] == "postgresql+asyncpg://shop:…@db/shop"
    assert told["LIVECOMMERCE_VAULT_URL"] == "postgresql+asyncpg://vault:…@db/vault?ssl=require"
    assert told["LIVECOMMERCE_REDIS_URL"] == "redis://cache:6379/0?password=…&db=1"
    assert told["LIVECOMMERCE_REDIS_SHARDS"] == "redis://:…@a,rediss://me:…@b"
    assert told["LIVECOMMERCE_TRUSTED_PROXIES"] == "10.0.0.0/8,::1"
    assert told["LIVECOMMERCE_CONNECTIONS_MAX"] == "20000"
    assert "hid" not in str(told)
