"""
pywa's Flow endpoint, to be measured beside ours: `python bench/pywa_endpoint.py PATH KEY ANSWERS`.

It is pywa as its documentation sets it up, on FastAPI and uvicorn with the same event loop and HTTP parser as ours,
and with the least logic there can be: each screen's answer is looked up in a file. It keeps nothing. Updates are
validated as pywa does by default, which is on the webhook: it looks at no signature of a Flow call.
"""

import json
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pywa.client import WhatsApp
from pywa.types.flows import FlowRequest, FlowResponse


def application(path: str, private_key: str, answers: dict[str, Any]) -> FastAPI:
    """Return the endpoint at *path*; *answers* are `{screen, data}` by the screen of a call, "" for the opening."""
    app = FastAPI()
    client = WhatsApp(
        server=app,
        webhook_endpoint="/webhook",
        verify_token=secrets.token_hex(16),
        app_secret=secrets.token_hex(16),
        business_private_key=private_key,
    )

    @client.on_flow_request(path)
    def answer(_: WhatsApp, request: FlowRequest) -> FlowResponse:
        shown = answers[request.screen or ""]
        return FlowResponse(version=request.version, screen=shown["screen"], data=shown["data"])

    return app


class _Server(uvicorn.Server):
    """Tells when it takes calls."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()
            sys.stdout.write(f"pywa serves at http://{host}:{port}\n")
        sys.stdout.flush()


def main() -> None:
    """Serve on some port until told to stop."""
    path, key, answers = sys.argv[1:]
    config = uvicorn.Config(
        application(path, Path(key).read_text(), json.loads(Path(answers).read_text())),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )
    _Server(config).run(sockets=[socket.create_server(("127.0.0.1", 0))])


if __name__ == "__main__":
    main()
