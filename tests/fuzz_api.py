"""
Calls made up from the OpenAPI document, against a real server: none may end in a 5xx or in what is not documented.

    python -m tests.fuzz_api --minutes 30

Rule 1: half of the calls are what the document allows, half are not; all kinds of callers make them.
Rule 2: where a path names something, it is mostly something that is there, and bodies are often good ones with a few
        values changed, so that calls come further than to a 404 and a 422.
"""

import argparse
import copy
import functools
import json
import logging
import operator
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup

from storage.migrate import upgrade
from tests.api.serving import Server, a_key, running
from tests.api.speaking import (
    ABSENT,
    PERSON,
    a_call,
    a_message,
    a_scan,
    a_status,
    an_item,
    an_order,
    ask,
    deliver,
    messages,
    put_order,
    resolve,
    scan,
    signature,
    statuses,
    subscribe,
)

MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
CALLERS = ("staff", "staff", "staff", "portal", "nobody")
SECONDS = 10

CASE = "O-1:T-1:20260101T120000Z"
SESSIONS = (("order", "O-1"), ("shipment", "O-1:T-1"), ("ndr_case", CASE), ("order", "O-9"))

ITEM = an_item("T-1", [("packed", "2026-01-01 10:00:00"), ("failed_delivery", "2026-01-01 17:30:00")])
BODIES: dict[str, tuple[Any, ...]] = {
    "PUT /api/v1/accounts/{account_id}": ({"accountSlug": "kumar", "name": "Kumar Teas", "timezone": "Asia/Kolkata"},),
    "PUT /api/v1/orders/{order_id}": (an_order("O-1", ITEM), an_order("O-2")),
    "POST /_ah/api/esb/v2/order/{order_id}": ({**PERSON, "accountId": "1489", "whatsAppStatus": "ACTIVE"},),
    "POST /api/v2/ndrResolution": (
        {
            "customerOrderNumber": "C-O-1",
            "resolutionCode": "ACTF002",
            "deferredDate": "2026-01-02",
            "trackingId": "T-1",
            "contactPhoneNumber": PERSON["contactPhone"],
            "shippingDetails": {"landmark": "the well"},
        },
    ),
    "POST /webhooks/couriers/{courier}": ({"events": [a_scan("packed", id="e-1"), a_scan("out_for_delivery", 600)]},),
    "POST /webhooks/whatsapp": (
        a_call(messages(a_message("text", {"body": "hello"}))),
        a_call(statuses(a_status("read", "w-1"))),
    ),
    "POST /admin/api/v1/sessions": ({"definition": "purchase_interest", "recipient": "919800000042", "data": {}},),
    "POST /admin/api/v1/sessions/{definition}/{key}/events": (
        {"event": "forward.out_for_delivery", "id": "e-1", "data": {"remark": "seen"}, "reason": "a call"},
        {"event": "resolution_submitted", "data": {"resolution_code": "ACTF001"}},
    ),
}
"""Good bodies, by what takes them."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "0", "x" * 2000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)

SERVER_ERROR = 500


class Fuzzer:
    """Makes up calls to a server, and collects what should not have been answered."""

    def __init__(self, server: Server, document: Any) -> None:
        self._server = server
        listed = ask(server, "GET", "/admin/api/v1/effects", token=server.world.admin_token).content
        self._effects = [effect["id"] for effect in listed]
        kept = ask(server, "GET", "/admin/api/v1/deliveries", token=server.world.admin_token).content
        self._calls = [call["digest"] for call in kept["items"]]
        schema = schemathesis.openapi.from_dict(document)
        found: Iterable[Any] = schema.get_all_operations()
        self.operations = [operation.ok() for operation in found]
        self._checks = [
            check
            for check in schemathesis.checks.CHECKS.get_all()
            if check.__name__ in {"status_code_conformance", "content_type_conformance", "response_schema_conformance"}
        ]
        self._connection = requests.Session()
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.faults: dict[str, str] = {}

    def attack(self, operation: Any, mode: Any, *, examples: int, seed: int) -> None:
        """Make so many calls to an operation; the same *seed* makes the same calls."""

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=False,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
        )
        @hypothesis.given(
            operation.as_strategy(generation_mode=mode),
            st.sampled_from(CALLERS),
            st.data(),
        )
        def call(case: Any, caller: str, data: st.DataObject) -> None:
            if case.path_parameters and data.draw(st.integers(0, 3)):
                case.path_parameters = data.draw(self._there(case.path_parameters))
            body = ABSENT
            if operation.label in BODIES and data.draw(st.booleans()):
                good = data.draw(st.sampled_from(BODIES[operation.label]))
                if "orderId" in good:
                    case.path_parameters = {"order_id": good["orderId"]}
                body = data.draw(changed(good))
            self._call(operation, case, caller, body)

        try:
            call()
        except hypothesis.errors.Unsatisfiable:
            return  # there is nothing wrong to say to an address that takes nothing

    def _there(self, parameters: Mapping[str, Any]) -> st.SearchStrategy[dict[str, str]]:
        """Return values for the parameters of a path that name what is there."""
        if "key" in parameters:
            others = {name: value for name, value in parameters.items() if name not in {"definition", "key"}}
            return st.sampled_from([{"definition": name, "key": key, **others} for name, key in SESSIONS])
        there = {
            "order_id": ["O-1", "O-2", "C-O-1", "O-9"],
            "account_id": ["77", "78"],
            "name": ["order", "shipment", "personalised_offer"],
            "courier": ["generic"],
            "effect_id": self._effects,
            "digest": self._calls,
        }
        return st.fixed_dictionaries({name: st.sampled_from(there[name]) for name in parameters})

    def _call(self, operation: Any, case: Any, caller: str, body: Any) -> None:
        asked = case.as_transport_kwargs(base_url=self._server.url)
        if body is not ABSENT:
            asked.pop("json", None)
            asked["headers"]["Content-Type"] = "application/json"
            asked["data"] = json.dumps(body)
        prepared = self._connection.prepare_request(requests.Request(**asked))
        self._identify(prepared, caller)
        response = self._connection.send(prepared, timeout=SECONDS, allow_redirects=False)
        self.statuses[operation.label, response.status_code] += 1
        said = f"{prepared.method} {prepared.url} {prepared.body!r} -> {response.status_code} {response.text[:300]}"
        if response.status_code >= SERVER_ERROR:
            self.faults.setdefault(f"{operation.label} {response.status_code}", said)
        try:
            case.validate_response(response, checks=self._checks)
        except FailureGroup as wrong:
            for failure in wrong.exceptions:
                self.faults.setdefault(f"{operation.label} {type(failure).__name__}", f"{failure}\n{said}")

    def _identify(self, prepared: requests.PreparedRequest, caller: str) -> None:
        world = self._server.world
        tokens = {"staff": world.admin_token, "portal": world.portal_token}
        if caller in tokens:
            body: Any = prepared.body or b""
            signed = signature(world.app_secret, body.encode() if isinstance(body, str) else body)
            prepared.headers["Authorization"] = f"Bearer {tokens[caller]}"
            prepared.headers["X-Hub-Signature-256"] = signed
            eshopbox = str(prepared.path_url).endswith("/eshopbox")
            prepared.headers["x-api-key"] = self._server.settings.couriers["eshopbox" if eshopbox else "generic"]


def changed(body: Any) -> st.SearchStrategy[Any]:
    """Return *body* with up to three of its values changed or left away."""
    places = st.sampled_from([*_places(body)])
    return st.lists(st.tuples(places, JSON | st.just(ABSENT)), max_size=3).map(lambda changes: _with(body, changes))


def _places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield (*before, name)
        yield from _places(member, (*before, name))


def _with(body: Any, changes: Sequence[tuple[tuple[Any, ...], Any]]) -> Any:
    body = copy.deepcopy(body)
    for (*way, last), value in changes:
        try:
            holder = functools.reduce(operator.getitem, way, body)
            if value is ABSENT:
                del holder[last]
            else:
                holder[last] = value
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    return body


def furnish(server: Server) -> None:
    """Let there be orders, a case, subscriptions and sessions on a server."""
    for order_id in ("O-1", "O-2"):
        put_order(server, an_order(order_id))
        subscribe(server, order_id)
    scan(server, a_scan("failed_delivery"))
    resolve(server)
    deliver(server, a_call(messages(a_message("hologram"))))
    body = {"definition": "purchase_interest"}
    ask(server, "POST", "/admin/api/v1/sessions", body, token=server.world.admin_token)


def main() -> int:
    """Make up calls for some minutes; return 1 if one was answered as it should not be."""
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz_api")
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    given = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    until = time.monotonic() + given.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "waystate.sqlite"
        upgrade(database)
        with running(database, [a_key()]) as server:
            furnish(server)
            fuzzer = Fuzzer(server, ask(server, "GET", "/schema/openapi.json").content)
            rounds = _rounds(fuzzer, given.seed, until)
    _say(f"{sum(fuzzer.statuses.values())} calls in {rounds} rounds from seed {given.seed}")
    for (label, status), times in sorted(fuzzer.statuses.items()):
        _say(f"  {label} {status}: {times}")
    for fault, said in fuzzer.faults.items():
        _say(f"\nFAULT {fault}\n{said}")
    return 1 if fuzzer.faults else 0


def _rounds(fuzzer: Fuzzer, seed: int, until: float) -> int:
    """Attack all operations in turn until the time is over; return how often."""
    rounds = 0
    while time.monotonic() < until:
        for operation in fuzzer.operations:
            for mode in MODES:
                fuzzer.attack(operation, mode, examples=20, seed=seed + rounds)
        rounds += 1
    return rounds


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program for people


load_all_checks()

if __name__ == "__main__":
    sys.exit(main())
