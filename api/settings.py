"""
What the environment says. Names and defaults are the outward contract; `waystate --help` lists them from here.

Rule 1: fail closed. Production starts with nothing missing; development makes it under `var/` and says so.
Rule 2: every mistake is one line: what, where, how to fix.
Rule 3: a secret is never printed, but for those that development made itself.
"""

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

PREFIX = "WAYSTATE_"
STATE_FOLDER = Path("var")
"""Where development keeps what it makes, under the working directory."""

KEYS_FOLDER = STATE_FOLDER / "keys"
KEPT = STATE_FOLDER / "development.json"
"""The secrets that development made."""

SQLITE = "sqlite:///"
SCHEME = re.compile(r"([a-z][a-z0-9+]{1,30})://")
DATA_KEY_BYTES = 32
SIGNING = "whsec_"
SIGNING_BYTES = 24, 64
"""How a secret that results are signed with begins, and how many bytes it has (Standard Webhooks)."""

HOST = re.compile(r"[a-z0-9.:_-]+")
"""A host as calls name it: others than ASCII names are written as xn--…"""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""The hosts that are this machine and nobody else's."""

USUAL_PORTS = {"http": 80, "https": 443}
"""The ports that an address may leave out, by its scheme."""


class ConfigurationError(Exception):
    """Something about the set-up is wrong: *what*, *where* it stands, and how to *fix* it."""

    def __init__(self, what: str, where: str, fix: str) -> None:
        super().__init__(f"{what}; {where}; {fix}")


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings, each from the environment variable of its name in capitals after `WAYSTATE_`."""

    env: Annotated[
        Literal["development", "production"],
        Meta(description="development binds to loopback, makes what is missing, and refuses foreign hosts"),
    ] = "production"
    host: Annotated[str, Meta(description="the address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(description="the port to listen on", ge=0, le=65535)] = 8000
    workers: Annotated[int, Meta(description="worker processes; more than 1 needs PostgreSQL", ge=1)] = 1
    database_url: Annotated[str, Meta(description="sqlite:///PATH")] = "sqlite:///var/waystate.db"
    definitions: Annotated[str, Meta(description="further folders of definitions, separated as PATH is")] = ""
    private_key: Annotated[str, Meta(description="the endpoint's RSA key as PEM text")] = ""
    private_key_file: Annotated[str, Meta(description="its file, or a folder of keys: a key ring")] = ""
    passphrase: Annotated[str, Meta(description="what the private keys are encrypted with")] = ""
    app_secret: Annotated[str, Meta(description="Meta's app secret; several, comma-separated, during a reset")] = ""
    verify_token: Annotated[str, Meta(description="what Meta says to verify the webhook's address")] = ""
    access_token: Annotated[str, Meta(description="Graph API token, for sending")] = ""
    phone_number_id: Annotated[str, Meta(description="our phone numbers' ids, comma-separated; unset: every one")] = ""
    waba_id: Annotated[str, Meta(description="our WhatsApp business account's id")] = ""
    graph_url: Annotated[str, Meta(description="the Graph API's address")] = "https://graph.facebook.com"
    public_url: Annotated[str, Meta(description="the address that people and Meta use")] = ""
    data_key: Annotated[str, Meta(description="key of the encryption at rest: 32 bytes in base64")] = ""
    smtp_url: Annotated[str, Meta(description="where one-time codes are mailed from")] = ""
    samples: Annotated[str, Meta(description="a folder of sample documents for tests that use some")] = ""
    admin_token: Annotated[str, Meta(description="bearer token of the first administrator")] = ""
    portal_token: Annotated[str, Meta(description="bearer token of a portal or merchant backend")] = ""
    courier_secrets: Annotated[str, Meta(description="courier webhooks' secrets: name=secret,…")] = ""
    courier_tokens: Annotated[str, Meta(description="tokens that couriers are called with: name=token,…")] = ""
    webhook_secrets: Annotated[str, Meta(description="what results are signed with, by endpoint: name=whsec_…,…")] = ""

    def __repr__(self) -> str:
        return f"Settings({self.env})"  # Rule 3

    @property
    def development(self) -> bool:
        """Return whether this is the development mode."""
        return self.env == "development"

    @property
    def database(self) -> Path:
        """Return the embedded database's file."""
        return Path(self.database_url.removeprefix(SQLITE))

    @property
    def definition_folders(self) -> tuple[Path, ...]:
        """Return the further folders of definitions."""
        return tuple(Path(folder) for folder in self.definitions.split(os.pathsep) if folder)

    @property
    def app_secrets(self) -> tuple[bytes, ...]:
        """Return the app secrets that signatures may be made with."""
        return tuple(secret.encode() for secret in _split(self.app_secret))

    @property
    def phone_numbers(self) -> frozenset[str]:
        """Return the ids of our phone numbers; none means that every number is ours."""
        return frozenset(_split(self.phone_number_id))

    @property
    def couriers(self) -> dict[str, str]:
        """Return the courier webhooks' secrets by courier."""
        return _named(self.courier_secrets)

    @property
    def called_couriers(self) -> dict[str, str]:
        """Return the tokens that couriers are called with by courier, in small letters."""
        return {name.lower(): token for name, token in _named(self.courier_tokens).items()}

    @property
    def webhook_signing(self) -> dict[str, str]:
        """Return the secrets that results are signed with, by endpoint."""
        return _named(self.webhook_secrets)

    @property
    def listening_url(self) -> str:
        """Return the address that the server listens on."""
        return f"http://{_bracketed(self.host)}:{self.port}"

    @property
    def base_url(self) -> str:
        """Return the address that people use: the public one, or the listening one."""
        return self.public_url.rstrip("/") or self.listening_url

    @property
    def hosts(self) -> frozenset[str]:
        """Return the values of the Host header that are ours, in small letters."""
        own = {(_bracketed(name), self.port, "http") for name in (self.host, *LOOPBACK)}
        public = urlsplit(self.base_url)
        own.add((_bracketed(public.hostname or ""), public.port or USUAL_PORTS[public.scheme], public.scheme))
        named = {f"{name}:{port}" for name, port, _ in own}
        unnamed = {name for name, port, scheme in own if port == USUAL_PORTS[scheme]}
        return frozenset(host.lower() for host in named | unnamed)


def describe() -> list[tuple[str, str, str]]:
    """Return each setting's environment variable, meaning and default."""
    described = []
    for field in msgspec.inspect.type_info(Settings).fields:  # type: ignore[attr-defined]
        extra = (field.type.extra_json_schema or {}) if isinstance(field.type, msgspec.inspect.Metadata) else {}
        default = "" if field.default is msgspec.NODEFAULT else str(field.default)
        described.append((f"{PREFIX}{field.name.upper()}", extra.get("description", ""), default))
    return described


def load(environ: Mapping[str, str]) -> Settings:
    """
    Return the settings that *environ* gives.

    Raises:
        ConfigurationError: one of them is wrong, or production lacks one.
    """
    settings = _read(environ)
    if settings.development:
        _check_loopback(settings)
    else:
        _check_complete(settings)
    return settings


def load_loosely(environ: Mapping[str, str]) -> Settings:
    """
    Return the settings for a command that does not serve: what production lacks is not missed.

    Where a development server keeps what it made, and nothing says otherwise, its settings are meant.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    if KEPT.exists() and not environ.get(f"{PREFIX}ENV"):
        environ = {**environ, f"{PREFIX}ENV": "development"}
    settings = _read(environ)
    return make_missing(settings) if settings.development else settings


def _read(environ: Mapping[str, str]) -> Settings:
    given = {name: environ.get(f"{PREFIX}{name.upper()}", "") for name in Settings.__struct_fields__}
    _check_text(given)
    try:
        settings = msgspec.convert({name: value for name, value in given.items() if value}, Settings, strict=False)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        where = PREFIX + path.rstrip("`").upper()
        what = what.partition(" '")[0]  # the value may be anything, a secret in the wrong place too
        raise ConfigurationError(what, where, "see `waystate --help` for what it takes") from None
    _check_database(settings)
    _check_addresses(settings)
    _check_secrets(settings)
    return settings


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that look like settings and are none: mistyped, most likely."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.__struct_fields__}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def _check_text(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ConfigurationError("it is not UTF-8", f"{PREFIX}{name.upper()}", "write it in UTF-8") from None


def _check_database(settings: Settings) -> None:
    where, file = f"{PREFIX}DATABASE_URL", settings.database_url.removeprefix(SQLITE)
    if not settings.database_url.startswith(SQLITE):
        scheme = SCHEME.match(settings.database_url)
        what = f"no {scheme[1]} database can be used yet" if scheme else "that is no database's address"
        raise ConfigurationError(what, where, "use sqlite:///PATH; PostgreSQL comes with a later version")
    if not file or file == ":memory:" or "?" in file:
        fix = "write sqlite:///PATH, four slashes before a path from the root; there are no options"
        raise ConfigurationError("it names no file", where, fix)
    if settings.workers > 1:
        fix = "set it to 1: a SQLite file has one writing process"
        raise ConfigurationError("several workers cannot share a SQLite file", f"{PREFIX}WORKERS", fix)


def _check_addresses(settings: Settings) -> None:
    if not _is_host(settings.host):
        fix = "write a name or an address of this machine: 127.0.0.1, ::1"
        raise ConfigurationError("nothing can listen there", f"{PREFIX}HOST", fix)
    for name, example in (("public_url", "https://shop.example"), ("graph_url", "https://graph.facebook.com")):
        address = getattr(settings, name)
        try:
            parts = urlsplit(address)
            is_address = parts.scheme in USUAL_PORTS and _is_host(parts.hostname or "") and parts.port != 0
        except ValueError:  # no number, or none that a port can have
            is_address = False
        if address and not is_address:
            fix = f"write it with its scheme: {example}"
            raise ConfigurationError("that is no address", f"{PREFIX}{name.upper()}", fix)


def _is_host(host: str) -> bool:
    try:
        return bool(HOST.fullmatch(host.lower())) and (":" not in host or bool(IPv6Address(host)))
    except AddressValueError:
        return False


def _check_secrets(settings: Settings) -> None:
    _check_couriers(settings)
    _check_webhooks(settings)
    _check_data_key(settings)
    _check_headers(settings)


def _check_couriers(settings: Settings) -> None:
    for setting, word in (("courier_secrets", "secret"), ("courier_tokens", "token")):
        for pair in _split(getattr(settings, setting)):
            name, equals, secret = pair.partition("=")
            if not (name.strip() and equals and secret.strip()):
                what = f"a courier's {word} has no name or no {word}"
                fix = f"write name={word}, several separated by commas"
                raise ConfigurationError(what, f"{PREFIX}{setting.upper()}", fix)


def _check_webhooks(settings: Settings) -> None:
    for pair in _split(settings.webhook_secrets):
        name, _, secret = pair.partition("=")
        if not (name.strip() and _is_signing_secret(secret.strip())):
            fix = "write name=whsec_… with 24 to 64 bytes in base64: echo whsec_$(openssl rand -base64 32)"
            raise ConfigurationError("no result can be signed with that", f"{PREFIX}WEBHOOK_SECRETS", fix)


def _is_signing_secret(secret: str) -> bool:
    """Return whether a secret is as Standard Webhooks has them."""
    try:
        key = base64.b64decode(secret.removeprefix(SIGNING), validate=True)
    except ValueError:
        return False
    return secret.startswith(SIGNING) and SIGNING_BYTES[0] <= len(key) <= SIGNING_BYTES[1]


def _check_headers(settings: Settings) -> None:
    """See that what callers send as a header can be one."""
    sent = [("admin_token", settings.admin_token), ("portal_token", settings.portal_token)]
    sent += [("courier_secrets", secret) for secret in settings.couriers.values()]
    sent += [("courier_tokens", token) for token in settings.called_couriers.values()]
    for name, secret in sent:
        if not (secret.isascii() and secret.isprintable() and secret == secret.strip()):
            fix = "choose one of letters and digits: openssl rand -hex 24"
            raise ConfigurationError("no caller can send that in a header", f"{PREFIX}{name.upper()}", fix)


def _check_data_key(settings: Settings) -> None:
    try:
        key = base64.b64decode(settings.data_key, validate=True)
    except ValueError:
        key = b""
    if settings.data_key and len(key) != DATA_KEY_BYTES:
        fix = f"make one with: openssl rand -base64 {DATA_KEY_BYTES}"
        raise ConfigurationError(f"it is not {DATA_KEY_BYTES} bytes in base64", f"{PREFIX}DATA_KEY", fix)


def _check_loopback(settings: Settings) -> None:
    if settings.host not in LOOPBACK:
        fix = f"listen on 127.0.0.1, or set {PREFIX}ENV=production with its secrets"
        raise ConfigurationError("development listens on loopback only", f"{PREFIX}HOST", fix)


def _check_complete(settings: Settings) -> None:
    fixes = {
        "app_secret": "set it to the app secret from Meta's App Dashboard, Settings, Basic",
        "verify_token": "set it to a secret text, and the same in Meta's App Dashboard, WhatsApp, Configuration",
    }
    for name, fix in fixes.items():
        if not getattr(settings, name).strip(" ,"):
            raise ConfigurationError("production needs it and it is not set", f"{PREFIX}{name.upper()}", fix)
    if not (settings.private_key or settings.private_key_file):
        fix = "make one with `waystate keys generate` and name it there"
        raise ConfigurationError("production needs the endpoint's private key", f"{PREFIX}PRIVATE_KEY_FILE", fix)


def make_missing(settings: Settings) -> Settings:
    """
    Return *settings* with what development needs and the environment does not give, made once and kept under `var/`.

    Raises:
        ConfigurationError: what was kept cannot be read, or nothing can be kept.
    """
    kept = _read_kept()
    secret = {
        "app_secret": secrets.token_hex(16),
        "verify_token": secrets.token_urlsafe(16),
        "admin_token": secrets.token_urlsafe(24),
        "portal_token": secrets.token_urlsafe(24),
        "courier_secrets": f"generic={secrets.token_urlsafe(24)},eshopbox={secrets.token_urlsafe(24)}",
        "data_key": base64.b64encode(secrets.token_bytes(DATA_KEY_BYTES)).decode(),
    }
    secret |= {name: kept[name] for name in secret if kept.get(name)}
    if not secret.items() <= kept.items():
        _keep({**kept, **secret})
    missing: dict[str, Any] = {name: value for name, value in secret.items() if not getattr(settings, name)}
    if not (settings.private_key or settings.private_key_file):
        missing["private_key_file"] = str(KEYS_FOLDER)
    made = msgspec.structs.replace(settings, **missing)
    try:
        _check_secrets(made)
    except ConfigurationError:  # those of the environment were right
        raise _unreadable() from None
    return made


def is_made(settings: Settings, name: str) -> bool:
    """Return whether development made the secret of that name: such a one may be shown."""
    return settings.development and _read_kept().get(name) == getattr(settings, name)


def _read_kept() -> dict[str, str]:
    try:
        return msgspec.json.decode(KEPT.read_bytes(), type=dict[str, str]) if KEPT.exists() else {}
    except (OSError, ValueError):  # msgspec's errors are such
        raise _unreadable() from None


def _unreadable() -> ConfigurationError:
    what = "the secrets made for development cannot be read"
    return ConfigurationError(what, str(KEPT), "delete it, and new secrets are made")


def _keep(secret: Mapping[str, str]) -> None:
    """Write the secrets for their owner alone; who reads them meanwhile finds the old ones or the new, never half."""
    fresh = KEPT.with_name(f"{KEPT.name}.{os.getpid()}")
    try:
        STATE_FOLDER.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(secret, file, indent=2)
        fresh.replace(KEPT)
    except OSError as error:
        what = f"the secrets made for development cannot be kept ({error.strerror})"
        raise ConfigurationError(what, str(KEPT), "make that folder one that can be written to") from None


def _bracketed(host: str) -> str:
    """Return *host* as addresses have it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _named(text: str) -> dict[str, str]:
    """Return the values of `name=value,…` by their names."""
    pairs = (pair.partition("=") for pair in _split(text))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
