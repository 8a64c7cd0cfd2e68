"""
The endpoint's RSA keys. Several may open calls at once: phones keep an old public key until a 421 makes them ask anew.

Rule 1: a key is parsed once, at start: parsing costs forty times what using it does.
Rule 2: a key's file is its owner's alone, and its text reaches no message.
"""

import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from api.settings import PREFIX, ConfigurationError, Settings

KEY_BITS = 2048
"""What Meta takes; a shorter key is refused."""

_OAEP = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)


class Key(Struct, frozen=True):
    """One private key; *name* is its file's name."""

    name: str
    private: rsa.RSAPrivateKey

    @property
    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 of the public key."""
        public = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:16]

    @property
    def public_pem(self) -> str:
        """Return the public key as Meta takes it."""
        return (
            self.private.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )


class KeyRing:
    """The keys that open calls, the newest first; the one that opened the last call is tried first."""

    def __init__(self, keys: list[Key]) -> None:
        self.keys = tuple(keys)
        self._order = [key.private for key in keys]

    def decrypt(self, sealed: bytes) -> bytes | None:
        """Return what one of the keys makes of *sealed* (RSA-OAEP, SHA-256), or None."""
        for place, private in enumerate(self._order):
            try:
                opened = private.decrypt(sealed, _OAEP)
            except ValueError:
                continue
            if place:
                self._order.insert(0, self._order.pop(place))
            return opened
        return None


def load_keys(settings: Settings) -> KeyRing:
    """
    Return the keys that the settings name.

    Raises:
        ConfigurationError: one cannot be used; the message says which and why.
    """
    passphrase = settings.passphrase.encode() or None
    if settings.private_key:
        # A PEM in one environment line often has its line ends as \n.
        text = settings.private_key.replace("\\n", "\n").encode()
        return KeyRing([_parse("environment", text, passphrase, f"{PREFIX}PRIVATE_KEY")])
    path = Path(settings.private_key_file)
    if path.is_dir():
        files = sorted(path.glob("*.pem"), reverse=True)
        if not files:
            fix = "make one with `waystate keys generate`"
            raise ConfigurationError("there is no key in the folder", str(path), fix)
        return KeyRing([read_key(file, passphrase, settings) for file in files])
    return KeyRing([read_key(path, passphrase, settings)])


def read_key(path: Path, passphrase: bytes | None, settings: Settings) -> Key:
    """
    Return the key in the file at *path*.

    Raises:
        ConfigurationError: it cannot be read or used, or others can read it.
    """
    try:
        text = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        fix = f"check {PREFIX}PRIVATE_KEY_FILE"
        raise ConfigurationError(f"the private key cannot be read ({error.strerror})", str(path), fix) from None
    if mode & 0o077 and not settings.development:
        fix = f"chmod 600 {path}"
        raise ConfigurationError("others on this machine can read the private key", str(path), fix)
    return _parse(path.name, text, passphrase, str(path))


def generate(folder: Path, passphrase: str) -> Key:
    """Make a new key in *folder*, as PKCS#8 PEM, encrypted if there is a passphrase, readable by its owner alone."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    text = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.pem"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    return Key(path.name, private)


def _parse(name: str, text: bytes, passphrase: bytes | None, where: str) -> Key:
    try:
        private = _load(text, passphrase)
    except TypeError:
        what = "the private key is encrypted and there is no passphrase"
        raise ConfigurationError(what, where, f"set {PREFIX}PASSPHRASE") from None
    except (ValueError, UnsupportedAlgorithm):
        what = "the private key cannot be read: wrong passphrase, or not a PEM key"
        raise ConfigurationError(
            what, where, f"check {PREFIX}PASSPHRASE, and that the file begins with -----BEGIN"
        ) from None
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < KEY_BITS:
        fix = "make one with `waystate keys generate`"
        raise ConfigurationError(f"the private key is not RSA of {KEY_BITS} bits or more", where, fix)
    return Key(name, private)


def _load(text: bytes, passphrase: bytes | None) -> object:
    """Return the key of a PEM text; a passphrase that an unencrypted key does not need does no harm."""
    if b"ENCRYPTED" not in text:
        passphrase = None
    return serialization.load_pem_private_key(text, passphrase)
