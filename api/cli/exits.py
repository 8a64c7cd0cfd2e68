"""What a command's exit code says (sysexits.h where it has a word for it)."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from api.settings import ConfigurationError

BAD_CONFIGURATION = 78

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def configured(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a command end with one line and exit code 78 when the configuration is bad."""

    @wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return command(*args, **kwargs)
        except ConfigurationError as error:
            click.echo(f"waystate: {error}", err=True)
            raise SystemExit(BAD_CONFIGURATION) from None

    return run
