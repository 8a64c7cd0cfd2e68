"""
The rules of Flow JSON: what a document must keep to, said once, for the linter, its documentation and its tests.

A rule is data: an id, Meta's code for breaking it (ours where Meta has none), how grave that is, what it demands and
why, a document that breaks it and one that keeps it. The modules in `checks/` declare rules and find what breaks them.

Rule 1: an error is what Meta refuses. A warning is what Meta truncates, what fails on a phone without a word, and where
        Meta's own examples break Meta's written rule.
Rule 2: a rule's `breaks` is found by that rule, its `keeps` is not; a test runs both.
"""

from typing import Any, Literal

from msgspec import Struct

from engine.errors import Problem

DOCS = "https://developers.facebook.com/docs/whatsapp/flows/reference"
FLOW_JSON = f"{DOCS}/flowjson"
COMPONENTS = f"{DOCS}/components"
ERROR_CODES = f"{DOCS}/error-codes"
MEDIA = f"{DOCS}/media_upload"
VERSIONING = f"{DOCS}/versioning"
OBSERVED = "the observed behaviour of Meta's own client"
OURS = "ours"
"""Who says so: a page of Meta's, what its client does, or we."""

REFUSED = "Meta refuses the document."
"""Why most rules are kept."""

_BRIEF = 40
"""How much of what an author wrote a message repeats."""

Severity = Literal["error", "warning"]


class Rule(Struct, frozen=True):
    """
    One rule of Flow JSON.

    *id* names it for ever, in kebab-case; *says* is what a document must do, in one sentence, and *why* what happens
    when it does not. *breaks* and *keeps* are whole Flow JSON documents; one too long to keep is a function's.
    """

    id: str
    code: str
    severity: Severity
    says: str
    why: str
    source: str
    breaks: Any
    keeps: Any

    @property
    def broken(self) -> Any:
        """Return the document that breaks the rule."""
        return self.breaks() if callable(self.breaks) else self.breaks

    def at(self, pointer: str, message: str) -> Problem:
        """Return what breaks the rule at *pointer*."""
        return Problem(pointer, self.code, message, self.severity, self.id)


RULES: dict[str, Rule] = {}
"""All rules, by their ids, in the order of their declaration."""


def error(id: str, code: str, says: str, *, why: str, source: str, breaks: Any, keeps: Any) -> Rule:  # noqa: A002 - its name
    """Declare a rule that Meta refuses a document for."""
    return _declare(Rule(id, code, "error", says, why, source, breaks, keeps))


def warning(id: str, code: str, says: str, *, why: str, source: str, breaks: Any, keeps: Any) -> Rule:  # noqa: A002 - its name
    """Declare a rule whose breach Meta takes, and a customer sees."""
    return _declare(Rule(id, code, "warning", says, why, source, breaks, keeps))


def brief(name: str) -> str:
    """Return a name that the author gave, cut off where it is too long for a message."""
    return name if len(name) <= _BRIEF else f"{name[: _BRIEF - 1]}…"


def _declare(rule: Rule) -> Rule:
    if rule.id in RULES:
        raise ValueError(f"there are two rules {rule.id}")
    RULES[rule.id] = rule
    return rule
