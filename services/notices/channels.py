"""The channels by which notices leave, as an operator's file names them; their secrets stand in files of their own."""

import base64
import binascii
import ssl
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.networks import AnyHttpUrl

from domain.values.fields import OfficeId
from services.system.errors import TaizhangError
from services.system.files import WRITABLE_BY_OTHERS
from services.system.settings import LOOPBACK, Settings

WEBHOOK_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - a prefix
# Standard Webhooks: between 24 and 64 bytes.
WEBHOOK_SECRET_BYTES: Final = range(24, 65)
ADDRESS_LENGTH_MAX: Final = 2_048
SECRET_CHARACTERS_MAX: Final = 4_096
Language = Literal["zh", "en"]
# An office's mailbox, without a display name; what is no such thing cannot break into a header.
Mailbox = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,253}$")]


class ChannelsError(TaizhangError):
    """The file of channels, or a secret that it names, cannot be used; the message quotes no secret."""


class _Channel(BaseModel):
    """What every channel says: its name, which offices it is for (none named: all, and what is nobody's)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    offices: tuple[OfficeId, ...] | None = None
    language: Language = "zh"
    ca_file: Path | None = None

    def is_for(self, office: str | None) -> bool:
        """Whether notices to an office go here; None: to none in particular."""
        return self.offices is None or office in self.offices

    def trust(self) -> ssl.SSLContext:
        """Whose certificates are believed: the system's, and those of `ca_file`.

        Raises:
            ChannelsError: the file cannot be read.
        """
        context = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise ChannelsError(f"{self.name}: ca_file {self.ca_file} holds no certificates ({error})") from None
        return context


class Webhook(_Channel):
    """A signed webhook (Standard Webhooks)."""

    kind: Literal["webhook"]
    url: Annotated[str, Field(max_length=ADDRESS_LENGTH_MAX)]
    secret_file: Path

    @model_validator(mode="after")
    def _is_safe(self) -> "Webhook":
        checked_address(self.url)
        return self

    @property
    def secret(self) -> bytes:
        """The key of its signatures.

        Raises:
            ChannelsError: the file cannot be used.
        """
        text = secret_of(self, self.secret_file)
        try:
            key = base64.b64decode(text.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if len(key) not in WEBHOOK_SECRET_BYTES:
            raise ChannelsError(
                f"{self.name}: {self.secret_file} holds no secret of a webhook: expected whsec_ and 24 to 64 bytes in "
                "base64; `printf 'whsec_%s' $(head -c 32 /dev/urandom | base64)` makes one"
            )
        return key


class Robot(_Channel):
    """A group's robot: its address holds its key, so that it stands in a file."""

    url_file: Path

    @property
    def url(self) -> str:
        """Its address.

        Raises:
            ChannelsError: the file cannot be used.
        """
        text = secret_of(self, self.url_file)
        try:
            return checked_address(text)
        except ValueError as error:
            raise ChannelsError(f"{self.name}: {self.url_file}: {error}") from None


class WeCom(Robot):
    """企业微信: a group robot."""

    kind: Literal["wecom"]


class DingTalk(Robot):
    """钉钉: a group robot with signed addresses."""

    kind: Literal["dingtalk"]
    secret_file: Path

    @property
    def secret(self) -> str:
        """The key of its signatures, as 钉钉 shows it (SEC…).

        Raises:
            ChannelsError: the file cannot be used.
        """
        return secret_of(self, self.secret_file)


class Mail(_Channel):
    """E-mail by SMTP, over TLS from the first byte (`tls`) or before anything is said (`starttls`)."""

    kind: Literal["mail"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65_535)]
    security: Literal["tls", "starttls"] = "tls"
    user: Annotated[str, Field(max_length=200)] | None = None
    password_file: Path | None = None
    sender: Mailbox
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _signs_in_whole(self) -> "Mail":
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together: give both, or neither")
        return self

    @property
    def password(self) -> str | None:
        """What it signs in with; None where it does not.

        Raises:
            ChannelsError: the file cannot be used.
        """
        return None if self.password_file is None else secret_of(self, self.password_file)


Channel = Webhook | WeCom | DingTalk | Mail


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    channels: list[Annotated[Channel, Field(discriminator="kind")]]

    @model_validator(mode="after")
    def _each_once(self) -> "_File":
        names = [each.name for each in self.channels]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: named twice; give each channel a name of its own")
        return self


_FILE: Final = TypeAdapter(_File)


def channels(settings: Settings) -> list[Channel]:
    """The channels of the operator's file, each with its secrets read once, so that what is wrong is told at the start.

    Raises:
        ChannelsError: it is not there, is anybody's to write, or says what cannot be; or a secret is.
    """
    path = settings.notices_file or settings.data / "notices.json"
    found = _read(path)
    for each in found:
        each.trust()
        match each:
            case Webhook():
                _ = each.secret
            case WeCom():
                _ = each.url
            case DingTalk():
                _ = each.url, each.secret
            case Mail():
                _ = each.password
    return found


def _read(path: Path) -> list[Channel]:
    try:
        if path.stat().st_mode & WRITABLE_BY_OTHERS:
            raise ChannelsError(f"{path}: others can write it; run chmod 600 on it")
        return _FILE.validate_json(path.read_bytes()).channels
    except OSError as error:
        raise ChannelsError(
            f"{path} cannot be read ({error.strerror}): it names the channels of notices, as deploy/notices.md has it; "
            "TAIZHANG_NOTICES_FILE names another"
        ) from None
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:10])
        raise ChannelsError(f"{path}: {told}") from None


def checked_address(text: str) -> str:
    """An address that notices may be sent to: https, or http on this machine.

    Raises:
        ValueError: it is another.
    """
    try:
        url = TypeAdapter(AnyHttpUrl).validate_python(text)
    except ValidationError:
        raise ValueError("expected an address as https://office.example/notices") from None
    if url.username is not None or url.password is not None or url.fragment is not None:
        raise ValueError("an address has no user, password or #part: leave them away")
    if url.scheme != "https" and (url.host or "").strip("[]") not in LOOPBACK:
        raise ValueError("expected https; http only to this machine (127.0.0.1, localhost, ::1)")
    return str(url)


def secret_of(channel: _Channel, path: Path) -> str:
    """A secret from its file.

    Raises:
        ChannelsError: it is not there, empty, or anybody's to write.
    """
    try:
        if path.stat().st_mode & WRITABLE_BY_OTHERS:
            raise ChannelsError(f"{channel.name}: others can write {path}; run chmod 600 on it")
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ChannelsError(f"{channel.name}: cannot read {path}; put the secret there, mode 600") from None
    if not text or len(text) > SECRET_CHARACTERS_MAX:
        raise ChannelsError(f"{channel.name}: {path} holds {len(text)} characters; expected one secret")
    return text
