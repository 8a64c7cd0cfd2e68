"""
What can go wrong, by whose fault it is.

    WorkflowError
    ├── DefinitionError      the author's: every problem at once, each with its place in the document
    ├── StepError            the caller's: nothing changed, asking again will not help
    │   ├── NoTransition         no arrow leaves this state on this event
    │   ├── GuardRefused         one does, and its guard said no
    │   └── UnknownState         the stored state is not in the instance's definition: parked, never dropped
    ├── StoreError           nobody's: asking again may help
    │   ├── Contended            others kept winning the race for this instance
    │   ├── StoreUnavailable     the database does not answer or cannot write
    │   └── StorageFull          it has no room left
    └── UnknownInstance      there is no instance of that key

Rule 1: an error holds values and builds its message from them once. Messages never hold an event's data.
"""

from msgspec import Struct

from engine.model import Event, Instance


class Problem(Struct, frozen=True, order=True):
    """
    One fault of a document: *pointer* (RFC 6901) says where, *code* what kind of fault, *message* what to do.

    *rule* is the id of the documented rule that it breaks, if it is one's.
    """

    pointer: str
    code: str
    message: str
    severity: str = "error"
    rule: str = ""


class WorkflowError(Exception):
    """The root of everything this project raises on purpose. Without a message of its own it says its docstring."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class DefinitionError(WorkflowError):
    """A document does not make a definition that may run."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        first = f"{problems[0].pointer or '/'}: {problems[0].message}" if problems else ""
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{name}: {first}{more}")
        self.name = name
        self.problems = problems


class StepError(WorkflowError):
    """An event cannot be applied to an instance."""

    fact = "cannot take"

    def __init__(self, instance: Instance, event: Event, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(f"{instance.definition} in {instance.state} {self.fact} {event.name}")
        self.instance = instance
        self.event = event
        self.allowed = allowed


class NoTransition(StepError):
    """No arrow leaves the instance's state on this event."""

    fact = "has no way on"


class GuardRefused(StepError):
    """An arrow leaves the instance's state on this event, and its guard said no."""

    fact = "refused"


class UnknownState(StepError):
    """The instance is in a state that its definition does not have."""

    fact = "is not a state of its definition, so it cannot take"


class UnknownInstance(WorkflowError):
    """There is no instance of that definition and key."""

    def __init__(self, definition: str) -> None:
        super().__init__(f"no such session of {definition}")
        self.definition = definition


class StoreError(WorkflowError):
    """The store did not do what was asked, and nothing changed."""


class Contended(StoreError):
    """Other events kept coming first."""


class StoreUnavailable(StoreError):
    """The database does not answer or cannot write."""


class StorageFull(StoreUnavailable):
    """The database has no room left to write."""
