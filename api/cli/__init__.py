"""The command line: `waystate`. Commands that need a running server speak HTTP to it, like everybody else."""

import click

from api.cli import database, definitions, doctor, keys, serve, sessions
from api.settings import describe


def _settings_help() -> str:
    """Return the settings as the help shows them; the first line keeps click from wrapping them."""
    width = max(len(name) for name, _, _ in describe())
    lines = [
        f"  {name:<{width}}  {meaning}{f' [{default}]' if default else ''}" for name, meaning, default in describe()
    ]
    return "\b\nSettings, from the environment:\n" + "\n".join(lines)


@click.group(
    epilog=_settings_help(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 160}
)
def main() -> None:
    """Run WhatsApp Flows and order lifecycles as persisted state machines."""


main.add_command(serve.serve)
main.add_command(definitions.check)
main.add_command(definitions.compile_)
main.add_command(definitions.diagram)
main.add_command(keys.keys)
main.add_command(sessions.sessions)
main.add_command(doctor.doctor)
main.add_command(database.db)
