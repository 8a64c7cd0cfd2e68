"""That every reason why something waits for people is said in words, with what helps."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest

from api import delivery, orders, senders, whatsapp
from api.console.effects import CODES, reason_in_words
from api.console.flow_health import ADVICE, ALERTS
from api.console.quarantine import PARKED, REASONS
from definitions import flow_health, results
from definitions.catalogue import Catalogue
from definitions.messages import compose
from definitions.orders import telling


def called_with(module: ModuleType, *names: str, place: int = 0) -> Iterator[str]:
    """Yield the texts that a module's code calls one of *names* with, in that place."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            said = node.args[place] if len(node.args) > place else None
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                yield said.value


def test_every_reason_for_which_a_call_is_set_aside_has_words() -> None:
    reasons = {*called_with(whatsapp, "Quarantined", "_odd"), "update_failed", "call_failed"}
    assert REASONS.keys() == reasons


def test_every_reason_for_which_a_report_is_parked_has_words() -> None:
    returned = {
        node.value.value
        for node in ast.walk(ast.parse(inspect.getsource(orders)))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    assert {"unknown_order", orders.FUTURE, *returned} - {""} - PARKED.keys() == set()


def test_every_reason_of_the_outbox_has_words() -> None:
    reasons = {
        *called_with(compose, "Nothing"),
        *called_with(telling, "Nothing"),
        *called_with(delivery, "Doubt", "Unsent"),
        *called_with(delivery, "Failed", place=1),
        *called_with(senders, "Failed", place=1),
        results.NO_WEBHOOK,
    }
    assert {reason for reason in reasons if reason_in_words(reason) == reason} == set()
    assert reasons - CODES.keys() == set()


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", ""),
        ("131047", "Error 131047: the person's last message is older than 24 hours, so it needs a template."),
        ("131026", "Error 131026: this person cannot or does not want to get it."),
        ("cannot be composed: KeyError", "It cannot be composed: KeyError; the log of the server says why."),
        ("something_else", "Something else"),
    ],
)
def test_a_reason_is_said_in_words(reason: str, words: str) -> None:
    assert reason_in_words(reason) == words


def test_every_state_and_alert_of_a_flow_says_what_to_do() -> None:
    definition = Catalogue.load([]).interpreter("flow_health").definition
    assert {state.id for state in definition.states} == ADVICE.keys()
    assert ALERTS.keys() == flow_health.ALERTS
