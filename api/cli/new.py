"""`waystate new`: the files that one's own definitions begin with."""

import os
import re
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from api.cli.check import UNREADABLE, check
from api.settings import PREFIX, Settings
from definitions.catalogue import SHIPPED, Document, compile_document
from definitions.stubs import SMALL_FLOW, write_logic, write_test

NAME = re.compile(r"[a-z][a-z0-9_]*")


@click.group()
def new() -> None:
    """Begin definitions of one's own."""


@new.command()
@click.argument("name")
@click.option("--from", "source", type=click.Path(path_type=Path), help="A Flow JSON document, copied as it is.")
@click.option("--into", "folder", type=click.Path(path_type=Path), help="A folder of definitions.")
@click.pass_context
def flow(context: click.Context, name: str, source: Path | None, folder: Path | None) -> None:
    """
    Begin a Flow: its document, its logic with types, and a test that walks it.

    Without --from it is a small one of two screens. Without --into it goes where WAYSTATE_DEFINITIONS says, or here.
    """
    if not NAME.fullmatch(name):
        _refuse(f"{name!r} is no name for a Flow: small letters, digits and underscores, and a letter first")
    if (SHIPPED / "flows" / name).exists() or (SHIPPED / "lifecycles" / f"{name}.json").exists():
        _refuse(f"{name} is the name of a definition that ships; choose another")
    document = _document(context, name, source)
    folders = Settings(definitions=os.environ.get(f"{PREFIX}DEFINITIONS", "")).definition_folders
    into = folder or (folders[0] if folders else Path())
    files = _files(document, into)
    for path in files:
        if path.exists():
            _refuse(f"{path} is there already, and is left as it is")
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        _refuse(f"cannot write {error.filename}: {error.strerror}")
    for path in files:
        click.echo(f"wrote {path}")
    served = "" if into in folders else f"{PREFIX}DEFINITIONS={into} "
    click.echo(f"next: pytest {[*files][-1]}; {served}waystate serve")


def _document(context: click.Context, name: str, source: Path | None) -> Document:
    """Return the document that the Flow begins with, or end with what is wrong with it."""
    if source is None:
        return compile_document(name, msgspec.json.format(msgspec.json.encode(SMALL_FLOW)) + b"\n")
    try:
        text = source.read_bytes()
    except OSError as error:
        _refuse(f"cannot read {source}: {error.strerror}")
    document = compile_document(name, text, source)
    if document.errors:
        context.invoke(check, paths=(source,), form="text", strict=False)
    return document


def _files(document: Document, into: Path) -> dict[Path, bytes]:
    """Return the files of a new Flow with what is in them."""
    flow, definition, name = document.flow, document.definition, document.name
    if flow is None or definition is None:
        _refuse(f"{document.path} is no Flow")
    home = into / "flows" / name
    logic = write_logic(name, flow, definition)
    return {
        home / "flow.json": document.source,
        **({home / "screens.py": logic.encode()} if logic else {}),
        into / "tests" / f"test_{name}.py": write_test(name).encode(),
    }


def _refuse(message: str) -> NoReturn:
    click.echo(f"waystate: {message}", err=True)
    raise SystemExit(UNREADABLE)
