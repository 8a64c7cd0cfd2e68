"""What a server made of Meta's calls: the calls it keeps, what it counted, and the sessions that came of them."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from api.whatsapp import Delivery
from tests.api import speaking
from tests.api.serving import Server
from tests.api.speaking import Heard, a_call, a_scan, a_status, a_wamid, an_order, ask, moves, put_order, scan, statuses


def deliver(server: Server, call: Any) -> Heard:
    """Let Meta bring a *call* (`tests.api.speaking.deliver`), and wait until all that it says is done."""
    heard = speaking.deliver(server, call)
    server.run(server.parts.whatsapp.finish)
    return heard


def a_failed_delivery(server: Server) -> tuple[str, str]:
    """Return the key of an open NDR case and the id of the template that asked about it."""
    put_order(server, an_order())
    scan(server, a_scan("out_for_delivery", -60), a_scan("failed_delivery", -30))
    key = "O-1:T-1:20260101T115930Z"
    wamid = a_wamid()
    deliver(server, a_call(statuses(a_status("sent", wamid, biz_opaque_callback_data=f"ndr_case/{key}"))))
    return key, wamid


def deliveries(server: Server) -> list[Delivery]:
    """Return the calls that are kept, as they are kept."""
    return server.run(lambda: server.parts.store.find(Delivery))


def opened(server: Server) -> dict[str, bytes]:
    """Return the bodies of the calls that are kept, by the hashes under which they are."""
    safe = server.parts.whatsapp._safe
    return {kept.digest: safe.open("delivery", kept.digest, kept.body) for kept in deliveries(server)}


def kept(server: Server, body: bytes) -> tuple[str, str] | None:
    """Return the status of the call of that body and why it is so, or None if the call is not kept."""
    digest = hashlib.sha256(body).hexdigest()
    found = server.run(lambda: server.parts.store.find(Delivery, digest=digest))
    return (found[0].status, found[0].reason) if found else None


def became(server: Server, call: Any) -> tuple[str, str] | None:
    """Let Meta bring a call; return what became of it."""
    body = call if isinstance(call, bytes) else json.dumps(call).encode()
    assert deliver(server, body).status == 200
    return kept(server, body)


def counted(server: Server) -> dict[str, float]:
    """Return how many updates of which kind had which outcome."""
    (family,) = server.parts.metrics.webhook_items.collect()
    return {
        f"{sample.labels['kind']} {sample.labels['outcome']}": sample.value
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def everything(server: Server) -> list[Any]:
    """Return all sessions, each as lists show it, with how it moved."""
    listed = ask(server, "GET", "/admin/api/v1/sessions?limit=200", token=server.world.admin_token).content
    assert listed["next_cursor"] is None
    return [(item, moves(server, item["definition"], item["key"])) for item in listed["items"]]


@contextmanager
def refusing(server: Server, table: str, condition: str = "true") -> Iterator[None]:
    """Let the database take no new row of *table* that meets *condition*, though it keeps everything else."""
    writer = server.parts.store._writer
    refusal = f"BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'refused'); END"
    server.do(lambda: writer.execute(f"CREATE TRIGGER refuse_{table} {refusal}"))
    yield
    server.do(lambda: writer.execute(f"DROP TRIGGER refuse_{table}"))
