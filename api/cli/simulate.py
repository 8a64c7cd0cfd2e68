"""`waystate simulate`: every way through a Flow, walked without a server or a phone."""

import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from typing import Any, NoReturn

import click
import msgspec

from api.cli.check import BROKEN, UNREADABLE, refusals
from api.cli.exits import configured
from api.settings import PREFIX, load_loosely
from definitions.flow_calls import Flow
from definitions.simulation import World, find_flow, walk
from definitions.simulation.walk import MOST_SITUATIONS
from engine.errors import DefinitionError


@click.command()
@click.argument("name_or_path")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--most", type=click.IntRange(1), default=MOST_SITUATIONS, show_default=True, help="Situations to walk.")
@click.option("--complete", is_flag=True, help="Let screens and edges that were never reached fail, too.")
@click.option("--value", "given", multiple=True, metavar="[SCREEN.]INPUT=TEXT", help="A further value to put in.")
@click.option("--data", default="{}", metavar="JSON", help="What the session is minted with, as a JSON object.")
@configured
def simulate(name_or_path: str, form: str, most: int, *, complete: bool, given: tuple[str, ...], data: str) -> None:
    """
    Walk every way through a Flow, and check every answer.

    NAME_OR_PATH is a Flow's name, or its file or folder. Its logic runs as it would for customers: what it calls out to
    is called.
    """
    world = World(values=_values(given), data=_minted(data), most=most)
    with redirect_stdout(sys.stderr):  # what the logic prints is no part of the report
        report = walk(*_flow(name_or_path), world)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        click.echo(str(report))
    missed = complete and (report.uncovered or report.unseen or report.truncated)
    if report.faults or report.dead_ends or missed:
        raise SystemExit(BROKEN)


def _flow(name_or_path: str) -> tuple[str, Flow]:
    try:
        return find_flow(name_or_path, folders=load_loosely(os.environ).definition_folders)
    except OSError as error:
        known = f"; a Flow is found by its path, or by its name in the folders of {PREFIX}DEFINITIONS"
        _refuse(f"cannot read {name_or_path}: {error.strerror}{known if isinstance(error, FileNotFoundError) else ''}")
    except DefinitionError as error:
        for line in refusals(error):
            click.echo(f"waystate: {line}", err=True)
        raise SystemExit(UNREADABLE) from None


def _values(given: Iterable[str]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            _refuse(f"--value {each}: write INPUT=TEXT or SCREEN.INPUT=TEXT")
        values.setdefault(name, []).append(value)
    return values


def _minted(data: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        _refuse(f"--data: {error}")


def _refuse(message: str) -> NoReturn:
    click.echo(f"waystate: {message}", err=True)
    raise SystemExit(UNREADABLE)
