"""Settings from the environment, typed and checked at start (spec/running.md).

A name that starts with TAIZHANG_ and is none of these is refused too: a misspelt setting is never silently lost.
"""

import difflib
import os
import re
from collections.abc import Iterator
from datetime import timedelta, timezone
from functools import cached_property, lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from services.system.errors import TaizhangError
from services.system.files import WRITABLE_BY_OTHERS

PREFIX: Final = "TAIZHANG_"
# The test suite's own variables share the prefix.
TEST_PREFIX: Final = "TAIZHANG_TEST_"
SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
MIB: Final = 1 << 20


class SettingsError(TaizhangError):
    """Settings that cannot be used; the message names each, what is expected, and never a secret's value."""


def _database_url(value: SecretStr) -> SecretStr:
    import psycopg.conninfo  # noqa: PLC0415 - most commands ask a service and no database

    try:
        words = psycopg.conninfo.conninfo_to_dict(value.get_secret_value())
    except psycopg.ProgrammingError:
        words = {}
    if not words:
        raise ValueError("expected postgresql://user:password@host:5432/database, or libpq's words host=… dbname=…")
    return value


def _address(value: str) -> str:
    try:
        return str(TypeAdapter(AnyHttpUrl).validate_python(value)).rstrip("/")
    except ValidationError:
        raise ValueError("expected an address as http://127.0.0.1:8000") from None


def _topics(value: str) -> str:
    names = value.split(",")
    if not all(re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name) for name in names) or len(set(names)) < len(names):
        raise ValueError("expected topics as registry.east,registry.west: 1 to 249 of A-Z a-z 0-9 . _ -, each once")
    return value


def _witnesses(value: str) -> str:
    if not all(re.fullmatch(r"\s*[^\s+]+\+[0-9a-f]{8}\+\S+\s+https?://\S+\s*", each) for each in value.split(",")):
        raise ValueError("expected a witness's key and address as office.example/w1+1a2b3c4d+B… http://office:8010")
    return value


def _addresses(value: str) -> str:
    try:
        return ",".join(str(ip_address(each.strip())) for each in value.split(",") if each.strip())
    except ValueError:
        raise ValueError("expected IP addresses as 10.0.0.7,10.0.0.8") from None


class Settings(BaseSettings):
    """What the environment decides. `taizhang --help` prints each field's name, default and description."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = Field(
        None, description="the PostgreSQL server, postgresql://…; left out: the embedded one, in DATA"
    )
    data: Path = Field(Path(".data"), description="the folder of the embedded PostgreSQL and of keys")
    host: str = Field("127.0.0.1", min_length=1, description="the address that serve listens on")
    port: int = Field(8000, ge=0, le=65_535, description="the port that serve listens on; 0 takes a free one")
    workers: int = Field(
        1, ge=1, le=16, description="processes of serve that answer; each keeps the ledger in its own memory"
    )
    dev: bool = Field(default=False, description="as --dev: no sign-in, every role, loopback only")
    api_keys_file: Path | None = Field(
        None,
        description="who may call the API (see api-key); left out: api-keys.json in DATA",
    )
    notices_file: Path | None = Field(
        None, description="the channels that notices to offices leave by; left out: notices.json in DATA"
    )
    public_url: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="the address that browsers see, as https://ledger.example; left out: as called"
    )
    oidc_issuer: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="the issuer of the OpenID Connect provider that people sign in with; left out: none"
    )
    oidc_client_id: str | None = Field(None, min_length=1, description="our client at that provider")
    oidc_client_secret: SecretStr | None = Field(None, description="that client's secret, if it has one")
    oidc_audience: str | None = Field(
        None, min_length=1, description="the audience of machines' access tokens; left out: none are taken"
    )
    quarantine_days: int = Field(
        30, ge=1, le=3_650, description="days that quarantine keeps bytes that hold data of persons"
    )
    session_idle_minutes: int = Field(
        30, ge=1, le=1_440, description="minutes without a request after which a person's session ends"
    )
    session_hours: int = Field(8, ge=1, le=24, description="hours after which a session ends in any case")
    access_contact: str | None = Field(
        None, max_length=200, description="whom people without access are told to write to; left out: no name"
    )
    url: Annotated[str, AfterValidator(_address)] = Field(
        "http://127.0.0.1:8000", description="the running service that publish, rates … call"
    )
    metrics_token: SecretStr | None = Field(
        None, description="what /metrics asks for as Authorization: Bearer …; left out: anyone may read it"
    )
    api_key: SecretStr | None = Field(None, description="the API key that those commands send")
    log_key_file: Path | None = Field(
        None, description="the transparency log's private key; left out: keys/log.key in DATA"
    )
    log_origin: str | None = Field(None, min_length=1, description="the log's origin; left out: the key's own name")
    backup_passphrase: SecretStr | None = Field(
        None, description="what the keys in a backup are sealed with, 12 characters or more"
    )
    witnesses: Annotated[str, AfterValidator(_witnesses)] | None = Field(
        None, description="who is sent the log's checkpoints: KEY ADDRESS, with commas between"
    )
    checkpoint_seconds: float = Field(
        60, ge=1, le=86_400, description="seconds between rounds of signing the logs' heads"
    )
    log_format: Literal["console", "json"] = Field("console", description="how to log: console or json")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the level from which to log")
    body_bytes_max: int = Field(16 * MIB, ge=1024, le=256 * MIB, description="bytes of one request's body, unpacked")
    batch_events_max: int = Field(10_000, ge=1, le=100_000, description="events in one batch over HTTP")
    body_seconds_max: float = Field(60, gt=0, le=3600, description="seconds to receive one request's body")
    head_bytes_max: int = Field(32_768, ge=4096, le=MIB, description="bytes of a request's line and headers")
    head_seconds_max: float = Field(10, gt=0, le=600, description="seconds to receive a request's line and headers")
    send_seconds_max: float = Field(
        60, gt=0, le=3600, description="seconds that an answer waits for a client that does not read on"
    )
    idle_seconds_max: int = Field(5, ge=1, le=3600, description="seconds that a connection stays idle")
    connections_max: int = Field(
        2_048, ge=64, le=100_000, description="connections; for one more the one that waits longest ends"
    )
    connections_of_one_max: int = Field(512, ge=8, le=100_000, description="connections from one address")
    proxies: Annotated[str, AfterValidator(_addresses)] = Field(
        "", description="our own proxies' addresses, with commas between: their X-Forwarded-For is believed"
    )
    requests_at_once_max: int = Field(512, ge=8, le=100_000, description="requests under way at once")
    requests_of_one_max: int = Field(
        32, ge=1, le=100_000, description="requests under way of one caller, or while unknown of one address"
    )
    requests_for_operators: int = Field(32, ge=0, le=1_000, description="requests under way kept for operators")
    streams_at_once_max: int = Field(100, ge=1, le=100_000, description="streams of the ledger at once")
    streams_of_one_max: int = Field(25, ge=1, le=100_000, description="streams of one caller")
    waits_at_once_max: int = Field(128, ge=1, le=100_000, description="reads that wait for a position")
    waits_of_one_max: int = Field(16, ge=1, le=100_000, description="reads of one caller that wait")
    requests_per_second: float = Field(
        200, ge=0, le=1_000_000, description="requests a second of one client; 0: any number"
    )
    wait_seconds_max: float = Field(5, gt=0, le=60, description="seconds that min_position waits")
    kafka_bootstrap: str | None = Field(
        None, min_length=1, description="the brokers that ingest and publish --kafka use, host:port,…"
    )
    health_port: int | None = Field(
        None, ge=1, le=65_535, description="where ingest and relay answer /health/ready and /metrics, on HOST"
    )
    kafka_topics: Annotated[str, AfterValidator(_topics)] = Field(
        "taizhang.events", description="the topics that ingest reads, with commas between"
    )
    kafka_group: str = Field("taizhang", min_length=1, description="the group that ingest joins")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how brokers are talked to"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="the mechanism of SASL"
    )
    kafka_sasl_username: str | None = Field(None, description="the user of SASL")
    kafka_sasl_password: SecretStr | None = Field(None, description="the password of SASL")
    kafka_tls_ca_file: Path | None = Field(None, description="CAs that the brokers' certificates come from")
    kafka_tls_cert_file: Path | None = Field(None, description="our own certificate for Kafka")
    kafka_tls_key_file: Path | None = Field(None, description="that certificate's private key")
    kafka_ledger_topic: str = Field(
        "taizhang.ledger.v1", min_length=1, description="where relay publishes the ledger's changes"
    )
    kafka_reminder_topic: str = Field(
        "taizhang.reminders.v1", min_length=1, description="where reminders of measures go"
    )
    kafka_dead_letter_topic: str | None = Field(
        None, description="where relay copies what was quarantined, with its reasons"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """From arguments, the environment, and the files that NAME_FILE names for secrets; from nowhere else."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @property
    def conninfo(self) -> str:
        """The database's libpq connection string.

        Raises:
            SettingsError: no address is given.
        """
        if self.database_url is None:
            raise SettingsError(f"{variable('database_url')}: not set; this command needs the address of the database")
        return self.database_url.get_secret_value()

    @cached_property
    def proxies_named(self) -> frozenset[str]:
        """The addresses of our own proxies."""
        return frozenset(self.proxies.split(",")) - {""}

    @property
    def api_keys_path(self) -> Path:
        """The file of API keys."""
        return self.api_keys_file or self.data / "api-keys.json"

    @property
    def log_key_path(self) -> Path:
        """The file of the transparency log's private key."""
        return self.log_key_file or self.data / "keys" / "log.key"

    @property
    def roots_path(self) -> Path:
        """The folder of the trees whose roots the log states."""
        return self.data / "roots"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in LOOPBACK


class _SecretFiles(PydanticBaseSettingsSource):
    """A secret NAME may stand in a file that NAME_FILE names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{variable(field_name)}_FILE")
        if not path or not is_secret(field):
            return None, field_name, False
        try:
            if Path(path).stat().st_mode & WRITABLE_BY_OTHERS:
                raise SettingsError(f"{variable(field_name)}_FILE: others can write {path}; run chmod 600 on it")
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{variable(field_name)}_FILE: cannot read {path} ({error})") from error

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def variable(field_name: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field_name.upper()}"


def is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation) or field.annotation is SecretStr


def _known() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        yield variable(name)
        if is_secret(field):
            yield f"{variable(name)}_FILE"


def load(**overrides: Any) -> Settings:  # noqa: ANN401 - any field
    """Read and check the settings; `overrides` (a command's options, None for those not given) go first.

    Raises:
        SettingsError: naming every wrong one.
    """
    names = [name for name in os.environ if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX)]
    faults = [_unknown(name) for name in sorted(set(names) - set(_known()))]
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise SettingsError("\n".join([*faults, *(_fault(each) for each in error.errors())])) from None
    if settings.dev and not settings.is_loopback:
        faults.append(
            f"{variable('host')}: {settings.host!r} with --dev. Without sign-in the service stays on this machine: "
            f"use one of {', '.join(LOOPBACK)}, or leave --dev away."
        )
    if settings.oidc_issuer is not None and settings.public_url is None and not settings.is_loopback:
        faults.append(f"{variable('public_url')}: not set; the provider sends browsers back there after sign-in")
    if settings.oidc_issuer is not None and settings.oidc_client_id is None:
        faults.append(f"{variable('oidc_client_id')}: not set; {variable('oidc_issuer')} needs it")
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, list(_known()), n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `taizhang --help` names them all"
    return f"{name}: no such setting{hint}"


def _fault(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    name = str(error["loc"][0])
    expected = str(error["msg"]).removeprefix("Value error, ")
    shown = "" if is_secret(Settings.model_fields[name]) else f"{str(error['input'])[:120]!r}: "
    return f"{variable(name)}: {shown}{expected}"


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once."""
    return load()


def export(settings: Settings) -> None:
    """Put `settings` into this process's environment, for its own `current()` and for its child processes."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            os.environ[variable(name)] = str(value)
            os.environ.pop(f"{variable(name)}_FILE", None)
    current.cache_clear()
