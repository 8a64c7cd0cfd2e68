"""The Graph API, as the command line asks it: what that needs of the settings, and failures as one line for people."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
import stamina

from api.graph import Graph
from api.graph_errors import TOKEN_INVALID, GraphError, GraphFailure, NotSent
from api.settings import PREFIX, ConfigurationError, Settings

FIXES = {
    TOKEN_INVALID: f"the token is wrong or has expired: make one for a system user and set {PREFIX}ACCESS_TOKEN",
    139001: "Meta could not take the change: try again, and see in its WhatsApp Manager if the Flow can be changed",
    139002: "Meta does not publish it yet: see what `waystate flows status` and `waystate doctor` say",
}
"""What to do about a code of Graph's, where that can be said."""

NO_RIGHT = (
    "the token may not: give its system user the account, with whatsapp_business_messaging and "
    "whatsapp_business_management"
)
NO_RIGHT_CODES = frozenset({3, 10, 131005, *range(200, 300)})

NO_SUCH_OBJECT = 33
"""The subcode, and an old code, for what is not there or not ours."""

DOINGS = {
    "retry": "Meta is busy or limits us: try again in a while",
    "later": "Meta limits this for now: try again later",
    "stop": f"check {PREFIX}ACCESS_TOKEN, {PREFIX}GRAPH_URL, and the account's state in Meta's WhatsApp Manager",
}

Result = TypeVar("Result")


def asked(settings: Settings, ask: Callable[[Graph], Awaitable[Result]]) -> Result:
    """
    Return what *ask* returns, having asked Graph.

    Raises:
        ConfigurationError: there is no token to ask with.
        GraphFailure: it could not be had.
    """
    if not settings.access_token:
        fix = "set it to the token of a system user, from Meta's Business Settings"
        raise ConfigurationError("the Graph API takes no call without a token", f"{PREFIX}ACCESS_TOKEN", fix)
    stamina.instrumentation.set_on_retry_hooks(())  # a command's output is its own

    async def ask_and_close() -> Result:
        async with Graph.of(settings) as graph:
            return await ask(graph)

    return asyncio.run(ask_and_close())


def asked_or_told(settings: Settings, ask: Callable[[Graph], Awaitable[Result]]) -> Result:
    """
    Return what *ask* returns, or end with one line that says what Graph's failure is and what to do.

    Raises:
        ConfigurationError: there is no token to ask with.
        click.ClickException: Graph did not do it.
    """
    try:
        return asked(settings, ask)
    except GraphFailure as failure:
        raise click.ClickException(told(failure)) from None


def told(failure: GraphFailure) -> str:
    """Return what a failure is and what to do, on one line."""
    if isinstance(failure, NotSent):
        return f"Graph cannot be reached ({failure.reason}); check the network and {PREFIX}GRAPH_URL"
    if not isinstance(failure, GraphError):
        return f"Graph gave no clear answer, and may have done it or not ({failure}); look, then try again"
    numbers = [str(number) for number in (failure.code, failure.subcode) if number is not None]
    refusal = f"Graph refused ({'/'.join(numbers) or f'HTTP {failure.status}'})"
    return "; ".join(part for part in (refusal, failure.words, _fix(failure), _support(failure)) if part)


def _fix(failure: GraphError) -> str:
    if failure.code in FIXES:
        return FIXES[failure.code]
    if failure.code in NO_RIGHT_CODES:
        return NO_RIGHT
    if NO_SUCH_OBJECT in {failure.code, failure.subcode}:
        return f"no such thing is there for this token: check {PREFIX}WABA_ID and {PREFIX}PHONE_NUMBER_ID"
    if failure.retry_after is not None:
        return f"Meta asks to wait {failure.retry_after} s"
    return DOINGS.get(failure.kind, "")


def _support(failure: GraphError) -> str:
    return f"for Meta's support: {failure.trace}" if failure.trace else ""


def required(settings: Settings, name: str) -> str:
    """
    Return a setting that a command cannot do without.

    Raises:
        ConfigurationError: it is not set.
    """
    value: str = getattr(settings, name)
    if not value.strip(" ,"):
        fixes = {
            "waba_id": "set it to the id of the account, from Meta's WhatsApp Manager",
            "phone_number_id": "set it to the ids of the numbers, from Meta's WhatsApp Manager",
            "public_url": "set it to the address that Meta calls: https://shop.example",
        }
        raise ConfigurationError("this command needs it and it is not set", f"{PREFIX}{name.upper()}", fixes[name])
    return value
