"""
The command line: `waystate`. Commands that need a running server speak HTTP to it, like everybody else.

A command is imported when it is asked for: to check a document takes no web framework and no database.
"""

import gc
from importlib import import_module

import click

from api.settings import describe

COMMANDS = {
    "check": "api.cli.check:check",
    "compile": "api.cli.definitions:compile_",
    "db": "api.cli.database:db",
    "diagram": "api.cli.definitions:diagram",
    "doctor": "api.cli.doctor:doctor",
    "flows": "api.cli.flows:flows",
    "keys": "api.cli.keys:keys",
    "lab": "api.cli.lab:lab",
    "new": "api.cli.new:new",
    "serve": "api.cli.serve:serve",
    "sessions": "api.cli.sessions:sessions",
    "simulate": "api.cli.simulate:simulate",
    "worker": "api.cli.worker:worker",
}
"""Where each command is."""

GC_THRESHOLDS = 20_000, 20, 50
"""After how many new objects the garbage collector looks at the young, and how often at the older."""


class Commands(click.Group):
    """The commands, by their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the names of all commands."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return the command of a name, if there is one."""
        return command(cmd_name) if cmd_name in COMMANDS else None


def command(name: str) -> click.Command:
    """Return the command of that name, imported."""
    module, _, attribute = COMMANDS[name].partition(":")
    gc.disable()  # an import makes much and drops little: to look for garbage meanwhile takes a fifth of its time
    try:
        found: click.Command = getattr(import_module(module), attribute)
    finally:
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()
    return found


def _settings_help() -> str:
    """Return the settings as the help shows them; the first line keeps click from wrapping them."""
    width = max(len(name) for name, _, _ in describe())
    lines = [
        f"  {name:<{width}}  {meaning}{f' [{default}]' if default else ''}" for name, meaning, default in describe()
    ]
    return "\b\nSettings, from the environment:\n" + "\n".join(lines)


@click.group(
    cls=Commands,
    epilog=_settings_help(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 160},
)
def main() -> None:
    """Run WhatsApp Flows and order lifecycles as persisted state machines."""
