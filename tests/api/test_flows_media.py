"""Photos that a customer picks in a Flow, from Meta's stand-in to the logic."""

import asyncio
import hashlib

import msgspec
import pytest

from api import flows
from lab.phone import Answer
from tests.api.conftest import DEFINITIONS, Serve
from tests.api.phones import Handset
from tests.api.speaking import Heard, a_call, a_completion, a_minted_session, ask, deliver, messages
from tests.api.test_crypto import uploaded
from tests.api.test_media import FILE, MEDIA_ID, answer, completed, located, site


async def sent(serve: Serve, blob: bytes | None = b"") -> tuple[Handset, Answer]:
    """Let a customer send a photo that Meta has, or has *blob* for it, or never gives it; return the answer."""
    upload = uploaded(FILE)

    async def never(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with site({"/v/1": never if blob is None else answer(blob or upload.blob)}) as cdn:

        def walked() -> tuple[Handset, Answer]:
            phone = Handset(serve(definitions=DEFINITIONS, graph_url=cdn.url("")), "damage")
            phone.open()
            photo = {
                "media_id": "1",
                "cdn_url": cdn.url("/v/1"),
                "file_name": "dent.jpg",
                "encryption_metadata": msgspec.structs.asdict(upload.keys),
            }
            return phone, phone.submit("DAMAGE", photos=[photo])

        return await asyncio.to_thread(walked)


async def test_logic_gets_the_photo_that_the_customer_picked(serve: Serve) -> None:
    phone, said = await sent(serve)

    params = {"size": len(FILE), "hash": hashlib.sha256(FILE).hexdigest(), "flow_token": phone.token}
    assert said.content["screen"] == "SUCCESS"
    assert said.content["data"] == {"extension_message_response": {"params": params}}


async def test_what_opens_a_photo_is_shown_to_nobody(serve: Serve) -> None:
    phone, _ = await sent(serve)
    path = f"/admin/api/v1/sessions/damage/{phone.token}"

    def asked() -> list[Heard]:
        return [
            ask(phone.server, "GET", place, token=phone.server.world.admin_token) for place in (path, f"{path}/history")
        ]

    session, history = await asyncio.to_thread(asked)

    assert (session.status, history.status) == (200, 200)
    photos = [session.content["context"]["forms"]["DAMAGE"]["photos"], history.content[-1]["data"]["form"]["photos"]]
    assert [[[*photo] for photo in picked] for picked in photos] == [[["media_id", "cdn_url", "file_name"]]] * 2


async def test_a_photo_that_is_not_what_the_phone_said_is_asked_for_again_and_changes_nothing(serve: Serve) -> None:
    phone, said = await sent(serve, b"x" * 40)

    message = "We could not read a file of yours. Please choose it again."
    assert said == Answer(200, {"version": "3.0", "screen": "DAMAGE", "data": {"error_message": message}})
    assert phone.server.outcomes() == {"ok": 1, "media_bad": 1}
    assert phone.instance is not None
    assert phone.instance.state == "DAMAGE"


async def test_staff_save_a_file_that_a_flow_was_completed_with(serve: Serve) -> None:
    async with site({"/files": answer(FILE)}) as graph:
        graph.says[f"/{MEDIA_ID}"] = answer(located(graph.url("/files")))

        def saved() -> tuple[Heard, Heard, Heard]:
            server = serve(graph_url=graph.url(""), access_token="EAA-test")  # noqa: S106 - nobody's
            token = a_minted_session(server)
            photos = [msgspec.to_builtins(completed())]
            deliver(server, a_call(messages(a_completion({"flow_token": token, "photos": photos}))))
            path = f"/admin/api/v1/sessions/purchase_interest/{token}/media"
            admin = server.world.admin_token
            whole = ask(server, "GET", f"{path}/{MEDIA_ID}", token=admin)
            graph.says[f"/{MEDIA_ID}"] = answer(b"{}", status="404 Not Found")
            return (
                whole,
                ask(server, "GET", f"{path}/{MEDIA_ID}", token=admin),
                ask(server, "GET", f"{path}/0", token=admin),
            )

        whole, lost, unknown = await asyncio.to_thread(saved)

    assert (whole.status, whole.body) == (200, FILE)
    assert whole.headers["content-disposition"] == "attachment"
    assert (lost.status, lost.content["code"]) == (502, "media_gone")
    assert (unknown.status, unknown.content["code"]) == (404, "unknown_media")


async def test_a_photo_that_never_comes_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "LOGIC_SECONDS", 0.1)

    phone, said = await sent(serve, None)

    message = "That did not work. Please try again."
    assert said == Answer(200, {"version": "3.0", "screen": "DAMAGE", "data": {"error_message": message}})
    assert phone.server.outcomes() == {"ok": 1, "deadline": 1}
