"""Settings: one frozen struct, read from LIVECOMMERCE_* once. Only app, cli and demo import it."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

import msgspec
from sqlalchemy.exc import ArgumentError

from livecommerce.catalogue.markets import MARKETS
from livecommerce.database.engine import checked_url

PREFIX = "LIVECOMMERCE_"
Rate = Annotated[float, msgspec.Meta(gt=0)]
"""So many a second; of nothing at all nobody could wait for the next."""
Burst = Annotated[float, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
_SECRETS = {"secret", "platform_secret"}
# Drivers take passwords as they are, with slashes and commas in them, and in the query too.
_PASSWORD = re.compile(r"(?<=://)([^/?:@]*:).*@")
_PASSWORD_ASKED = re.compile(r"([?&]password=)[^&]*")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, with a default that runs on one machine and nothing installed.

    The environment name is the field's name in capitals after `LIVECOMMERCE_`; lists are separated
    by commas. `livecommerce doctor` prints what is in force, secrets left out.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    own_port: Port = 0
    """A second port for this process alone, beside the shared `port`: with `serve --workers` node k
    answers on this one + k - 1 too, and `work` has /healthz, /readyz and /metrics here. 0: none."""
    own_host: str = ""
    """The address of `own_port`, e.g. 127.0.0.1; /metrics is then answered there and not on `port`.
    Empty: that of `host`, and /metrics on both."""
    public_url: str = ""
    """The address people type, e.g. https://live.example.com. Empty: taken from the request."""
    data_dir: Path = Path("data")
    """SQLite files, pictures, and the secret when none is set."""
    database_url: str = ""
    """sqlite+aiosqlite:///… or postgresql+asyncpg://…; empty: `shop.db` in the data folder."""
    vault_url: str = ""
    """Where personal data lives. Empty: `vault.db` in the data folder, or, with PostgreSQL, the
    same database."""
    redis_url: str = ""
    """redis://…, rediss://… or unix://…, Redis 7 or newer: how several processes of one shop hear
    each other. Empty: this process is alone. Nothing is kept in it that may not be lost."""
    redis_shards: tuple[str, ...] = ()
    """Several of these instead of one; each room lives on one of them. All processes of a shop need
    the same ones in the same order."""
    redis_cluster: bool = False
    """The address is that of a Redis Cluster: its nodes share the rooms, by sharded pub/sub."""
    redis_prefix: str = "livecommerce"
    """Begins every key and channel: shops that share a Redis have prefixes of their own."""
    region: str = "local"
    """Name of the region whose personal data this vault keeps."""
    secret: str = ""
    """Signs tokens and wraps vault keys; 32 characters or more. Empty: made once, kept in the data
    folder. All processes of one shop need the same."""
    market: str = "SA"
    """Market of new rooms and visitors."""

    allowed_origins: tuple[str, ...] = ()
    """Origins besides our own whose pages may open the socket."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) whose X-Forwarded-For and X-Forwarded-Host are believed."""

    platform_issuer: str = ""
    platform_audience: str = "livecommerce"
    platform_secret: str = ""
    """HS256 secret of the platform that signs its users' tokens."""
    platform_public_key: str = ""
    """PEM of the platform's RS256 or EdDSA key, or a path to it."""
    platform_jwks: str = ""
    """URL or path of the platform's JWKS."""

    everybody_may_sell: bool = True
    """Every account may open rooms and shops; otherwise only who `livecommerce seller` named."""
    guests_per_minute_per_ip: Count = 600
    sign_ins_per_minute_per_ip: Count = 300
    """Signing up counts too. High as `connections_per_ip`, and for the same reason; who guesses a
    password meets the next limit."""
    sign_ins_per_minute_per_account: Count = 5
    chat_per_s: Rate = 1.0
    chat_burst: Burst = 5.0
    """The flood guard: how quickly one person may speak in one room. Staff are not held up."""

    chat_room_per_s: Burst = 200.0
    """What one node takes of a room's viewers; more is refused with `server_busy`."""
    chat_shown_per_s: Rate = 20.0
    chat_thin_from_viewers: Count = 1_000
    """In a room with so many viewers each of them is shown so many lines of others a second, a
    random choice of what is said. The staff sees all of it, everybody sees the staff, their own
    lines and what is said to them."""

    unpaid_orders_max: Count = 10
    """How many orders one person may have on hold, or placed within a day to be paid on delivery,
    before they may buy on outside of flash sales (those have limits of their own)."""

    connections_max: Count = 20_000
    connections_per_ip: Count = 2_000
    """High on purpose: a mobile carrier puts thousands of phones behind one address."""
    admissions_per_s: Rate = 1_000.0
    admissions_burst: Burst = 2_000.0
    """How quickly live sockets are let in; a visitor costs 0.1 ms of a core. With these and
    `drain_s` below, two nodes take over all the viewers of a third while it drains. Who is refused
    is told when to come again."""
    messages_per_s: Rate = 20.0
    messages_burst: Burst = 40.0
    """Of one connection, and of what one person changes over HTTP."""
    frame_bytes_max: Annotated[int, msgspec.Meta(ge=8_192, le=1_048_576)] = 16_384
    """Of one message from a viewer. A `hello` with the longest token takes 5 KB; and every
    connection may hold as much of a message that has not come whole."""
    deflate: bool = False
    """Batches and snapshots are deflated, once for all who can read that: two to six times fewer
    bytes to viewers, for some of a node's time."""
    beat_s: Count = 20
    """How often a viewer hears from us and is asked whether it is there; who has not answered half
    way to the next question, or after 10 s, is gone."""
    drain_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    tick_ms_min: Count = 20
    tick_ms_max: Count = 250
    batch_max: Count = 256
    """Writes that share one commit; 1 turns group commit off (benchmarks do)."""

    log_level: str = "info"
    log_format: str = "auto"
    """json · console · auto (console on a terminal)"""
    web_dir: str = ""
    """The built web client; empty: the one that came with the package."""

    @property
    def own_address(self) -> str:
        return self.own_host or self.host

    @property
    def database_address(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.resolve() / 'shop.db'}"

    @property
    def vault_address(self) -> str:
        if self.vault_url:
            return self.vault_url
        if self.database_address.startswith("sqlite"):
            return f"sqlite+aiosqlite:///{self.data_dir.resolve() / 'vault.db'}"
        return self.database_address

    @property
    def redis_urls(self) -> tuple[str, ...]:
        """Every Redis that is set; none: this process is alone."""
        return self.redis_shards or ((self.redis_url,) if self.redis_url else ())

    @property
    def media_dir(self) -> Path:
        """Files of the host's own, served under /media/: a poster, a video to play in a loop."""
        return self.data_dir / "media"

    @property
    def pictures_dir(self) -> Path:
        return self.data_dir / "pictures"


class BadSettings(Exception):
    """The environment holds settings we cannot run with. The message lists every one."""


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings from the environment. Raises BadSettings naming each wrong one."""
    env = os.environ if environ is None else environ
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, text in env.items():
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX).lower()
        field = fields.get(key)
        if field is None:
            wrong.append(f"{name}: there is no such setting")
            continue
        try:
            values[key] = _read(field.type, text)
        except ValueError as problem:
            wrong.append(f"{name}: {problem}")
    secret = values.get("secret", "")
    if secret and len(secret) < 32:
        wrong.append(f"{PREFIX}SECRET: shorter than 32 characters")
    wrong += _redis_problems(values)
    settings = Settings(**values)
    wrong += _problems(settings)
    if wrong:
        raise BadSettings("\n".join(wrong))
    return settings


def in_force(settings: Settings) -> dict[str, str]:
    """Every setting by its name in the environment, as it is read there; secrets are not told."""
    told = {}
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        text = ",".join(map(_without_password, value if isinstance(value, tuple) else (value,)))
        if field.name in _SECRETS and text:
            text = "…"
        told[f"{PREFIX}{field.name.upper()}"] = text
    return told


def _without_password(value: object) -> str:
    return _PASSWORD_ASKED.sub(r"\1…", _PASSWORD.sub(r"\1…@", str(value)))


def _problems(settings: Settings) -> list[str]:
    """What is wrong with values that are right by themselves."""
    wrong = []
    for name in ("database_url", "vault_url"):
        try:
            if address := getattr(settings, name):
                checked_url(address)
        except (ValueError, ArgumentError) as problem:
            wrong.append(f"{PREFIX}{name.upper()}: {problem}")
    for network in settings.trusted_proxies:
        try:
            ip_network(network, strict=False)
        except ValueError as problem:
            wrong.append(f"{PREFIX}TRUSTED_PROXIES: {problem}")
    if settings.own_host and not settings.own_port:
        wrong.append(f"{PREFIX}OWN_HOST: needs {PREFIX}OWN_PORT")
    if settings.market not in MARKETS:
        wrong.append(f"{PREFIX}MARKET: there are {', '.join(MARKETS)}")
    if settings.tick_ms_min > settings.tick_ms_max:
        wrong.append(f"{PREFIX}TICK_MS_MIN: more than {PREFIX}TICK_MS_MAX")
    return wrong


def _redis_problems(values: Mapping[str, Any]) -> list[str]:
    url, shards = values.get("redis_url", ""), values.get("redis_shards", ())
    # The address is not repeated: there may be a password in it.
    wrong = [
        f"{PREFIX}REDIS_{name}: an address begins with {' or '.join(_REDIS_SCHEMES)}"
        for name, addresses in (("URL", (url,)), ("SHARDS", shards))
        if any(each and not each.startswith(_REDIS_SCHEMES) for each in addresses)
    ]
    if url and shards:
        wrong.append(f"{PREFIX}REDIS_SHARDS: stands instead of {PREFIX}REDIS_URL, not beside it")
    if len(set(shards)) != len(shards):
        wrong.append(f"{PREFIX}REDIS_SHARDS: the same address twice")
    if set(values.get("redis_prefix", "")) & set("{}"):
        wrong.append(f"{PREFIX}REDIS_PREFIX: braces are kept for rooms")
    if values.get("redis_cluster") and not (url or shards):
        wrong.append(f"{PREFIX}REDIS_CLUSTER: needs {PREFIX}REDIS_URL")
    return wrong


def _read(kind: Any, text: str) -> Any:
    if kind is Path:
        return Path(text)
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as problem:
        raise ValueError(str(problem)) from None


def is_secret_known(settings: Settings) -> bool:
    """It is the one of the examples in docs/operations, with which anybody signs as anybody."""
    return settings.secret.startswith("replace-me")


def secret_of(settings: Settings) -> str:
    """Returns the secret: the one that is set, or the one kept in the data folder (made if new).
    Raises BadSettings for the one of the examples."""
    if is_secret_known(settings):
        raise BadSettings(f"{PREFIX}SECRET: still that of the example: make your own")
    if settings.secret:
        return settings.secret
    path = settings.data_dir / "secret"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two processes that start together, one makes it and the other reads it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
