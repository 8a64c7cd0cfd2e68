"""
Results: what a merchant's own systems hear of completed Flows, closed cases and orders that move on.

A result is the effect `announce` of the step that brought it about. All of them, in the order in which they were
committed, are the feed (api/feed.py); where an endpoint wants one, it is posted there too, signed.

Endpoints are data: `webhooks` in an account's settings, and `webhooks.json` in a folder of definitions for everybody.

Rule 1: one result goes to one endpoint: the first that wants it, of the account's before everybody's.
Rule 2: an endpoint hears the results of one family, or of one instance that has none, in their order.
Rule 3: what opens a customer's file is in no result.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from definitions import shape
from definitions.binding import effect
from definitions.flow_calls import RECIPIENT, RESPONSE
from definitions.flow_compiler import ANNOUNCE, EXPIRES_AT
from definitions.orders.rows import Account
from definitions.orders.times import to_rfc3339
from definitions.outgoing import Nothing, WebhookCall, Wish
from engine.errors import Problem

FILE = "webhooks.json"
"""Where a folder of definitions names the endpoints of all accounts."""

SETTING = "webhooks"
"""The name of an account's endpoints in its settings."""

NO_WEBHOOK = "no_webhook"

FILE_KEYS = "encryption_metadata"
"""The name under which a picked file comes with what decrypts it (Meta, "Media upload components")."""

_CHOSEN = ("resolutionCode", "deferredDate")
"""What a result says of a customer's choice; addresses and remarks are read where the order is."""

_IDS = ("customer_order_number", "account_id", "opened_by")


class Endpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Where results are posted: *name* says whose secret signs them, *events* are patterns of types, with `*`."""

    name: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_.-]{1,64}$")]
    url: Annotated[str, Meta(pattern=r"^https?://[^\s]+$", max_length=2048)]
    events: Annotated[tuple[str, ...], Meta(min_length=1)] = ("*",)

    def wants(self, kind: str) -> bool:
        """Return whether results of that type are posted here."""
        return any(fnmatchcase(kind, pattern) for pattern in self.events)


class Result(Struct, frozen=True):
    """
    What came about, when an instance went from one state to another.

    *context* is the instance's as it reads now: it may have gone on since.
    """

    definition: str
    key: str
    family: str
    context: Mapping[str, Any]
    source_state: str
    target_state: str
    occurred_at: int

    @property
    def kind(self) -> str:
        """Return the result's type: `flow.completed`, `order.delivered`, `ndr_case.resolved_delivered`."""
        kind = "flow" if self._is_flow else self.definition
        return f"{kind}.{self.target_state.rpartition('.')[2]}"

    def data(self) -> dict[str, Any]:
        """Return what a merchant's system is told of it beside where it stands."""
        if self._is_flow:
            response = without_file_keys(dict(self.context.get(RESPONSE, {})))
            return {"recipient": self.context.get(RECIPIENT, ""), "response": response}
        ids = {name: self.context[name] for name in _IDS if self.context.get(name)}
        root, _, root_key = self.family.partition("/")
        if root and root != self.definition:
            ids[f"{root}_id"] = root_key
        chosen = self.context.get("resolution") or {}
        resolution = {name: chosen[name] for name in _CHOSEN if chosen.get(name)}
        return {
            **ids,
            "before": self.source_state if self.source_state != self.target_state else "",
            **({"resolution": resolution} if resolution else {}),
        }

    @property
    def _is_flow(self) -> bool:
        """Return whether it is of a Flow's session: every one of them has the time when its token ends."""
        return EXPIRES_AT in self.context


def without_file_keys(value: Any) -> Any:
    """Return what is kept of a form without what opens the files that its customer picked: nobody reads that."""
    if isinstance(value, dict):
        return {name: without_file_keys(member) for name, member in value.items() if name != FILE_KEYS}
    return [without_file_keys(item) for item in value] if isinstance(value, list) else value


@effect(ANNOUNCE, "tell the merchant's own system what came of it, and put it into the feed of results")
def announce(wish: Wish) -> WebhookCall | Nothing:
    """Post a result to the first endpoint that wants it; without one it is in the feed alone."""
    instance = wish.instance
    target = wish.target_state or instance.state
    result = Result(*instance.id, instance.family, instance.context, wish.source_state, target, wish.occurred_at)
    endpoint = next((each for each in endpoints(wish.account) if each.wants(result.kind)), None)
    if endpoint is None:
        return Nothing(NO_WEBHOOK, status="done")
    about = {"definition": instance.definition, "key": instance.key, "state": result.target_state}
    payload = {
        "type": result.kind,
        "timestamp": to_rfc3339(result.occurred_at),
        "data": {"id": wish.id, **about, **result.data()},
    }
    lane = f"webhook/{endpoint.name}/{instance.family or '/'.join(instance.id)}"
    return WebhookCall(lane, endpoint.name, payload, endpoint.url)


def endpoints(account: Account | None) -> list[Endpoint]:
    """Return where an account's results may go: its own endpoints, then everybody's."""
    return [*own_endpoints(account.said() if account else {}), *_EVERYBODYS]


def own_endpoints(settings: Any) -> Sequence[Endpoint]:
    """Return the endpoints that an account's settings name; settings whose endpoints cannot be read name none."""
    try:
        return msgspec.convert(settings, _Settings).webhooks
    except msgspec.ValidationError:
        return ()


class _Settings(Struct, frozen=True):
    """What of an account's settings is about results."""

    webhooks: tuple[Endpoint, ...] = ()


_EVERYBODYS: list[Endpoint] = []


def bind_endpoints(folders: Iterable[Path]) -> None:
    """
    Let the results of all accounts go to the endpoints that *folders* name, and to no others.

    Raises:
        DefinitionError: a file of them is wrong; the message says where and what.
    """
    found = [endpoint for folder in folders for endpoint in _read(folder / FILE)]
    _EVERYBODYS[:] = found


def check(source: bytes) -> tuple[Problem, ...]:
    """Return what is wrong with the text of a file of endpoints."""
    content, problems = shape.read(source)
    return problems or tuple(sorted(shape.misfits(content, tuple[Endpoint, ...], "INVALID_WEBHOOKS")))


def _read(path: Path) -> Sequence[Endpoint]:
    if not path.is_file():
        return ()
    source = path.read_bytes()
    problems = check(source)
    if problems:
        raise shape.refused(path, source, problems)
    return msgspec.json.decode(source, type=tuple[Endpoint, ...])
