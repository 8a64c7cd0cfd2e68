"""
Where the server under trial is, and what it takes to speak to it: its address, its tokens, its public key.

Everything comes from the environment, by the server's own names; what is not there is read from what the server made
for development, under `var/`.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Struct

STATE_FOLDER = Path("var")
SECONDS = 30

PHONE_NUMBER_ID, PHONE_NUMBER, WABA_ID = "100000000000001", "15550000001", "200000000000002"
"""Our number, as Meta calls it and as people dial it, and our account: invented, for servers that have none."""

HINTS = {
    401: "the token here is not the server's: be in the server's folder, or set its WAYSTATE_ settings here too",
    403: "the app secret here is not the server's: be in the server's folder, or set WAYSTATE_APP_SECRET",
    421: "the key here is not the server's: be in the server's folder, or set WAYSTATE_PRIVATE_KEY_FILE",
    432: "the app secret here is not the server's: be in the server's folder, or set WAYSTATE_APP_SECRET",
}
"""What it mostly means when a server refuses what the lab says."""


class Unable(Exception):
    """The lab cannot go on; the message is one line that says why and what to do."""


class World(Struct, frozen=True):
    """
    A server, as its peers know it.

    *courier_key* is that of the courier `generic`, *courier_keys* are those of all of them by name.
    """

    url: str
    app_secret: str
    admin_token: str
    portal_token: str
    courier_key: str
    public_key: str
    courier_keys: Mapping[str, str] = {}
    phone_number_id: str = PHONE_NUMBER_ID
    waba_id: str = WABA_ID

    def signed(self, body: bytes) -> dict[str, str]:
        """Return the headers that Meta sends with *body*."""
        signature = hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}

    def ask(self, method: str, path: str, content: Any = None, *, token: str = "", key: str = "") -> Any:
        """
        Speak to an address as JSON, with a bearer *token* or a courier's *key*; return what it answers, decoded.

        Raises:
            Unable: nothing answers there, what answers is no Waystate, or it refuses.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"x-api-key": key} if key else {}
        response = self._speak(method, path, json=content, headers=headers)
        try:
            decoded = response.json()
        except ValueError:
            raise Unable(f"what answers at {self.url} is no Waystate; set WAYSTATE_PUBLIC_URL") from None
        if not response.is_success:
            raise Unable(f"{method} {path}: {_refusal(response.status_code, decoded)}")
        return decoded

    def post(self, path: str, body: bytes) -> httpx2.Response:
        """
        Post *body* as Meta does, signed; return what is answered.

        Raises:
            Unable: nothing answers there.
        """
        return self._speak("POST", path, content=body, headers=self.signed(body))

    def deliver(self, update: Any) -> int:
        """
        Let Meta's webhook bring *update*; return the status it is answered.

        Raises:
            Unable: nothing answers there.
        """
        return self.post("/webhooks/whatsapp", json.dumps(update).encode()).status_code

    def _speak(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            # What the environment says of proxies is for servers elsewhere. Where there are no certificates to verify,
            # those of the system need not be read: for each request, that would be most of its time.
            verify = self.url.startswith("https:")
            return httpx2.request(method, self.url + path, verify=verify, timeout=SECONDS, trust_env=False, **options)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            what = f"no server answers at {self.url} ({type(error).__name__})"
            raise Unable(f"{what}; start it with `python3 dev.py run`, or set WAYSTATE_PUBLIC_URL") from None
        except UnicodeError:
            raise Unable("a token or key here has letters that no header can have; check its setting") from None


def world(folder: Path = STATE_FOLDER, environ: Mapping[str, str] = os.environ) -> World:
    """
    Return the world that the environment and what the server made in *folder* describe.

    Raises:
        Unable: what is kept there cannot be read.
    """

    def setting(name: str) -> str:
        return environ.get(f"WAYSTATE_{name.upper()}") or kept.get(name, "")

    try:
        kept_at = folder / "development.json"
        kept = json.loads(kept_at.read_text()) if kept_at.exists() else {}
        named = Path(setting("private_key_file") or folder / "keys")
        public_key = _public_key(setting("private_key"), named, setting("passphrase"))
    except (OSError, TypeError, ValueError) as error:
        what = f"the secrets in {folder}/ or the private key cannot be read ({type(error).__name__})"
        raise Unable(f"{what}; check WAYSTATE_PRIVATE_KEY_FILE and WAYSTATE_PASSPHRASE") from None
    pairs = (pair.partition("=") for pair in setting("courier_secrets").split(","))
    couriers = {name.strip(): secret.strip() for name, _, secret in pairs if name.strip()}
    host, port = setting("host") or "127.0.0.1", setting("port") or "8000"
    listening = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return World(
        url=(setting("public_url") or listening).rstrip("/"),
        app_secret=setting("app_secret").partition(",")[0].strip(),
        admin_token=setting("admin_token"),
        portal_token=setting("portal_token"),
        courier_key=couriers.get("generic", ""),
        public_key=public_key,
        courier_keys=couriers,
        phone_number_id=setting("phone_number_id").partition(",")[0].strip() or PHONE_NUMBER_ID,
        waba_id=setting("waba_id") or WABA_ID,
    )


def _public_key(text: str, named: Path, passphrase: str) -> str:
    """Return the public half of the server's newest key, as Meta's phones would have it; "" if there is none."""
    pem = text.replace("\\n", "\n").encode() or _newest(named)
    if not pem:
        return ""
    private = serialization.load_pem_private_key(pem, passphrase.encode() if b"ENCRYPTED" in pem else None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("a Flow endpoint's key is RSA")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _newest(path: Path) -> bytes:
    """Return the PEM text at *path*: that of the file, or of the newest in the folder; nothing if there is none."""
    files = sorted(path.glob("*.pem"), reverse=True) if path.is_dir() else [path]
    return files[0].read_bytes() if files and files[0].exists() else b""


def _refusal(status: int, problem: Any) -> str:
    """Return what a refusal says, on one line."""
    said = (
        [problem.get(name, "") for name in ("code", "detail", "error", "reason")] if isinstance(problem, dict) else []
    )
    return "; ".join(str(part) for part in (status, *said, HINTS.get(status, "")) if part)
