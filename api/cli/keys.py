"""`waystate keys`: the endpoint's RSA keys."""

import os
from pathlib import Path

import click
import msgspec

from api.cli.exits import configured
from api.keyring import generate, load_keys
from api.settings import KEYS_FOLDER, ConfigurationError, load_loosely


@click.group()
def keys() -> None:
    """Make and list the endpoint's keys."""


@keys.command("generate")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to; the key ring otherwise.")
@configured
def generate_key(folder: Path | None) -> None:
    """Make a new key, the newest of the ring, and print the public key to upload to Meta."""
    settings = load_loosely(os.environ)
    named = Path(settings.private_key_file or KEYS_FOLDER)
    ring = folder or (named if not named.is_file() else named.parent)
    try:
        key = generate(ring, settings.passphrase)
    except OSError as error:
        what = f"the key cannot be written there ({error.strerror})"
        raise ConfigurationError(what, str(ring), "name another folder with --folder") from None
    click.echo(f"{ring / key.name}  {key.fingerprint}", err=True)
    if not settings.passphrase:
        click.echo("It is not encrypted: there is no WAYSTATE_PASSPHRASE.", err=True)
    click.echo(key.public_pem, nl=False)


@keys.command("list")
@configured
def list_keys() -> None:
    """List the keys that open calls, the newest first, with the fingerprints of their public keys."""
    settings = load_loosely(os.environ)
    if not settings.private_key:
        settings = msgspec.structs.replace(settings, private_key_file=settings.private_key_file or str(KEYS_FOLDER))
    for key in load_keys(settings).keys:
        click.echo(f"{key.name}  {key.private.key_size} bits  {key.fingerprint}")
