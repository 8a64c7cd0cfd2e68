"""Every kind of call that was ever published, over real HTTP, where a folder of samples is at hand."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.api.kept import counted, deliver, deliveries, everything, opened
from tests.api.serving import Server
from tests.api.speaking import a_wamid, ask

BESIDE = Path(__file__).parents[3] / "shared" / "samples"
SAMPLES = Path(os.environ.get("WAYSTATE_SAMPLES") or BESIDE) / "webhooks"


@pytest.fixture
def samples() -> dict[str, Any]:
    """Return the samples by their files' names."""
    if not SAMPLES.is_dir():
        pytest.skip(f"there are no samples at {SAMPLES}: set WAYSTATE_SAMPLES to a folder that has some")
    return {path.name: json.loads(path.read_bytes()) for path in sorted(SAMPLES.glob("*.json"))}


def with_ids_of_its_own(call: Any) -> Any:
    """Return a call whose messages and statuses have ids that no other call has: some of the samples share theirs."""
    if isinstance(call, dict):
        fresh = {name: with_ids_of_its_own(value) for name, value in call.items()}
        return {**fresh, "id": a_wamid()} if isinstance(call.get("id"), str) and "timestamp" in call else fresh
    return [with_ids_of_its_own(item) for item in call] if isinstance(call, list) else call


def test_every_published_call_is_answered_and_kept_by_its_own_hash(server: Server, samples: dict[str, Any]) -> None:
    bodies = [json.dumps(sample, indent=1).encode() for sample in samples.values()]

    answers = [deliver(server, body).status for body in bodies]

    assert answers == [200] * len(samples)
    assert opened(server) == {hashlib.sha256(body).hexdigest(): body for body in bodies}
    assert {delivery.status for delivery in deliveries(server)} == {"processed", "quarantined"}
    assert not any("failed" in delivery.reason for delivery in deliveries(server))


def test_every_published_call_is_refused_without_its_signature(server: Server, samples: dict[str, Any]) -> None:
    bodies = [json.dumps(sample).encode() for sample in samples.values()]

    unsigned = [ask(server, "POST", "/webhooks/whatsapp", body=body).status for body in bodies]
    of_another = [
        ask(server, "POST", "/webhooks/whatsapp", body=body, headers=server.world.signed(body + b" ")).status
        for body in bodies
    ]

    assert (unsigned, of_another) == ([401] * len(samples), [403] * len(samples))
    assert deliveries(server) == []


def test_every_published_message_has_one_effect_however_often_it_comes(server: Server, samples: dict[str, Any]) -> None:
    calls = [with_ids_of_its_own(sample) for sample in samples.values()]

    for call in calls:
        deliver(server, call)
    once = everything(server)
    for number, call in enumerate(calls):  # in another envelope, so that it is not the same call
        deliver(server, {**call, "again": number})

    assert everything(server) == once
    counts = counted(server)
    assert counts["message duplicate"] == counts["message processed"]
    assert counts["status duplicate"] == counts["status processed"]
