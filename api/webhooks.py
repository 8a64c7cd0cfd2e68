"""Meta's webhook address: the challenge that verifies it, and the calls. What a call does is in api/whatsapp.py."""

import hmac
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.crypto import SignatureMissing, SignatureWrong, check_signature
from api.front_door import SIGNATURE_HEADER
from api.metrics import Metrics
from api.problems import Refusal, documented
from api.settings import Settings
from api.whatsapp import CHALLENGE, WhatsApp


@get("/webhooks/whatsapp", media_type=MediaType.TEXT, responses=documented(403), tags=["whatsapp"])
async def verify(
    settings: NamedDependency[Settings],
    mode: Annotated[str, QueryParameter(name="hub.mode")] = "",
    token: Annotated[str, QueryParameter(name="hub.verify_token")] = "",
    challenge: Annotated[str, QueryParameter(name="hub.challenge")] = "",
) -> str:
    """Say Meta's challenge back, if it knows our verify token."""
    if mode != "subscribe" or not token or not CHALLENGE.fullmatch(challenge):
        raise Refusal(400, "bad_challenge", "Expected hub.mode=subscribe, hub.verify_token and hub.challenge.")
    if not settings.verify_token or not hmac.compare_digest(token.encode(), settings.verify_token.encode()):
        raise Refusal(403, "wrong_verify_token", "The verify token is not ours.")
    return challenge


@post(
    "/webhooks/whatsapp",
    status_code=200,
    media_type=MediaType.TEXT,
    responses=documented(401, 403),
    tags=["whatsapp"],
)
async def take(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    metrics: NamedDependency[Metrics],
    whatsapp: NamedDependency[WhatsApp],
) -> Response[str]:
    """Take a call of Meta's: messages, statuses, and what else it tells."""
    body = await request.body()
    signatures = [value for name, value in request.scope["headers"] if name == SIGNATURE_HEADER]
    try:
        check_signature(body, signatures, settings.app_secrets)
    except SignatureMissing:
        raise _unsigned(401, "sig_missing", "The call is not signed.", metrics) from None
    except SignatureWrong:
        raise _unsigned(403, "sig_bad", "The signature is not right.", metrics) from None
    await whatsapp.take(body)
    return Response("ok")


def _unsigned(status: int, code: str, detail: str, metrics: Metrics) -> Refusal:
    """Return the refusal of a call that Meta did not sign: it is counted, and nothing of it is kept."""
    metrics.webhook_items.labels("call", code).inc()
    return Refusal(status, code, detail)
