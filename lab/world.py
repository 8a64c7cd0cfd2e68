"""
Where the server under trial is, and what it takes to speak to it: its address, its tokens, its public key.

Everything comes from the environment, by the server's own names; what is not there is read from what the server made
for development, under `var/`.
"""

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Struct

STATE_FOLDER = Path("var")
SECONDS = 10


class World(Struct, frozen=True):
    """A server, as its peers know it."""

    url: str
    app_secret: str
    admin_token: str
    portal_token: str
    courier_key: str
    public_key: str

    def signed(self, body: bytes) -> dict[str, str]:
        """Return the headers that Meta sends with *body*."""
        signature = hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}

    def ask(self, method: str, path: str, content: Any = None, *, token: str = "", key: str = "") -> Any:
        """Speak to an address as JSON, with a bearer *token* or a courier's *key*; return what it answers, decoded."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"x-api-key": key} if key else {}
        response = httpx2.request(method, self.url + path, json=content, headers=headers, timeout=SECONDS)
        return response.json()

    def deliver(self, update: Any) -> int:
        """Let Meta's webhook bring *update*; return the status it is answered."""
        body = json.dumps(update).encode()
        response = httpx2.post(
            f"{self.url}/webhooks/whatsapp", content=body, headers=self.signed(body), timeout=SECONDS
        )
        return response.status_code


def world() -> World:
    """Return the world that the environment and `var/` describe."""
    kept_at = STATE_FOLDER / "development.json"
    kept = json.loads(kept_at.read_text()) if kept_at.exists() else {}

    def setting(name: str) -> str:
        return os.environ.get(f"WAYSTATE_{name.upper()}") or kept.get(name, "")

    couriers = dict(pair.split("=", 1) for pair in setting("courier_secrets").split(",") if "=" in pair)
    port = os.environ.get("WAYSTATE_PORT", "8000")
    return World(
        url=os.environ.get("WAYSTATE_PUBLIC_URL", f"http://127.0.0.1:{port}").rstrip("/"),
        app_secret=setting("app_secret").split(",")[0],
        admin_token=setting("admin_token"),
        portal_token=setting("portal_token"),
        courier_key=couriers.get("generic", ""),
        public_key=_public_key(setting("passphrase")),
    )


def _public_key(passphrase: str) -> str:
    """Return the public half of the server's newest key, as Meta's phones would have it; "" if there is none."""
    named = Path(os.environ.get("WAYSTATE_PRIVATE_KEY_FILE") or STATE_FOLDER / "keys")
    files = sorted(named.glob("*.pem"), reverse=True) if named.is_dir() else [named]
    for path in files:
        if path.exists():
            text = path.read_bytes()
            secret = passphrase.encode() if b"ENCRYPTED" in text else None
            private = serialization.load_pem_private_key(text, secret)
            if isinstance(private, rsa.RSAPrivateKey):
                form = serialization.PublicFormat.SubjectPublicKeyInfo
                return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    return ""
