"""
`waystate keys`: the endpoint's RSA keys.

Source: Meta, "Business encryption": a public key is each number's own, and Meta tells whether it still holds.
"""

import os
from pathlib import Path

import click
import msgspec

from api.cli.check import BROKEN
from api.cli.exits import configured
from api.cli.graph import asked_or_told, required
from api.graph import Graph, PublicKey
from api.keyring import Key, KeyRing, generate, load_keys
from api.settings import KEYS_FOLDER, ConfigurationError, Settings, load_loosely

VALID = "VALID"


@click.group()
def keys() -> None:
    """Make and list the endpoint's keys, and let Meta have the newest."""


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
    for key in _ring(load_loosely(os.environ)).keys:
        click.echo(f"{key.name}  {key.private.key_size} bits  {key.fingerprint}")


@keys.command("upload")
@configured
def upload_key() -> None:
    """Let Meta have the newest key's public half for each of our numbers, and see that it does."""
    settings = load_loosely(os.environ)
    key = _ring(settings).keys[0]
    required(settings, "phone_number_id")

    async def uploaded(graph: Graph) -> dict[str, PublicKey]:
        kept = {}
        for number in sorted(settings.phone_numbers):
            await graph.put_public_key(number, key.public_pem)
            kept[number] = await graph.public_key(number)
        return kept

    standings = {number: standing(key, kept) for number, kept in asked_or_told(settings, uploaded).items()}
    for number, found in standings.items():
        click.echo(f"{number}  {key.name}  {key.fingerprint}  {found}")
    if {*standings.values()} != {VALID}:
        click.echo("Calls from a number whose key is not VALID fail; upload it again, or register it anew.", err=True)
        raise SystemExit(BROKEN)


def standing(key: Key, kept: PublicKey) -> str:
    """Return VALID if what Meta has is the public half of *key* and holds, MISMATCH if it does not."""
    same = kept.pem.split() == key.public_pem.split()
    return VALID if same and kept.signature_status == VALID else "MISMATCH"


def _ring(settings: Settings) -> KeyRing:
    """Return the keys, from the ring of development where the settings name none."""
    if not settings.private_key:
        settings = msgspec.structs.replace(settings, private_key_file=settings.private_key_file or str(KEYS_FOLDER))
    return load_keys(settings)
