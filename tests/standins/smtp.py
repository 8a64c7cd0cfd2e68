"""An SMTP server (RFC 5321) on a real socket, in a thread of its own, that keeps all letters that it takes."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP


class SmtpStandIn:
    """What a server took: *letters*, in their order. With *refuses* it takes none."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.letters: list[EmailMessage] = []
        self.refuses = False

    @property
    def url(self) -> str:
        """Return the server's address, as the settings name it."""
        return f"smtp://127.0.0.1:{self.port}?from=orders@shop.example"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        stand_in: SmtpStandIn = self.server.stand_in  # type: ignore[attr-defined]
        self._say("220 shop.example")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"QUIT":
                self._say("221 bye")
                return
            if word == b"MAIL" and stand_in.refuses:
                self._say("451 not now")
            elif word == b"DATA":
                self._say("354 go on")
                lines = []
                while (said := self.rfile.readline()) != b".\r\n":
                    lines.append(said.removeprefix(b".") if said.startswith(b"..") else said)
                letter = message_from_bytes(b"".join(lines), policy=SMTP)
                stand_in.letters.append(letter)
                self._say("250 taken")
            else:
                self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def an_smtp_server() -> Iterator[SmtpStandIn]:
    """Serve until the context ends."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Conversation) as server:
        stand_in = SmtpStandIn(server.server_address[1])
        server.stand_in = stand_in  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
